"""Codes on the unit sphere: a direction, and how far draws spread around it."""

import jax
import jax.numpy as jnp

from vae_jax.families.spherical import PowerSpherical
from vae_jax.types import Array, Params, Posterior, UserError

FAMILY, SUPPORT = "continuous", "unit-sphere"
OPTIONS: dict[str, int] = {}
SHORTEST = 1e-6  # of a mean, before it is made of length 1


def distribution(own: Params, q: Posterior, numbers: dict[str, Array]) -> PowerSpherical:
  """q(z|x) = PowerSpherical(mean / |mean|, L softplus(the mean of exp(-logvar))).

  De Cao & Aziz (2020). The concentration stands where a precision does: it grows as the
  encoder's logvar falls.

  Raises:
    UserError: fewer than two latents, of which there is no sphere.
  """
  del own, numbers
  latents = len(q.mean)
  if latents < 2:
    raise UserError(
      f"config.model.latents is {latents}; a sphere of codes needs 2 or more."
    )
  length = jnp.sqrt(jnp.sum(jnp.square(q.mean)) + SHORTEST**2)
  precision = jnp.mean(jnp.exp(-q.logvar))
  return PowerSpherical(q.mean / length, latents * jax.nn.softplus(precision))
