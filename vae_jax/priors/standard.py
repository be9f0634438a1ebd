"""N(0, I), the prior without parameters."""

from vae_jax import distributions
from vae_jax.latents import About
from vae_jax.types import Distribution, Params

SUPPORTS = ("real",)
STANDARD = True
OPTIONS: dict[str, int] = {}


def distribution(own: Params, about: About) -> Distribution:
  """p(z) = N(0, I). Kingma & Welling (2014), section 3."""
  del own
  return distributions.standard(about.sizes.latents)
