"""Lossy codecs: numbers quantised and entropy-coded, and picture formats with loss."""

import io
from typing import NamedTuple

import numpy as np

from vae_jax.baselines.lossless import contact_sheet


class Quantiser(NamedTuple):
  """A uniform quantiser of L numbers, and what each of its steps costs."""

  step: float
  low: np.ndarray  # [L] the lowest step that is coded
  bits: np.ndarray  # [L, V] of each step


def fit(codes: np.ndarray, step: float) -> Quantiser:
  """The code lengths of quantised training codes [N, L], with half a count for every step.

  Steps beyond those of train are coded as the nearest of them.
  """
  steps = np.round(codes / step).astype(np.int64)
  low, high = steps.min(0) - 1, steps.max(0) + 1
  count = int((high - low).max()) + 1
  counts = np.full((codes.shape[1], count), 0.5)
  for i, own in enumerate((steps - low).T):
    counts[i] += np.bincount(own, minlength=count)
    counts[i, int(high[i] - low[i]) + 1 :] = 0  # no step of this number lies there
  with np.errstate(divide="ignore"):
    return Quantiser(step, low, -np.log2(counts / counts.sum(1, keepdims=True)))


def quantise(quantiser: Quantiser, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """The nearest steps of codes [N, L], as places from `low`, and as numbers again."""
  known = np.isfinite(quantiser.bits).sum(1)
  places = np.round(codes / quantiser.step).astype(np.int64) - quantiser.low
  places = np.clip(places, 0, known - 1)
  return places, (places + quantiser.low) * quantiser.step


def bits(quantiser: Quantiser, places: np.ndarray) -> np.ndarray:
  """What an entropy coder needs for the places of each example, [N]."""
  return np.take_along_axis(quantiser.bits, places.T, 1).sum(0)


def picture(x: np.ndarray, name: str, quality: int) -> tuple[float, np.ndarray]:
  """Images [N, H, W, C] in [0, 1] as one picture with loss: its bits, and what it shows."""
  from PIL import Image

  levels = np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)
  sheet = contact_sheet(levels)
  image = Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet)
  file = io.BytesIO()
  (image if name == "JPEG" else image.convert("RGB")).save(file, name, quality=quality)
  seen = Image.open(file).convert("L" if sheet.shape[-1] == 1 else "RGB")
  grid = np.asarray(seen, np.float32).reshape(sheet.shape) / 255
  _, height, width, channels = x.shape
  down, across = grid.shape[0] // height, grid.shape[1] // width
  tiles = grid.reshape(down, height, across, width, channels).swapaxes(1, 2)
  return 8.0 * len(file.getvalue()), tiles.reshape(-1, *x.shape[1:])[: len(x)]
