"""Several logistics, a spike at black and a uniform part: grey levels of drawn images."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit, softmax

from vae_jax.likelihoods._base import Cumulative, Likelihood, total
from vae_jax.likelihoods._logistic import log_mass, mean_level, rounded
from vae_jax.types import Array, Spec, UserError

NEVER = -1e30  # log of a probability of nothing, with a gradient of 0


def logistic_mixture(spec: Spec, components: int = 3, levels: int = 256) -> Likelihood:
  """P(x) = w_0 [x = 0] + w_1 / levels + sum_k w_{k+1} P_k(x), weights w by a softmax.

  P_k is the mass of a logistic on the grey level x, as in `discretised_logistic`. Images of
  digits are black at most places exactly: the spike spares the logistics that. Salimans et al.
  (2017), eq. 1 and 2, with the first two parts added.

  theta [*shape, 2 + 3 K]: logits of the weights, then means and log scales of the K logistics.

  Args:
    spec: of the data.
    components: K.
    levels: how many grey levels the data has; 256 for 8-bit images.

  Raises:
    UserError: fewer than one component.
  """
  del spec
  if components < 1:
    raise UserError(
      f"likelihood.components is {components}; a mixture needs one component at least."
    )
  # Spread over [0, 1] to begin with, a tenth wide.
  centres = jnp.linspace(0.0, 1.0, components + 2)[1:-1]
  width = math.log(0.1)

  def parts(theta: Array) -> tuple[Array, Array, Array]:
    logits, rest = theta[..., : components + 2], theta[..., components + 2 :]
    places = centres.reshape((1,) * (theta.ndim - 1) + centres.shape)
    scale = jnp.maximum(rest[..., components:] + width, -7.0)
    return jax.nn.log_softmax(logits), rest[..., :components] + places, scale

  def log_prob(theta: Array, x: Array) -> Array:
    weights, mean, log_scale = parts(theta)
    spike = jnp.where(x < 0.5 / (levels - 1), 0.0, NEVER)[..., None]
    flat = jnp.full_like(spike, -math.log(levels))
    each = log_mass(mean, log_scale, x[..., None], levels)
    masses = jnp.concatenate([spike, flat, each], -1)
    return total(jax.nn.logsumexp(weights + masses, axis=-1))

  def mean_of(theta: Array) -> Array:
    weights, mean, log_scale = parts(theta)
    shares = jnp.exp(weights)
    each = mean_level(mean, log_scale, levels)
    return 0.5 * shares[..., 1] + jnp.sum(shares[..., 2:] * each, -1)

  return Likelihood(
    "logistic_mixture",
    2 + 3 * components,
    log_prob,
    mean_of,
    functools.partial(_sample, levels, parts),
    ("unit", "binary"),
    symbols=levels,
    below=functools.partial(_below, levels, components, np.asarray(centres), width),
  )


def _sample(levels: int, parts: Callable, theta: Array, key: Array) -> Array:
  which, noise, flat = jax.random.split(key, 3)
  weights, mean, log_scale = parts(theta)
  raw = mean + jnp.exp(log_scale) * jax.random.logistic(noise, mean.shape)
  uniform = jax.random.randint(flat, mean.shape[:-1], 0, levels) / (levels - 1)
  every = jnp.concatenate(
    [0.0 * raw[..., :1], uniform[..., None], rounded(raw, levels)], -1
  )
  chosen = jax.random.categorical(which, weights)[..., None]
  return jnp.take_along_axis(every, chosen, -1)[..., 0]


def _below(
  levels: int, components: int, centres: np.ndarray, width: float, theta: np.ndarray
) -> Cumulative:
  """P(level < k): of the spike, of the uniform part, of the logistics."""
  weights, rest = softmax(theta[:, : components + 2], -1), theta[:, components + 2 :]
  narrow = np.exp(-np.maximum(rest[:, components:] + width, -7.0))
  places = rest[:, :components] + centres

  def below(k: np.ndarray) -> np.ndarray:
    each = expit(((k[:, None] - 0.5) / (levels - 1) - places) * narrow)
    flat = weights[:, 0] + weights[:, 1] * k / levels
    return np.where(k > 0, flat + np.sum(weights[:, 2:] * each, -1), 0.0)

  return below
