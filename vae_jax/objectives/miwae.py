"""MIWAE: the importance-weighted bound on what is observed, for data with missing values."""

from vae_jax.objectives import _importance
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER: dict[str, float] = {}
OPTIONS = {"samples": 20}  # K: it changes a shape, so it is static


def loss(
  vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper, samples: int = 20
) -> Terms:
  """-log 1/K sum_k w_k,  w_k = p(x_obs|z_k) p(z_k) / q(z_k|x_obs), for ONE example.

  Mattei & Frellsen (2019), eq. 4; with nothing missing it is `iwae`, Burda et al. (2016), eq. 8.
  What is missing is left out by the likelihood, which reads `example["observed"]`. The split
  into rate and distortion is exact, `_importance.split`.
  """
  del hyper
  return _importance.terms(
    vae, params, example, key, samples, "MIWAE weighs draws by their density"
  )
