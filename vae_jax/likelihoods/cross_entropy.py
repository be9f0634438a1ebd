"""Bernoulli's formula on grey levels, which is no likelihood there."""

from vae_jax.likelihoods import _coins as coins
from vae_jax.likelihoods._base import Likelihood
from vae_jax.types import Spec


def cross_entropy(spec: Spec) -> Likelihood:
  """Bernoulli's formula on grey levels in [0, 1], as many tutorials have it.

  It is no likelihood there: it does not integrate to 1, and at its best it is the entropy of
  the grey levels and not 0. `sample` gives the mean, as no distribution belongs to it.
  """
  del spec
  return Likelihood(
    "cross_entropy",
    1,
    coins.cross_entropy,
    coins.sigmoid_mean,
    lambda theta, key: coins.sigmoid_mean(theta),
    ("unit", "binary"),
    proper=False,
  )
