"""A mixture of Gaussians on principal components: samples without a network."""

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


def of_posteriors(
  mean: np.ndarray, std: np.ndarray, count: int, components: int, seed: int
) -> np.ndarray:
  """Codes [M, count, L] of a mixture fitted to the aggregate posterior of each of M models.

  q(z) = mean_n N(mean_n, std_n^2), of which one draw each is fitted; NaN for codes that are.

  Args:
    mean: [M, N, L].
    std: [M, N, L]; 0 of a deterministic code.
    count: how many are drawn.
    components: of the mixture.
    seed: the same draws for every model.
  """
  z = mean + std * np.random.default_rng(seed).standard_normal(mean.shape)
  found = np.full((len(z), count, z.shape[2]), np.nan, np.float32)
  for place, codes in enumerate(z):
    if np.isfinite(codes).all():
      found[place] = draw(mixture(codes, components, seed), count, seed)
  return found


def fit(x: np.ndarray, latents: int, components: int, seed: int) -> PcaMixture:
  """PCA with `latents` numbers and a mixture over the training codes; x [N, *shape]."""
  code = pca.fit(x, latents)
  return PcaMixture(code, mixture(pca.encode(code, x), components, seed))


def sample(fitted: PcaMixture, count: int, seed: int) -> np.ndarray:
  """Draws [count, *shape]."""
  return pca.decode(fitted.code, draw(fitted.mixture, count, seed))
