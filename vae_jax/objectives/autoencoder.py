"""The deterministic autoencoder: no noise and no KL, for comparison with a VAE."""

import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER: dict[str, float] = {}
STOCHASTIC = False  # nothing is drawn and nothing is charged: there is no ELBO to report


def loss(vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper) -> Terms:
  """-log p(x | z = mean(x)), for ONE example; the encoder's logvar is not used.

  Hinton & Salakhutdinov (2006): the code is the encoder's mean, or what stands for another
  posterior. The rate is 0 because no divergence is part of this objective, not because the
  code is free.

  Raises:
    UserError: the codes are discrete: the likeliest one has no gradient.
  """
  del key, hyper
  distributions.require(
    vae, ("gaussian", "continuous", "hierarchy"), "The autoencoder learns by its code"
  )
  q = vae.posterior(params, example)
  z = distributions.code(q)
  distortion = -vae.log_likelihood(params, z, example)
  return Terms(distortion, jnp.zeros(()), distortion, q, z)
