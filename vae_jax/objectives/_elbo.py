"""The terms that the objectives with a batch-level part have in common."""

import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Params, Terms


def terms(
  vae: VAE,
  params: Params,
  example: Example,
  key: Array,
  why: str,
  weight: Array | float = 1.0,
  standard: bool = True,
) -> Terms:
  """-E_q[log p(x|z)] + weight KL(q(z|x) || p(z)), for ONE example, with one sample of z.

  At the weight 1 it is the negative ELBO, Kingma & Welling (2014), eq. 7.

  Args:
    vae: the functions of the model.
    params: of one member.
    example: of the data.
    key: of the draw.
    why: what the batch-level part reads, the beginning of a sentence.
    weight: of the rate.
    standard: whether that part computes with p(z) = N(0, I).

  Raises:
    UserError: q is no diagonal Gaussian, or p is not N(0, I) where it must be.
  """
  distributions.require(vae, ("gaussian",), why, standard)
  q, p = vae.posterior(params, example), vae.prior(params, example)
  drawn = distributions.draw(q, key)
  rate = jnp.sum(distributions.rates(q, p, drawn))
  distortion = -vae.log_likelihood(params, drawn.z, example)
  return Terms(distortion + weight * rate, rate, distortion, q, drawn.z)
