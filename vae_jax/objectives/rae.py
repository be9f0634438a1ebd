"""The regularised autoencoder RAE-L2: short codes and a smooth decoder in place of noise."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER = {"code_penalty": 0.1, "decoder_penalty": 1e-3}
STOCHASTIC = False  # nothing is drawn and nothing is charged: there is no ELBO to report


def loss(vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper) -> Terms:
  """-log p(x | z) + code_penalty / 2 |z|^2 + decoder_penalty |theta|^2, for ONE example.

  With z = mean(x), and theta all that the decoder alone uses. Ghosh et al. (2020), eq. 6 to 8,
  with their beta and lambda and the log-likelihood as the cost. The encoder's logvar is not
  used. Samples need a density that is fitted to the codes after training, section 4 there.

  Raises:
    UserError: the codes are discrete: the likeliest one has no gradient.
  """
  del key
  distributions.require(
    vae, ("gaussian", "continuous", "hierarchy"), "The RAE learns by its code"
  )
  q = vae.posterior(params, example)
  z = distributions.code(q)
  distortion = -vae.log_likelihood(params, z, example)
  value = distortion + 0.5 * hyper["code_penalty"] * jnp.sum(jnp.square(z))
  value = value + hyper["decoder_penalty"] * decoder_size(vae, params)
  return Terms(value, jnp.zeros(()), distortion, q, z)


def decoder_size(vae: VAE, params: Params) -> Array:
  """|theta|^2 of the network's parameters that its encoder does not use, []."""
  model = params["model"]
  decodes = vae.decodes({"model": model})["model"]
  squares = jax.tree.map(
    lambda own, leaf: jnp.sum(jnp.square(leaf)) if own else jnp.zeros(()), decodes, model
  )
  return jax.tree.reduce(jnp.add, squares)
