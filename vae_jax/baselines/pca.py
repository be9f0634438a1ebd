"""Principal components: the linear code that nonlinear ones are compared with."""

from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from vae_jax.baselines import em_gaussian
from vae_jax.types import UserError


class Pca(NamedTuple):
  """A fitted linear code z = (x - mean) W^T, x = mean + z W."""

  mean: np.ndarray  # [D]
  components: np.ndarray  # W [L, D], orthonormal rows
  std: np.ndarray  # [L] of each code over the training examples
  shape: tuple[int, ...]  # of one example


def fit(x: np.ndarray, latents: int) -> Pca:
  """The best linear code of L numbers in squared error, fitted on the training split.

  Args:
    x: [N, *shape] decoded to float.
    latents: L; fewer are used where N or D is smaller.

  Raises:
    UserError: there are fewer than two examples.

  Pearson (1901); Tipping & Bishop (1999) for the Gaussian it defines.
  """
  if len(x) < 2:
    raise UserError(f"PCA is fitted on two training examples or more; there are {len(x)}.")
  flat = np.asarray(x, np.float32).reshape(len(x), -1)
  count = min(latents, *flat.shape)
  solver = "covariance_eigh" if flat.shape[1] <= 2000 else "randomized"
  fitted = PCA(count, svd_solver=solver, random_state=0).fit(flat)
  std = np.sqrt(np.maximum(fitted.explained_variance_, 0))
  return Pca(fitted.mean_, fitted.components_, std, x.shape[1:])


def fit_seen(x: np.ndarray, seen: np.ndarray, latents: int) -> Pca:
  """`fit` where entries are missing: the axes of a Gaussian's covariance, fitted by EM.

  Args:
    x: [N, *shape]; what is missing is not read.
    seen: [N, *shape], 1 where an entry is there; a column that never is has no part in a code.
    latents: L; fewer are used where N or the columns are fewer.
  """
  flat, there = (part.reshape(len(x), -1) for part in (np.asarray(x, np.float64), seen > 0))
  if there.all():
    return fit(x, latents)
  kept = there.any(0)
  gaussian = em_gaussian.fit(np.where(there, flat, np.nan)[:, kept], ridge=1e-6)
  values, axes = np.linalg.eigh(gaussian.covariance)
  count = min(latents, len(flat), len(values))
  mean, components = np.zeros(flat.shape[1]), np.zeros((count, flat.shape[1]))
  mean[kept], components[:, kept] = gaussian.mean, axes.T[::-1][:count]
  std = np.sqrt(np.maximum(values[::-1][:count], 0))
  return Pca(mean, components, std, x.shape[1:])


def rebuild_seen(
  pca: Pca, x: np.ndarray, seen: np.ndarray, numbers: int | None = None
) -> np.ndarray:
  """`rebuild` with codes that fit best, and are shortest, on what is there of each row."""
  if seen.all():
    return rebuild(pca, x, numbers)
  flat, there = (part.reshape(len(x), -1) for part in (x, seen > 0))
  axes = pca.components[:numbers] * there[:, None]  # [N, L, D]
  gap = np.where(there, flat - pca.mean, 0.0)
  z = np.einsum("nd,ndl->nl", gap, np.linalg.pinv(axes))
  plain = pca._replace(components=pca.components[:numbers])
  return decode(plain, z)


def encode(pca: Pca, x: np.ndarray) -> np.ndarray:
  """[N, *shape] -> [N, L]."""
  flat = np.asarray(x, np.float32).reshape(len(x), pca.mean.size)  # also of no rows
  return (flat - pca.mean) @ pca.components.T


def decode(pca: Pca, z: np.ndarray) -> np.ndarray:
  """[N, L] -> [N, *shape]."""
  return (pca.mean + z @ pca.components).reshape(len(z), *pca.shape).astype(np.float32)


def rebuild(pca: Pca, x: np.ndarray, numbers: int | None = None) -> np.ndarray:
  """x [N, *shape] from its first `numbers` codes; all of them without it."""
  kept = np.arange(len(pca.std)) < (len(pca.std) if numbers is None else numbers)
  return decode(pca, encode(pca, x) * kept)


def sample(pca: Pca, count: int, rng: np.random.Generator) -> np.ndarray:
  """Draws [count, *shape] from the Gaussian N(mean, W^T diag(std^2) W) of the codes."""
  return decode(pca, rng.standard_normal((count, len(pca.std))) * pca.std)
