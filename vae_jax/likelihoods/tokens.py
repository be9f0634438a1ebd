"""Categories in a row that ends: sentences."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import softmax

from vae_jax.likelihoods._base import Cumulative, Likelihood, stepwise
from vae_jax.types import Array, Spec

END = 1  # the symbol that ends a sentence; 0 pads


def tokens(spec: Spec) -> Likelihood:
  """Categories in a row that ends: 0 pads it to the length T and is neither scored nor drawn.

    log p = sum over t with x_t > 0 of  theta_{t, x_t} - log sum_{v > 0} exp theta_{t, v}

  The end of a sentence is a symbol of its own and is scored. `mean` gives the probabilities,
  [T, V].
  """

  def without_padding(theta: Array) -> Array:
    # Added rather than set: it fuses with what follows, and no copy of [T, V] is made.
    barred = jnp.where(jnp.arange(spec.categories) == 0, -1e9, 0.0)
    return theta + barred.reshape((1,) * (theta.ndim - 1) + (-1,))

  def log_prob(theta: Array, x: Array) -> Array:
    index = x.astype(int)
    picked = jnp.take_along_axis(theta, index[..., None], axis=-1)[..., 0]
    log_total = jax.nn.logsumexp(without_padding(theta), axis=-1)
    return jnp.sum(jnp.where(index > 0, picked - log_total, 0.0))

  return Likelihood(
    "tokens",
    spec.categories,
    log_prob,
    lambda theta: jax.nn.softmax(without_padding(theta)),
    lambda theta, key: jax.random.categorical(key, without_padding(theta)),
    ("category",),
    symbols=spec.categories,
    below=_below,
    end=END,
  )


def _below(theta: np.ndarray) -> Cumulative:
  """Of what is not padding."""
  return stepwise(np.pad(softmax(theta[:, 1:], -1), ((0, 0), (1, 0))))
