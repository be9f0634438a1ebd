"""IWAE: a tighter bound on log p(x) from K weighted draws of the posterior."""

from vae_jax.objectives import _importance
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER: dict[str, float] = {}
OPTIONS = {"samples": 50}  # K: it changes a shape, so it is static


def loss(
  vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper, samples: int = 50
) -> Terms:
  """-log 1/K sum_k w_k,  w_k = p(x|z_k) p(z_k) / q(z_k|x), for ONE example.

  Burda et al. (2016), eq. 8; at K = 1 the negative ELBO with one draw. `rate` and `distortion`
  are the exact split of the bound, `_importance.split`.
  """
  del hyper
  return _importance.terms(
    vae, params, example, key, samples, "IWAE weighs draws by their density"
  )
