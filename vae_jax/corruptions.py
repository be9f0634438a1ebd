"""What may happen to an input before the encoder sees it: pure functions of one example.

Every function is `(key, x, rate) -> x`: x is [H, W, C], [D] or [T, F], `rate` a [] number in
[0, 1] that may be traced, so that several rates are one sweep. The likelihood always scores
the clean x. What is left goes to the field "input" of the example, which the encoder reads, or
to the one the function names in its attribute `field`. A pixel is one place of an image: its
channels are corrupted together. With the option `mark`, a corruption that removes values
returns (x, observed) for a model that observes; `observed` is 1 or 0 and has the shape of x, or
1 along its last axis.
"""

import jax
import jax.numpy as jnp

from vae_jax.types import Array

UNKNOWN = 2  # the symbol for "another word"; 0 is padding and 1 the end


def none(key: Array, x: Array, rate: Array) -> Array:
  """The input as it is."""
  del key, rate
  return x


def uniform(key: Array, x: Array, rate: Array, vary: bool = False) -> Array:
  """A share `rate` of the pixels, each with that probability, replaced by draws of U(0, 1).

  With `vary` each example has its own share, drawn of
  U(0, rate): one model for a whole range of rates.
  """
  rate = _own(key, rate) if vary else rate
  where_key, value_key = jax.random.split(key)
  hit = jax.random.bernoulli(where_key, rate, _places(x))
  return jnp.where(hit, jax.random.uniform(value_key, x.shape, x.dtype), x)


def mask(
  key: Array, x: Array, rate: Array, vary: bool = False, mark: bool = False
) -> Array | tuple[Array, Array]:
  """Each pixel set to 0 with probability `rate`: values missing completely at random.

  With `vary` each example has its own probability, drawn of U(0, rate).
  """
  rate = _own(key, rate) if vary else rate
  return _without(x, _pixels(key, x, rate), mark)


def block(
  key: Array, x: Array, rate: Array, mark: bool = False
) -> Array | tuple[Array, Array]:
  """A block that covers a share `rate` of the example set to 0, at a uniformly drawn place.

  In an image a rectangle with the image's proportions; in a table or a sequence a run along
  the first axis. Sides are rounded to whole pixels.
  """
  return _without(x, _region(key, x, rate), mark)


def holes(
  key: Array, x: Array, rate: Array, vary: bool = False, mark: bool = False
) -> Array | tuple[Array, Array]:
  """One half of the examples through `mask`, the other half through `block`.

  What a model for missing pixels and for missing regions is trained with; `vary` as in `mask`.
  """
  rate = _own(key, rate) if vary else rate
  which, single, region = jax.random.split(key, 3)
  pixels, rectangle = _pixels(single, x, rate), _region(region, x, rate)
  return _without(x, jnp.where(jax.random.bernoulli(which), pixels, rectangle), mark)


def _pixels(key: Array, x: Array, rate: Array) -> Array:
  """True at each place with probability `rate`."""
  return jax.random.bernoulli(key, rate, _places(x))


def _region(key: Array, x: Array, rate: Array) -> Array:
  """True inside one block of a share `rate`."""
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
  return inside.reshape(axes + (1,) * (x.ndim - len(axes)))


def _without(x: Array, hit: Array, mark: bool) -> Array | tuple[Array, Array]:
  left = jnp.where(hit, jnp.zeros_like(x), x)
  return (left, 1.0 - hit.astype(jnp.float32)) if mark else left


def dropout(key: Array, x: Array, rate: Array) -> Array:
  """Each number set to 0 with probability `rate`, the others scaled by 1 / (1 - rate).

  Srivastava et al. (2014), section 4, in the scaled form; the input dropout of Mult-VAE.
  """
  keep = jax.random.bernoulli(key, 1.0 - rate, x.shape)
  return jnp.where(keep, x / jnp.maximum(1.0 - rate, 1e-6), jnp.zeros_like(x))


def words(key: Array, x: Array, rate: Array) -> Array:
  """Each symbol that is not padding (0) replaced by the unknown one (2) with probability `rate`.

  x [T] int32. It is what the DECODER reads of the symbols before the present one, so that it
  has to ask z; the encoder reads the sentence as it is. Bowman et al. (2016), section 3.1.
  """
  hit = jax.random.bernoulli(key, rate, x.shape)
  return jnp.where(hit & (x > 0), jnp.full_like(x, UNKNOWN), x)


words.field = "read"  # of the example: who reads what is left of it; "input" without it


def _own(key: Array, rate: Array) -> Array:
  # A key folded in, so that the draws of the corruption itself are those of a fixed rate.
  return rate * jax.random.uniform(jax.random.fold_in(key, 1))


def _places(x: Array) -> tuple[int, ...]:
  return (*x.shape[:2], 1) if x.ndim == 3 else x.shape
