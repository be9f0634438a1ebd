"""Clips as frames and as grey levels."""

import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array


def as_frames(x: np.ndarray) -> np.ndarray:
  """[..., T, F] -> [..., T, H, W] of square frames."""
  side = round(x.shape[-1] ** 0.5)
  return x.reshape(*x.shape[:-1], side, side)


def as_bytes(x: Array) -> Array:
  """Values in [0, 1] as grey levels: a quarter of the memory."""
  return jnp.round(255 * jnp.clip(x, 0, 1)).astype(jnp.uint8)
