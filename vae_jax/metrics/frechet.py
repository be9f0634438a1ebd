"""How far two sets of features lie apart, as Gaussians: the Fréchet distance."""

import numpy as np


def distance(x: np.ndarray, y: np.ndarray) -> float:
  """The squared Fréchet distance of the Gaussians fitted to features [N, F] and [P, F].

    |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x^1/2 S_y S_x^1/2)^1/2)

  0 for equal moments, and biased upwards on few examples: print beside it what two samples of
  the data themselves have. NaN where a feature is not finite. Dowson & Landau (1982), eq. 4;
  as a score of samples Heusel et al. (2017), eq. 6, there in features of another data set.
  """
  x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
  if not (np.isfinite(x).all() and np.isfinite(y).all()):
    return float("nan")
  mean = np.square(x.mean(0) - y.mean(0)).sum()
  cov_x, cov_y = (np.atleast_2d(np.cov(v, rowvar=False)) for v in (x, y))
  values, axes = np.linalg.eigh(cov_x)
  root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
  cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_y @ root), 0)).sum()
  return float(mean + np.trace(cov_x) + np.trace(cov_y) - 2 * cross)


def influence(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Numbers [N] whose mean is `distance` and whose variance / N is its own, to first order.

    d + f_xy(x_n) + f_yx(y_n),
    f_xy(v) = 2 (m_x - m_y).(v - m_x) + (v - m_x)' (I - T_xy) (v - m_x), less its mean over x,
    T_xy = S_x^-1/2 (S_x^1/2 S_y S_x^1/2)^1/2 S_x^-1/2

  f is how the distance changes as an example counts more (the infinitesimal jackknife). T is the
  map of one Gaussian to the other, on the directions in which x varies. The error of a distance
  near 0, which cannot become less, is not of first order.

  Args:
    x: features [N, F].
    y: features [N, F]; row n is resampled with row n of x.

  Efron (1982), chapter 6; the gradient of the distance: Bhatia, Jain & Lim (2019), section 5.
  """
  x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
  total = distance(x, y)
  if not np.isfinite(total):
    return np.full(len(x), np.nan)
  return total + _pull(x, y) + _pull(y, x)


def _pull(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """f_xy of every row of x, [N]."""
  off = x - x.mean(0)
  cov_x, cov_y = (np.atleast_2d(np.cov(v, rowvar=False)) for v in (x, y))
  values, axes = np.linalg.eigh(cov_x)
  kept = values > 1e-10 * max(values[-1], 1e-300)
  values, axes = values[kept], axes[:, kept]
  root = axes * np.sqrt(values)  # S_x^1/2 in the directions of x
  inner, turn = np.linalg.eigh(root.T @ cov_y @ root)
  half = (turn * np.sqrt(np.sqrt(np.maximum(inner, 0)))).T @ (
    off @ (axes / np.sqrt(values))
  ).T
  found = 2 * off @ (x.mean(0) - y.mean(0)) + np.square(off).sum(1) - np.square(half).sum(0)
  return found - found.mean()
