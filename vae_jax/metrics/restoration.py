"""Scores of a restored image, and of several answers together."""

import jax.numpy as jnp
import numpy as np
from scipy.ndimage import uniform_filter

from vae_jax.types import Array


def ssim(x: np.ndarray, y: np.ndarray, window: int = 7) -> np.ndarray:
  """The structural similarity of images [N, H, W, C] within [0, 1]: [N], 1 where equal.

    mean over places and channels of
    (2 m_x m_y + c1)(2 s_xy + c2) / ((m_x^2 + m_y^2 + c1)(s_x^2 + s_y^2 + c2))

  with means m and sample (co)variances s over a window x window box, c1 = 0.01^2 and
  c2 = 0.03^2; places whose box leaves the image do not count. The window is reduced to the
  largest odd one that fits. Wang et al. (2004), eq. 13; the defaults of scikit-image's
  `structural_similarity`, which treats one image at a time.
  """
  x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
  window = min(window, (min(x.shape[1:3]) - 1) // 2 * 2 + 1)
  box = lambda v: uniform_filter(v, (1, window, window, 1))
  mean_x, mean_y = box(x), box(y)
  sample = window**2 / max(window**2 - 1, 1)  # a variance with n - 1
  var_x, var_y = sample * (box(x * x) - mean_x**2), sample * (box(y * y) - mean_y**2)
  cov = sample * (box(x * y) - mean_x * mean_y)
  c1, c2 = 0.01**2, 0.03**2
  value = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
  value /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
  edge = window // 2
  inside = slice(edge, -edge or None)
  return value[:, inside, inside].mean((1, 2, 3))


def crps(draws: Array, x: Array) -> Array:
  """The continuous ranked probability score of an ensemble, for each number: lower is better.

    mean_k |d_k - x| - 1/2 mean_kl |d_k - d_l|

  In units of x; |d - x| for an ensemble of one. draws [K, *shape], x [*shape] -> [*shape].
  Gneiting & Raftery (2007), eq. 21. The second mean is over all pairs, l = k included, and
  is taken from the sorted draws.
  """
  count = draws.shape[0]
  order = jnp.sort(draws, 0)
  rank = (2.0 * jnp.arange(1, count + 1) - count - 1.0) / count**2
  rank = rank.reshape(-1, *[1] * x.ndim)
  return jnp.abs(draws - x[None]).mean(0) - jnp.sum(rank * order, 0)


def covered(draws: Array, x: Array, level: float = 0.9) -> Array:
  """Whether x is in the central interval of its draws, for each number: 1 or 0.

  The ends are the draws of ranks q (K + 1), q = (1 - level) / 2 and (1 + level) / 2, interpolated
  between two of them. One more draw is inside with probability `level`. If K < (1 + level) /
  (1 - level) the ends are the extreme draws, and the probability is lower. draws [K, *shape],
  x [*shape] -> [*shape]. Weibull (1939); Hyndman & Fan (1996), definition 6.
  """
  count = draws.shape[0]
  ranks = np.array([(1 - level) / 2, (1 + level) / 2]) * (count + 1)
  places = np.clip((ranks - 1) / max(count - 1, 1), 0.0, 1.0)
  low, high = jnp.quantile(draws, jnp.asarray(places, jnp.float32), axis=0)
  return ((x >= low) & (x <= high)).astype(jnp.float32)


def diversity(answers: Array) -> Array:
  """The root mean squared difference of two different answers [K, *shape], []; K >= 2.

  sqrt(2 / (K - 1) sum_k mean (a_k - mean a)^2): 0 where all answers are the same.
  """
  count = answers.shape[0]
  spread = jnp.square(answers - answers.mean(0, keepdims=True)).reshape(count, -1)
  return jnp.sqrt(2.0 * spread.mean(-1).sum() / (count - 1))
