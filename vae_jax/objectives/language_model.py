"""The same decoder as a language model: z is 0 always, the baseline of a sequential VAE."""

import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Hyper, Params, Posterior, Terms

HYPER: dict[str, float] = {}
STOCHASTIC = False  # nothing is drawn
LATENT = False  # no code: the distortion is -log p(x) itself, exactly


def loss(vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper) -> Terms:
  """-log p(x | z = 0), for ONE example: the encoder is not asked and is not trained.

  Mikolov et al. (2010) for the recurrent language model; as the yardstick of a text VAE,
  Bowman et al. (2016), table 2. It has every parameter of the VAE, so that it is of the same
  size in what it uses: the decoder and the table of symbols.

  Raises:
    UserError: z = 0 is no code of the model.
  """
  del key, hyper
  distributions.require(
    vae, ("gaussian",), "The language model decodes z = 0 in place of a draw"
  )
  z = jnp.zeros(vae.latents)
  distortion = -vae.log_likelihood(params, z, example)
  return Terms(distortion, jnp.zeros(()), distortion, Posterior(z, z), z)
