"""The matrix profile: how far a window is from the nearest stretch of the training series."""

import importlib.util
from collections.abc import Sequence

import numpy as np

from vae_jax.baselines.novelty import Detector, Scorer


def installed() -> bool:
  """Whether the optional package of the extra `series` is installed."""
  return importlib.util.find_spec("stumpy") is not None


def detector(series: Sequence[np.ndarray], steps: int) -> Detector:
  """A detector of windows by the join of them with training series, by the package stumpy.

      score = mean over sensors of min over places p of the training series |n(x) - n(series_p)|

  with n(x) the sensor's window less its mean, in units of its deviation. It has no number to
  choose; without n it would be the nearest neighbour of `novelty`.

  Args:
    series: stretches [P, F] of training rows that hang together; every place of them is tried,
      also those between the windows that a model is trained on.
    steps: T.

  Yeh et al. (2016), "Matrix profile I": the join of two series.
  """
  width = series[0].shape[1]
  gap = np.full((1, width), np.nan)  # no window may reach from one stretch into the next
  joined = np.concatenate([part for one in series for part in (one, gap)]).astype(float)

  def fit(x: np.ndarray, number: float, seed: int) -> Scorer:
    del x, number, seed
    return lambda y: _nearest(y.reshape(len(y), steps, width), joined)

  return Detector(fit, (1.0,))


def _nearest(x: np.ndarray, series: np.ndarray) -> np.ndarray:
  """The mean over sensors of the distance of windows [N, T, F] to their nearest place, [N]."""
  import stumpy

  x, steps = x.astype(np.float64), x.shape[1]
  found = np.zeros(len(x))
  for sensor in range(x.shape[-1]):
    one = np.ascontiguousarray(series[:, sensor])
    flat = np.ascontiguousarray(x[..., sensor]).reshape(-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # of stretches that stand still
      profile = stumpy.stump(flat, steps, T_B=one, ignore_trivial=False)[::steps, 0]
    found += profile.astype(np.float64) / x.shape[-1]
  return found
