"""Counts over all the elements from one distribution."""

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from vae_jax.likelihoods._base import Likelihood
from vae_jax.types import Array, Spec


def multinomial(spec: Spec, total: int = 1) -> Likelihood:
  """Counts over all the elements of x from one distribution: a basket, a bag of words.

  log p = log n! - sum log x_i! + sum x_i log softmax(logits)_i,  n = sum x_i

  Liang et al. (2018), eq. 2, with the coefficient, which they drop. `mean` and `sample` are
  those of `total` draws, as n is not modelled.
  """
  del spec

  def log_shares(theta: Array) -> Array:
    flat = jax.nn.log_softmax(theta[..., 0].reshape(-1))
    return flat.reshape(theta.shape[:-1])

  def log_prob(theta: Array, x: Array) -> Array:
    coefficient = gammaln(jnp.sum(x) + 1.0) - jnp.sum(gammaln(x + 1.0))
    return coefficient + jnp.sum(x * log_shares(theta))

  def sample(theta: Array, key: Array) -> Array:
    shares = log_shares(theta)
    drawn = jax.random.categorical(key, shares.reshape(-1), shape=(total,))
    return jnp.zeros(shares.size).at[drawn].add(1.0).reshape(shares.shape)

  return Likelihood(
    "multinomial",
    1,
    log_prob,
    lambda theta: total * jnp.exp(log_shares(theta)),
    sample,
    ("count", "binary"),
    joint=True,
  )
