"""Principal components: the linear code that every nonlinear one has to beat."""

from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA

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


def encode(pca: Pca, x: np.ndarray) -> np.ndarray:
  """[N, *shape] -> [N, L]."""
  return (np.asarray(x, np.float32).reshape(len(x), -1) - pca.mean) @ pca.components.T


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
