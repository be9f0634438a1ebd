"""Clips of a folder of videos and animated pictures, as squares of grey levels."""

import os
import pathlib
from collections.abc import Iterator

import numpy as np

from vae_jax.data import _files
from vae_jax.types import UserError

ENDINGS = (".mp4", ".gif", ".avi", ".mov", ".webm", ".mkv")


def read_all(
  place: pathlib.Path, side: int, frames: int, every: int
) -> list[tuple[str, np.ndarray]]:
  """(name, clips [N, T, side, side] uint8) of every video of a folder, at any depth.

  Every `every`-th frame counts; clips of one video do not overlap, and what is left over at its
  end is not used. Each frame is cut to its middle square and made smaller by area.

  Raises:
    UserError: no video, one that cannot be decoded, or one that is shorter than a clip; or the
      extra video is not installed.
  """
  paths = sorted(p for p in place.rglob("*") if p.suffix.lower() in ENDINGS)
  if not paths:
    raise UserError(f"{place} has no {', '.join(ENDINGS)}; expected a folder of videos.")
  return [(path.name, read(path, side, frames, every)) for path in paths]


def read(path: pathlib.Path, side: int, frames: int, every: int) -> np.ndarray:
  """The clips [N, T, side, side] uint8 of one video; raises as `read_all`."""
  seen = np.stack([*_frames(path, side, every)] or [np.zeros((side, side), np.uint8)])
  if len(seen) < frames:
    raise UserError(
      f"{path.name} has {len(seen)} frames, every {every}. counted, and a clip has {frames}: make"
      " data.frames or data.every smaller, or remove it."
    )
  whole = len(seen) // frames
  return seen[: whole * frames].reshape(whole, frames, side, side)


def _frames(path: pathlib.Path, side: int, every: int) -> Iterator[np.ndarray]:
  try:
    import imageio.v3 as imageio
  except ImportError as error:
    raise UserError(
      "Videos are read by imageio: install the extra with pip install 'vae-jax[video]'."
    ) from error
  plugin = "pillow" if path.suffix.lower() == ".gif" else "FFMPEG"
  # Else each file is opened by a fork of this process, against which JAX warns.
  os.environ.setdefault("IMAGEIO_FFMPEG_NO_PREVENT_SIGINT", "1")
  with _files.told(path.name, "expected a video that plays"):
    for k, frame in enumerate(imageio.imiter(path, plugin=plugin)):
      if k % every == 0:
        yield square(np.asarray(frame), side)


def square(frame: np.ndarray, side: int) -> np.ndarray:
  """The middle square of a frame [H, W] or [H, W, 3 or 4] as grey levels [side, side] uint8."""
  from PIL import Image

  grey = np.asarray(Image.fromarray(frame).convert("L"))  # luminance of ITU-R BT.601
  least = min(grey.shape)
  top, left = ((n - least) // 2 for n in grey.shape)
  cut = grey[top : top + least, left : left + least]
  return np.asarray(Image.fromarray(cut).resize((side, side), Image.Resampling.BOX))
