"""Uniform on the unit sphere, the prior of a spherical posterior."""

from vae_jax.families.spherical import Sphere
from vae_jax.latents import About
from vae_jax.types import Params

SUPPORTS = ("unit-sphere",)
OPTIONS: dict[str, int] = {}


def distribution(own: Params, about: About) -> Sphere:
  """p(z) = Gamma(L / 2) / (2 pi^(L/2)) on the sphere. Davidson et al. (2018), section 3.2."""
  del own
  return Sphere(about.sizes.latents)
