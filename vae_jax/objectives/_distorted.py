"""New styles of known ones: one random distortion of all pictures of a style."""

import jax
import jax.numpy as jnp

from vae_jax.types import Array

SLANT = 0.25  # columns a row, at most
STRETCH = 0.15  # of the logarithm of a side, at most
STROKE = 0.5  # of the way to the lightest or darkest of the 3 x 3 pixels around, at most


def distorted(x: Array, key: Array, amount: Array) -> Array:
  """Pictures [K, H, W, C], all with the same slant, stretch of both sides and stroke.

    x'(i, j) = x(c + e^v (i - c), c + e^h (j - c + s (i - c))), c the middle, linear in between
    x'' = x' + w (highest of x' around - x') for w > 0, else x' + w (x' - lowest around)

  s, v, h and w are uniform within ± `amount` times their most; with 0 the pictures stay.

  Args:
    x: on black: outside of the frame is 0.
    key: of the distortion.
    amount: [], in [0, 1].
  """
  draw = amount * jax.random.uniform(key, (4,), minval=-1.0, maxval=1.0)
  slant, high, wide, stroke = draw * jnp.array([SLANT, STRETCH, STRETCH, STROKE])
  rows, columns = (jnp.arange(n) - (n - 1) / 2 for n in x.shape[1:3])
  near = lambda at, known: jnp.maximum(0.0, 1.0 - jnp.abs(jnp.subtract.outer(at, known)))
  down = near(jnp.exp(high) * rows, rows)  # [H, H]
  along = jnp.exp(wide) * (columns[None] + slant * rows[:, None])  # [H, W]
  x = jnp.einsum("ia,kajc->kijc", down, x)
  x = jnp.einsum("ijb,kibc->kijc", near(along, columns), x)
  light, dark = _around(x, jnp.maximum), _around(x, jnp.minimum)
  return x + jnp.maximum(stroke, 0) * (light - x) + jnp.minimum(stroke, 0) * (x - dark)


def _around(x: Array, of_two: jnp.ufunc) -> Array:
  """The highest or lowest of the 3 x 3 pixels around each, [K, H, W, C]."""
  height, width = x.shape[1:3]
  x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
  x = of_two(of_two(x[:, :height], x[:, 1:-1]), x[:, 2:])
  return of_two(of_two(x[:, :, :width], x[:, :, 1:-1]), x[:, :, 2:])
