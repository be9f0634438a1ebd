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
