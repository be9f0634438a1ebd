"""Damage of many images that depends on (seed, use, row) alone: the same for every method."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import corruptions, noise
from vae_jax.types import Array


def noisy(x: np.ndarray, share: float, seed: int, use: str) -> np.ndarray:
  """Images [N, H, W, C] with that share of pixels replaced by U(0, 1)."""
  return np.asarray(_noisy(jnp.asarray(x), share, seed, use))


@functools.partial(jax.jit, static_argnames=("seed", "use"))
def _noisy(x: Array, share: Array, seed: int, use: str) -> Array:
  """`noisy` as one program for all shares."""

  def draw(x: Array, row: Array) -> Array:
    return corruptions.uniform(noise.key(seed, 0, f"{use}/noise", row), x, share)

  return jax.vmap(draw)(x, jnp.arange(len(x)))


def masks(
  shape: tuple[int, ...], shares: tuple[float, ...], seed: int, use: str
) -> np.ndarray:
  """Which pixels are observed, 1 or 0, [C, N, H, W, 1].

  The first conditions have a share of pixels missing at random, the same draw for all of them,
  so that what is missing at 25 % is missing at 50 %; then the top half, and a hole of 3/7 of
  each side in the middle.
  """
  count, height, width = shape[:3]
  keys = jax.vmap(lambda row: noise.key(seed, 0, f"{use}/mask", row))(jnp.arange(count))
  level = np.asarray(jax.vmap(lambda k: jax.random.uniform(k, (height, width, 1)))(keys))
  found = [level >= share for share in shares]
  found += [np.broadcast_to(one, level.shape) for one in blocks(height, width)]
  return np.stack(found).astype(np.float32)


def blocks(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
  """What is observed without the top half, and without a hole in the middle, [H, W, 1] each."""
  half, hole = np.ones((2, height, width, 1), bool)
  half[: height // 2] = False
  rows, columns = round(height * 3 / 7), round(width * 3 / 7)
  top, left = (height - rows) // 2, (width - columns) // 2
  hole[top : top + rows, left : left + columns] = False
  return half, hole
