"""Missing steps of a window filled in without a network: interpolation, and one period away.

`observed` is [N, T, 1], 1 where a step is known. What is known is returned as it is.
"""

import numpy as np


def interpolated(y: np.ndarray, observed: np.ndarray) -> np.ndarray:
  """Straight lines between the known steps of each window [N, T, F]; the last value after them.

  Of a window without a known step it is y as it is.
  """
  filled = np.array(y, np.float32)
  steps = np.arange(y.shape[1])
  for window, seen in zip(filled, observed[..., 0] > 0.5, strict=True):
    if not seen.any():
      continue
    for sensor in window.T:
      sensor[~seen] = np.interp(steps[~seen], steps[seen], sensor[seen])
  return filled


def periodic(y: np.ndarray, observed: np.ndarray, period: int) -> np.ndarray:
  """Each missing step is the nearest known one that is whole periods before or after it.

  The seasonal naive forecast where the end is missing. A step with no such other is interpolated.
  """
  filled, seen = interpolated(y, observed), observed[..., 0] > 0.5
  known = seen.copy()
  count = y.shape[1]
  for away in range(period, count, period):
    for shift in (-away, away):
      to = slice(max(0, -shift), count - max(0, shift))
      of = slice(max(0, shift), count - max(0, -shift))
      new = ~known[:, to] & seen[:, of]
      filled[:, to] = np.where(new[..., None], y[:, of], filled[:, to])
      known[:, to] |= new
  return filled


def tuned(y: np.ndarray, observed: np.ndarray, x: np.ndarray) -> int:
  """The period from 2 to half a window that fills validation windows x in best."""
  off = lambda period: float(np.square(periodic(y, observed, period) - x).mean())
  return min(range(2, max(3, y.shape[1] // 2 + 1)), key=off)
