"""How near one array of numbers is to another: images, tables and sequences alike."""

import numpy as np


def squared_error(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """The mean over an example's elements of (x - y)^2: [..., N, *shape] twice -> like x.

  Both must have the same number of axes; the mean is over all axes but the first one.
  """
  difference = np.asarray(x, np.float32) - np.asarray(y, np.float32)
  return np.square(difference).reshape(len(difference), -1).mean(-1, dtype=np.float64)


def psnr(mse: np.ndarray, peak: float = 1.0) -> np.ndarray:
  """Peak signal-to-noise ratio 10 log10(peak^2 / mse) in decibels; infinite where mse is 0."""
  mse = np.asarray(mse, np.float64)
  with np.errstate(divide="ignore"):
    return 20 * np.log10(peak) - 10 * np.log10(mse)
