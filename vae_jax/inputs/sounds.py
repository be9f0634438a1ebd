"""Two sounds of a user's own, to be blended: read as the data of a run was."""

import pathlib

import numpy as np

from vae_jax.data import sounds
from vae_jax.run import Run
from vae_jax.types import UserError


def read(path: str, run: Run) -> np.ndarray:
  """A .wav, .flac, .ogg or .mp3 as a picture [F, T, 1]; `data.sounds.read` says how.

  Raises:
    UserError: no such file, or one that is no sound, empty or silent.
  """
  place = pathlib.Path(path)
  if not place.is_file():
    raise UserError(f"There is no file {path!r}; expected a sound to blend.")
  frames = sounds.frames_of(run.config["data"])
  return sounds.pictures([sounds.read(path, place.read_bytes(), frames, 1)], frames)[0]
