"""A linear decoder's parameters, read off the functions of a model."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.types import VAE, Array, Params


class Linear(NamedTuple):
  """p(x|z) = N(W z + b, s^2 I)."""

  weights: Array  # W [D, L]
  bias: Array  # b [D]
  noise: Array  # s^2 []


def decoder(vae: VAE, params: Params, size: int) -> Linear:
  """W, b and s^2 of a model that is known to be linear and Gaussian.

    b = E[x|0],  W_l = E[x|e_l] - b,  log p(b|0) = -D/2 log(2 pi s^2)

  Args:
    vae: the functions of the model.
    params: of one member.
    size: D.
  """
  zero = jnp.zeros(vae.latents)
  bias = vae.mean(params, zero)
  columns = jax.vmap(lambda z: vae.mean(params, z) - bias)(jnp.eye(vae.latents))
  peak = vae.log_likelihood(params, zero, {"x": bias})
  return Linear(columns.T, bias, jnp.exp(-2 * peak / size) / (2 * jnp.pi))
