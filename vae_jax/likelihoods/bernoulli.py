"""Independent coins, for binary x."""

import numpy as np
from scipy.special import expit

from vae_jax.likelihoods import _coins as coins
from vae_jax.likelihoods._base import Cumulative, Likelihood
from vae_jax.types import Spec


def bernoulli(spec: Spec) -> Likelihood:
  """Independent coins on logits l: log p = sum x l - softplus(l). Binary x."""
  del spec
  return Likelihood(
    "bernoulli", 1, coins.cross_entropy, coins.sigmoid_mean, coins.sample_bernoulli, ("binary",),
    symbols=2, below=_below,
  )  # fmt: skip


def _below(theta: np.ndarray) -> Cumulative:
  zero = expit(-theta[:, 0])
  return lambda k: np.where(k == 1, zero, k > 1)
