"""Uniform over the finitely many codes of a discrete posterior."""

from vae_jax.latents import About
from vae_jax.types import Distribution, Params

SUPPORTS = ("one-hot", "codebook")
OPTIONS: dict[str, int] = {}


def distribution(own: Params, about: About) -> Distribution:
  """p(z) = V^-G over the G choices of V values each that the posterior has.

  Jang et al. (2017), section 3; van den Oord et al. (2017), section 3.2.
  """
  del own
  return about.support()
