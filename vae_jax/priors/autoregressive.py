"""A masked autoregressive flow over N(0, I): each latent given those before it."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.families import maps
from vae_jax.families.continuous import Flow
from vae_jax.latents import About
from vae_jax.types import Array, Params, Sizes, UserError

SUPPORTS = ("real",)
OPTIONS = {"layers": 2, "hidden": 64}


def parameters(key: Array, sizes: Sizes, layers: int = 2, hidden: int = 64) -> Params:
  """A masked network for each layer, "layer_0" and so on; they start near the identity.

  Raises:
    UserError: a number of layers or hidden units below 1.
  """
  for name, value in (("layers", layers), ("hidden", hidden)):
    if value < 1:
      raise UserError(f"prior.{name} is {value}; it must be at least 1.")
  keys = jax.random.split(key, layers)
  return {
    f"layer_{i}": maps.conditioner(k, sizes.latents, hidden) for i, k in enumerate(keys)
  }


def distribution(own: Params, about: About, layers: int = 2, hidden: int = 64) -> Flow:
  """p(z) = prod_l N(z_l; shift_l(z_<l), scale_l(z_<l)^2), several such maps one on another.

  Papamakarios et al. (2017), eq. 3 and 4; as the prior of a VAE, Chen et al. (2017), section
  3.2. A density, which training needs, takes one pass; a draw takes L of them.
  """
  del hidden

  def inverse(z: Array) -> tuple[Array, Array]:
    stretch = jnp.zeros(())
    for i in range(layers):
      z, log_det = maps.autoregressive(own[f"layer_{i}"], z)
      z, stretch = z[::-1], stretch - log_det
    return z, stretch

  def forward(e: Array) -> tuple[Array, Array]:
    stretch = jnp.zeros(())
    for i in reversed(range(layers)):
      e, log_det = maps.unwound(own[f"layer_{i}"], e[::-1])
      stretch = stretch - log_det
    return e, stretch

  base = distributions.standard(about.sizes.latents)
  return Flow(base, forward, inverse, "autoregressive")
