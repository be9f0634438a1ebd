"""The diagonal Gaussian that the encoder puts out, as it is."""

from vae_jax.types import Array, Params, Posterior

FAMILY, SUPPORT = "gaussian", "real"
OPTIONS: dict[str, int] = {}


def distribution(own: Params, q: Posterior, numbers: dict[str, Array]) -> Posterior:
  """q(z|x) = N(mean(x), diag(exp(logvar(x)))). Kingma & Welling (2014), eq. 9."""
  del own, numbers
  return q
