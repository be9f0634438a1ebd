"""A mixture of diagonal Gaussians, learned with the model."""

import jax
import jax.numpy as jnp

from vae_jax.families.continuous import Mixture
from vae_jax.latents import About
from vae_jax.types import Array, Params, Posterior, Sizes, UserError

SUPPORTS = ("real",)
OPTIONS = {"components": 50}


def parameters(key: Array, sizes: Sizes, components: int = 50) -> Params:
  """Equal weights, means drawn of N(0, I), variances of 1.

  Raises:
    UserError: fewer than one component.
  """
  if components < 1:
    raise UserError(f"prior.components is {components}; it must be at least 1.")
  shape = (components, sizes.latents)
  return {
    "logits": jnp.zeros(components),
    "mean": jax.random.normal(key, shape),
    "logvar": jnp.zeros(shape),
  }


def distribution(own: Params, about: About, components: int = 50) -> Mixture:
  """p(z) = sum_k w_k N(z; mean_k, diag(exp(logvar_k))).

  The mixture prior of Dilokthanakul et al. (2016) and the "MoG" of Tomczak & Welling (2018),
  section 2: its parts are learned freely, where VampPrior's are the encoder's.
  """
  del about, components
  return Mixture(own["logits"], Posterior(own["mean"], own["logvar"]))
