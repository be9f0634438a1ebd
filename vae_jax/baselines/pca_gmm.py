"""A mixture of Gaussians on linear codes: what sampling needs no network for."""

import warnings
from typing import NamedTuple

import numpy as np

from vae_jax.baselines import pca

FITTED = 10_000  # examples that a mixture is fitted on


class PcaMixture(NamedTuple):
  """A fitted linear code and a mixture over it."""

  code: pca.Pca
  mixture: object  # sklearn's


def mixture(z: np.ndarray, components: int, seed: int) -> object:
  """A mixture of full Gaussians fitted to codes [N, L], at most FITTED evenly spaced ones.

  As a prior after training: Ghosh et al. (2020), section 4; McLachlan & Peel (2000) for EM.
  """
  from sklearn.exceptions import ConvergenceWarning
  from sklearn.mixture import GaussianMixture

  rows = np.linspace(0, len(z) - 1, min(len(z), FITTED)).round().astype(int)
  z = np.asarray(z, np.float64)[rows]
  count = min(components, max(1, len(z) // 10))
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    return GaussianMixture(count, reg_covar=1e-4, random_state=seed).fit(z)


def draw(fitted: object, count: int, seed: int) -> np.ndarray:
  """Draws [count, L] of a mixture, shuffled."""
  fitted.set_params(random_state=seed)
  z, _ = fitted.sample(count)
  return np.random.default_rng(seed).permutation(z).astype(np.float32)


def fit(x: np.ndarray, latents: int, components: int, seed: int) -> PcaMixture:
  """PCA with `latents` numbers and a mixture over the training codes; x [N, *shape]."""
  code = pca.fit(x, latents)
  return PcaMixture(code, mixture(pca.encode(code, x), components, seed))


def sample(fitted: PcaMixture, count: int, seed: int) -> np.ndarray:
  """Draws [count, *shape]."""
  return pca.decode(fitted.code, draw(fitted.mixture, count, seed))
