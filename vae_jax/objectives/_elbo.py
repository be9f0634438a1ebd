"""The terms that the objectives with a batch-level part have in common."""

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Params, Terms


def terms(
  vae: VAE, params: Params, example: Example, key: Array, weight: Array | float = 1.0
) -> Terms:
  """-E_q[log p(x|z)] + weight KL(q(z|x) || p(z)), for ONE example, with one sample of z.

  At the weight 1 it is the negative ELBO, Kingma & Welling (2014), eq. 7.
  """
  q = vae.posterior(params, example)
  z = distributions.sample(q, key)
  rate, distortion = distributions.kl(q), -vae.log_likelihood(params, z, example)
  return Terms(distortion + weight * rate, rate, distortion, q, z)
