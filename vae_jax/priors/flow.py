"""A flow of coupling layers over N(0, I): as quick to draw from as to score."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.families import maps
from vae_jax.families.continuous import Flow
from vae_jax.latents import About
from vae_jax.types import Array, Params, Sizes, UserError

SUPPORTS = ("real",)
OPTIONS = {"layers": 4, "hidden": 64}


def parameters(key: Array, sizes: Sizes, layers: int = 4, hidden: int = 64) -> Params:
  """A network for each coupling, "layer_0" and so on; they start near the identity.

  Raises:
    UserError: a number of layers or hidden units below 1, or a single latent, which has no
      other half.
  """
  for name, value in (("layers", layers), ("hidden", hidden)):
    if value < 1:
      raise UserError(f"prior.{name} is {value}; it must be at least 1.")
  if sizes.latents < 2:
    raise UserError(
      f"config.model.latents is {sizes.latents}: couplings need 2 or more; take the mixture prior."
    )
  half, keys = sizes.latents // 2, jax.random.split(key, layers)
  reads = [sizes.latents - half if i % 2 else half for i in range(layers)]
  return {
    f"layer_{i}": maps.network(k, n, hidden, 2 * (sizes.latents - n))
    for i, (k, n) in enumerate(zip(keys, reads, strict=True))
  }


def distribution(own: Params, about: About, layers: int = 4, hidden: int = 64) -> Flow:
  """p(z) = N(f^-1(z); 0, I) |det df^-1/dz| with f of couplings that alternate halves.

  Dinh et al. (2017), section 3; as the prior of a VAE, Chen et al. (2017), section 3.2.
  """
  del hidden

  def forward(e: Array) -> tuple[Array, Array]:
    stretch = jnp.zeros(())
    for i in range(layers):
      e, log_det = maps.coupled(own[f"layer_{i}"], e, i % 2 == 1, False)
      stretch = stretch + log_det
    return e, stretch

  def inverse(z: Array) -> tuple[Array, Array]:
    stretch = jnp.zeros(())
    for i in reversed(range(layers)):
      z, log_det = maps.coupled(own[f"layer_{i}"], z, i % 2 == 1, True)
      stretch = stretch + log_det
    return z, stretch

  return Flow(distributions.standard(about.sizes.latents), forward, inverse, "coupling")
