"""One of several categories for each element."""

import jax
import jax.numpy as jnp
from scipy.special import softmax

from vae_jax.likelihoods._base import Likelihood, stepwise
from vae_jax.types import Array, Spec


def categorical(spec: Spec) -> Likelihood:
  """One of V categories for each element: log p = sum log softmax(logits)[x]. Integer x.

  `mean` gives the probabilities, [*shape, V], as categories have no average.
  """

  def log_prob(theta: Array, x: Array) -> Array:
    log_probs = jax.nn.log_softmax(theta)
    return jnp.sum(jnp.take_along_axis(log_probs, x[..., None].astype(int), axis=-1))

  return Likelihood(
    "categorical",
    spec.categories,
    log_prob,
    jax.nn.softmax,
    lambda theta, key: jax.random.categorical(key, theta),
    ("category",),
    symbols=spec.categories,
    below=lambda theta: stepwise(softmax(theta, -1)),
  )
