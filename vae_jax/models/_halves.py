"""What a layer says of a Gaussian."""

import jax.numpy as jnp

from vae_jax.types import Array, Posterior


def gaussian(both: Array) -> Posterior:
  """[..., 2 D] -> mean and logvar, the halves of the last axis, flat and float32."""
  mean, logvar = jnp.split(both.astype("float32"), 2, axis=-1)
  return Posterior(mean.reshape(-1), logvar.reshape(-1))
