"""Formulas of coins on logits l and of their density on [0, 1]; theta [*shape, 1] holds l."""

import jax
import jax.numpy as jnp

from vae_jax.likelihoods._base import total
from vae_jax.types import Array


def cross_entropy(theta: Array, x: Array) -> Array:
  """x l - softplus(l), summed: [] nats."""
  return total(_cross_entropy(theta[..., 0], x))


@jax.custom_jvp
def _cross_entropy(logits: Array, x: Array) -> Array:
  """x l - softplus(l) elementwise, softplus(l) = max(l, 0) + log(1 + exp(-|l|))."""
  return x * logits - jnp.maximum(logits, 0.0) - jnp.log1p(jnp.exp(-jnp.abs(logits)))


@_cross_entropy.defjvp
def _cross_entropy_jvp(at: tuple, along: tuple) -> tuple[Array, Array]:
  # d/dl = x - sigmoid(l), from the exponential that the value needs too.
  (logits, x), (d_logits, d_x) = at, along
  small = jnp.exp(-jnp.abs(logits))
  mean = jnp.where(logits >= 0, 1.0, small) / (1.0 + small)
  return _cross_entropy(logits, x), (x - mean) * d_logits + logits * d_x


def sigmoid_mean(theta: Array) -> Array:
  """The mean of a coin on logits, the shape of x."""
  return jax.nn.sigmoid(theta[..., 0])


def sample_bernoulli(theta: Array, key: Array) -> Array:
  """One draw of 0 or 1, the shape of x."""
  return jax.random.bernoulli(key, sigmoid_mean(theta)).astype(theta.dtype)


def log_normaliser(logits: Array) -> Array:
  """log C(l) of the continuous Bernoulli, the shape of x."""
  # Near 0 the quotient is 0 / 0: there its Taylor series, kept apart by a double where.
  small = jnp.abs(logits) < 0.3
  safe = jnp.where(small, 1.0, logits)
  series = jnp.log(2.0) + logits**2 / 12.0 - 7.0 * logits**4 / 1440.0
  return jnp.where(small, series, jnp.log(safe / jnp.tanh(0.5 * safe)))


def continuous_bernoulli_mean(theta: Array) -> Array:
  """E[x] of the continuous Bernoulli, the shape of x."""
  logits = theta[..., 0]
  small = jnp.abs(logits) < 0.3
  # Of |l|, and mirrored: exp(-l) of a low logit is infinite, and so its gradient is no number.
  safe = jnp.where(small, 1.0, jnp.abs(logits))
  upper = -1.0 / jnp.expm1(-safe) - 1.0 / safe
  near = jnp.where(small, logits, 0.0)
  series = 0.5 + near / 12.0 - near**3 / 720.0
  return jnp.where(small, series, jnp.where(logits > 0, upper, 1.0 - upper))


def sample_continuous_bernoulli(theta: Array, key: Array) -> Array:
  """One draw of it, by the inverse of its distribution function."""
  # Inverse of the distribution function at -|l|, mirrored for positive logits.
  logits = theta[..., 0]
  u = jax.random.uniform(key, logits.shape)
  small = jnp.abs(logits) < 1e-3
  safe = jnp.where(small, -1.0, -jnp.abs(logits))
  x = jnp.where(small, u, jnp.log1p(u * jnp.expm1(safe)) / safe)
  return jnp.where(logits > 0, 1.0 - x, x)
