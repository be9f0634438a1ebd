"""How a drawing of bright strokes leans and how thick it is, from its pixels alone."""

import numpy as np


def slant(x: np.ndarray) -> np.ndarray:
  """How far strokes lean to the right, of images [..., H, W, 1] >= 0: [...], 0 is upright.

    cov(column, height) / var(height), weighted by the ink

  An upright drawing that is sheared by s, column + s height, has its slant raised by s.
  """
  ink = np.asarray(x, np.float64)[..., 0]
  total = np.maximum(ink.sum((-2, -1)), 1e-9)
  height, width = ink.shape[-2:]
  y, along = -np.arange(height)[:, None] * 1.0, np.arange(width)[None, :] * 1.0
  mean = lambda v: (ink * v).sum((-2, -1)) / total
  dy = y - mean(y)[..., None, None]
  dx = along - mean(along)[..., None, None]
  return mean(dx * dy) / np.maximum(mean(dy * dy), 1e-9)


def thickness(x: np.ndarray) -> np.ndarray:
  """The mean width of strokes in pixels, of images [..., H, W, 1] in [0, 1]: [...].

    2 sum(x) / sum(|gradient of x|)

  A straight stroke of width w and length l has the area w l, and a total variation of 2 l.
  """
  ink = np.asarray(x, np.float64)[..., 0]
  pad = [(0, 0)] * (ink.ndim - 2) + [(1, 1), (1, 1)]
  ink = np.pad(ink, pad)  # an edge at the border of the picture is an edge
  right = np.diff(ink, axis=-1)[..., :-1, :]
  down = np.diff(ink, axis=-2)[..., :, :-1]
  edge = np.sqrt(right**2 + down**2).sum((-2, -1))
  return 2 * ink.sum((-2, -1)) / np.maximum(edge, 1e-9)
