"""A user's own pictures of any size, as the examples of a model of images."""

import pathlib
from typing import NamedTuple

import numpy as np

from vae_jax.data import images
from vae_jax.inputs import rows
from vae_jax.types import Spec, UserError


class Given(NamedTuple):
  """Pictures as the model's data are."""

  name: str  # of the file or the folder
  names: list[str]  # of each picture, without its ending, no two alike
  x: np.ndarray  # [N, H, W, C] float32 in [0, 1]


def read(path: str, spec: Spec, most: int) -> Given:
  """A picture file, a folder of them, or a .npy or .npz of images of the model's size.

  Pictures are cut to their middle and brought to the size that the model knows.

  Args:
    path: of the file or the folder.
    spec: of the images the model was trained on.
    most: pictures that are taken at most.

  Raises:
    UserError: nothing there, one that cannot be read, or too many.
  """
  place = pathlib.Path(path)
  if place.suffix in (".npy", ".npz"):
    given = rows.read(path, spec)
    names, x = [f"image_{name}" for name in given.rows], given.x
  else:
    files = [place] if place.is_file() else []
    if place.is_dir():
      known = (".webp", ".pgm", ".ppm", *rows.PICTURES)
      files = sorted(f for f in place.iterdir() if f.suffix.lower() in known)
    if not files:
      raise UserError(f"There is no picture and no folder of pictures at {path}.")
    x = np.stack([images.fitted(f.read_bytes(), f.name, spec) for f in files[: most + 1]])
    x = np.round(x) if spec.domain == "binary" else x
    names = [f.stem for f in files]
    names = names if len(set(names)) == len(names) else [f.name for f in files]
  if len(x) > most:
    raise UserError(
      f"{path} has {len(x)} pictures or more; at most {most} are taken at once."
    )
  return Given(place.name, names, x)
