"""VampPrior: a mixture of the posteriors of learned inputs."""

import jax
import jax.numpy as jnp

from vae_jax.families.continuous import Mixture
from vae_jax.latents import About
from vae_jax.types import Array, Params, Sizes, UserError

SUPPORTS = ("real",)
ENCODES = True  # its pseudo-inputs learn through the encoder: x must have a gradient
OPTIONS = {"components": 50, "centre": 0.5, "spread": 0.5}


def parameters(
  key: Array, sizes: Sizes, components: int = 50, centre: float = 0.5, spread: float = 0.5
) -> Params:
  """The pseudo-inputs u [K, *shape], drawn of N(centre, spread^2) in units of x.

  Raises:
    UserError: fewer than one component.
  """
  if components < 1:
    raise UserError(f"prior.components is {components}; it must be at least 1.")
  noise = jax.random.normal(key, (components, *sizes.shape))
  return {"inputs": centre + spread * noise}


def distribution(
  own: Params,
  about: About,
  components: int = 50,
  centre: float = 0.5,
  spread: float = 0.5,
) -> Mixture:
  """p(z) = 1/K sum_k q(z | u_k). Tomczak & Welling (2018), eq. 9.

  q is the encoder's Gaussian, also where a flow follows it. A conditional model encodes the
  pseudo-inputs under the example's condition.
  """
  del centre, spread
  return Mixture(jnp.zeros(components), jax.vmap(about.encode)(own["inputs"]))
