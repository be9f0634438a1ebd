"""What may happen to an input before the encoder sees it: pure functions of one example.

Every function is `(key, x, rate) -> x`: x is [H, W, C], [D] or [T, F], `rate` a [] number in
[0, 1] that may be traced, so that several rates are one sweep. The likelihood always scores
the clean x. A pixel is one place of an image: its channels are corrupted together.
"""

import jax
import jax.numpy as jnp

from vae_jax.types import Array


def none(key: Array, x: Array, rate: Array) -> Array:
  """The input as it is."""
  del key, rate
  return x


def uniform(key: Array, x: Array, rate: Array) -> Array:
  """A share `rate` of the pixels, each with that probability, replaced by draws of U(0, 1).

  The noise of the MNIST article.
  """
  where_key, value_key = jax.random.split(key)
  hit = jax.random.bernoulli(where_key, rate, _places(x))
  return jnp.where(hit, jax.random.uniform(value_key, x.shape, x.dtype), x)


def mask(key: Array, x: Array, rate: Array) -> Array:
  """Each pixel set to 0 with probability `rate`: values missing completely at random."""
  return jnp.where(jax.random.bernoulli(key, rate, _places(x)), jnp.zeros_like(x), x)


def block(key: Array, x: Array, rate: Array) -> Array:
  """A block that covers a share `rate` of the example set to 0, at a uniformly drawn place.

  In an image a rectangle with the image's proportions; in a table or a sequence a run along
  the first axis. Sides are rounded to whole pixels.
  """
  axes = x.shape[:2] if x.ndim == 3 else x.shape[:1]
  inside = jnp.ones(axes, bool)
  for axis, (size, axis_key) in enumerate(
    zip(axes, jax.random.split(key, 2), strict=False)
  ):
    length = jnp.round(size * rate ** (1.0 / len(axes)))
    start = jnp.floor(jax.random.uniform(axis_key) * (size - length + 1))
    at = jnp.arange(size)
    hit = (at >= start) & (at < start + length)
    inside = inside & jnp.expand_dims(hit, [a for a in range(len(axes)) if a != axis])
  inside = inside.reshape(axes + (1,) * (x.ndim - len(axes)))
  return jnp.where(inside, jnp.zeros_like(x), x)


def dropout(key: Array, x: Array, rate: Array) -> Array:
  """Each number set to 0 with probability `rate`, the others scaled by 1 / (1 - rate).

  Srivastava et al. (2014), section 4, in the scaled form; the input dropout of Mult-VAE.
  """
  keep = jax.random.bernoulli(key, 1.0 - rate, x.shape)
  return jnp.where(keep, x / jnp.maximum(1.0 - rate, 1e-6), jnp.zeros_like(x))


def _places(x: Array) -> tuple[int, ...]:
  return (*x.shape[:2], 1) if x.ndim == 3 else x.shape
