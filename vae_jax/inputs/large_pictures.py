"""Pictures larger than what a model knows: cut into overlapping tiles, and put together again."""

import io
import pathlib
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vae_jax.baselines import upscaling
from vae_jax.data.patches import luminance
from vae_jax.inference import damage
from vae_jax.types import Spec, UserError


class Picture(NamedTuple):
  """One picture, whole or its middle."""

  name: str
  x: np.ndarray  # [H, W, C] float32 in [0, 1], H and W multiples of 4


def read(path: str, spec: Spec, crop: int) -> list[Picture]:
  """The PNG pictures of a folder or of a .zip; `<file>.zip:<folder>` takes one folder of it.

  Args:
    path: of the folder or the file.
    spec: of the tiles: of one channel takes the luminance of a picture.
    crop: the largest side; a larger picture gives its middle.

  Raises:
    UserError: nothing there, or a picture smaller than a tile.
  """
  files = _files(path)
  if not files:
    raise UserError(f"{path} has no .png: name a folder or a .zip of pictures.")
  return [_picture(name, raw, spec, crop) for name, raw in files]


def _files(path: str) -> list[tuple[str, bytes]]:
  file, _, inside = path.partition(".zip:")
  file = f"{file}.zip" if inside else file
  place = pathlib.Path(file)
  if place.is_dir():
    return [(p.stem, p.read_bytes()) for p in sorted(place.glob("*.png"))]
  if not zipfile.is_zipfile(place):
    raise UserError(f"There is no folder and no .zip of pictures at {file}.")
  with zipfile.ZipFile(place) as archive:
    names = [n for n in sorted(archive.namelist()) if n.endswith(".png")]
    kept = [n for n in names if n.startswith(f"{inside}/" if inside else "")]
    return [(pathlib.PurePosixPath(n).stem, archive.read(n)) for n in kept]


def _picture(name: str, raw: bytes, spec: Spec, crop: int) -> Picture:
  from PIL import Image

  x = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"), np.float32) / 255
  if min(x.shape[:2]) < max(spec.shape[:2]) or crop < max(spec.shape[:2]):
    raise UserError(
      f"The picture {name} is {x.shape[0]} x {x.shape[1]} and crop {crop}; expected both at"
      f" least a tile of {spec.shape[0]} x {spec.shape[1]}."
    )
  height, width = (min(n, crop) // 4 * 4 for n in x.shape[:2])
  top, left = (x.shape[0] - height) // 2, (x.shape[1] - width) // 2
  x = x[top : top + height, left : left + width]
  return Picture(name, luminance(x) if spec.shape[-1] == 1 else x)


def places(shape: tuple[int, ...], tile: tuple[int, ...]) -> list[tuple[int, int]]:
  """The corners of tiles that cover a picture, half a tile apart in steps of 4."""
  along = []
  for size, side in zip(shape[:2], tile[:2], strict=True):
    step = max(4, side // 8 * 4)
    along.append(sorted({*range(0, size - side, step), size - side}))
  return [(i, j) for i in along[0] for j in along[1]]


def cut(x: np.ndarray, tile: tuple[int, ...]) -> np.ndarray:
  """The tiles [T, h, w, C] of a picture [H, W, C]."""
  return np.stack([x[i : i + tile[0], j : j + tile[1]] for i, j in places(x.shape, tile)])


def join(tiles: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  """The picture [H, W, C] of its tiles [T, h, w, C]: their mean where they overlap."""
  total, count = np.zeros(shape), np.zeros(shape)
  height, width = tiles.shape[1:3]
  for tile, (i, j) in zip(tiles, places(shape, tiles.shape[1:]), strict=True):
    total[i : i + height, j : j + width] += tile
    count[i : i + height, j : j + width] += 1
  return (total / count).astype(np.float32)


def joined(pictures: Sequence[Picture], tiles: np.ndarray, factor: int) -> list[np.ndarray]:
  """All pictures of all their tiles [T, h, w, C], each made to average to its small picture."""
  found, at = [], 0
  for picture in pictures:
    count = len(places(picture.x.shape, tiles.shape[1:]))
    x = join(tiles[at : at + count], picture.x.shape)
    small = damage.block_mean(picture.x, factor)
    found.append(np.asarray(damage.back_project(x, small, factor)))
    at += count
  return found


def interpolated(picture: Picture, factor: int, method: str) -> np.ndarray:
  """A picture made small and interpolated again."""
  small = np.asarray(damage.block_mean(picture.x, factor))
  return upscaling.resize(small[None], picture.x.shape[:2], method)[0]
