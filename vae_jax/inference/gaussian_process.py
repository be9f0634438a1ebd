"""A Gaussian process on codes: what a property is elsewhere, and how sure one is of it."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from scipy import stats
from scipy.spatial.distance import cdist

NOISES = (1e-3, 1e-2, 1e-1, 1.0)  # variances of noise, in units of the property's
SCALES = (0.5, 1.0, 2.0)  # lengths, in units of the median distance of two codes


class Process(NamedTuple):
  """A fitted process of zero mean over standardised values."""

  points: np.ndarray  # [N, L]
  factor: np.ndarray  # the lower Cholesky factor of the kernel with its noise, [N, N]
  weights: np.ndarray  # [N]
  length: float
  mean: float  # of the values
  std: float


def fit(z: np.ndarray, y: np.ndarray) -> Process:
  """The process with kernel exp(-|z - z'|^2 / 2 l^2) of the highest evidence on a small grid.

  Args:
    z: codes [N, L].
    y: values [N].

  Rasmussen & Williams (2006), algorithm 2.1, eq. 2.30 for the evidence.
  """
  mean, std = float(y.mean()), float(max(y.std(), 1e-9))
  unit, squares = (y - mean) / std, cdist(z, z, "sqeuclidean")
  apart = squares[np.triu_indices(len(z), 1)]
  median = float(np.sqrt(np.median(apart))) if len(apart) else 1.0
  best = None
  for scale in SCALES:
    length = max(scale * median, 1e-6)
    kernel = np.exp(-squares / (2 * length**2))
    for noise in NOISES:
      factor = np.linalg.cholesky(kernel + noise * np.eye(len(z)))
      weights = scipy.linalg.cho_solve((factor, True), unit)
      evidence = -0.5 * unit @ weights - np.log(np.diag(factor)).sum()
      if best is None or evidence > best[0]:
        best = evidence, Process(z, factor, weights, length, mean, std)
  return best[1]


def predict(fitted: Process, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """The mean and the standard deviation, without noise, at codes [P, L]: [P] each."""
  kernel = _kernel(fitted, z)
  half = scipy.linalg.solve_triangular(fitted.factor, kernel.T, lower=True)
  variance = np.maximum(1 - np.square(half).sum(0), 1e-12)
  return (
    fitted.mean + fitted.std * (kernel @ fitted.weights),
    fitted.std * np.sqrt(variance),
  )


def improvement(fitted: Process, z: np.ndarray, best: float) -> np.ndarray:
  """The expected improvement over the best value at codes [P, L]: [P].

    E max(f - best, 0) = s (u Phi(u) + phi(u)),  u = (m - best) / s

  Jones et al. (1998), eq. 15.
  """
  mean, std = predict(fitted, z)
  u = (mean - best) / std
  return std * (u * stats.norm.cdf(u) + stats.norm.pdf(u))


def gradient(fitted: Process, z: np.ndarray) -> np.ndarray:
  """That of the mean at codes [P, L]: [P, L]."""
  pulled = _kernel(fitted, z) * fitted.weights
  return (
    fitted.std * (pulled @ fitted.points - pulled.sum(1)[:, None] * z) / fitted.length**2
  )


def ascend(fitted: Process, z: np.ndarray, steps: int, rate: float) -> np.ndarray:
  """Codes [P, L] moved uphill on the mean: each step goes `rate` of the process's length.

  A code stays where the mean was highest on its way.
  """
  best, value = z.copy(), predict(fitted, z)[0]
  for _ in range(steps):
    slope = gradient(fitted, z)
    norm = np.linalg.norm(slope, axis=1, keepdims=True)
    z = z + rate * fitted.length * slope / np.maximum(norm, 1e-12)
    mean = predict(fitted, z)[0]
    higher = mean > value
    best[higher], value = z[higher], np.maximum(mean, value)
  return best


def _kernel(fitted: Process, z: np.ndarray) -> np.ndarray:
  return np.exp(-cdist(z, fitted.points, "sqeuclidean") / (2 * fitted.length**2))
