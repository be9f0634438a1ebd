"""The mass of a logistic density on grey levels, of one element or of many at once."""

import jax
import jax.numpy as jnp

from vae_jax.types import Array


def log_mass(mean: Array, log_scale: Array, x: Array, levels: int) -> Array:
  """log P(level x) elementwise; the lowest and the highest level take the tails."""
  half = 0.5 / (levels - 1)
  upper = (x + half - mean) * jnp.exp(-log_scale)
  lower = (x - half - mean) * jnp.exp(-log_scale)
  # log(F(u) - F(l)) = log F(u) + log F(-l) + log(1 - exp(-(u - l))), u - l the bin width
  width = jnp.log(-jnp.expm1(-2.0 * half * jnp.exp(-log_scale)))
  inside = jax.nn.log_sigmoid(upper) + jax.nn.log_sigmoid(-lower) + width
  edge = jnp.where(x < half, jax.nn.log_sigmoid(upper), jax.nn.log_sigmoid(-lower))
  return jnp.where((x < half) | (x > 1.0 - half), edge, inside)


def mean_level(mean: Array, log_scale: Array, levels: int) -> Array:
  """E[x] elementwise: the sum over the levels' upper edges of P(x above), a level each."""
  edges = (jnp.arange(levels - 1) + 0.5) / (levels - 1)
  edges = edges.reshape((1,) * mean.ndim + edges.shape)
  above = jax.nn.sigmoid((mean[..., None] - edges) * jnp.exp(-log_scale)[..., None])
  return jnp.sum(above, axis=-1) / (levels - 1)


def rounded(raw: Array, levels: int) -> Array:
  """Draws of the density as grey levels."""
  return jnp.round(jnp.clip(raw, 0.0, 1.0) * (levels - 1)) / (levels - 1)
