"""The importance-weighted evidence of one example under a VAE, with its posterior as proposal."""

from vae_jax import distributions
from vae_jax.metrics import importance
from vae_jax.types import VAE, Array, Example, Params


def estimate(
  vae: VAE, params: Params, example: Example, key: Array, samples: int, chunk: int
) -> importance.Evidence:
  """log p_K(x) of ONE example with the posterior as the proposal, of whatever family it is.

  w_k = p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x). Burda et al. (2016), eq. 8.
  """
  log_weight = lambda key: distributions.log_weight(vae, params, example, key)
  return importance.estimate(log_weight, key, samples, chunk)
