"""The generative adversarial network: the decoder alone, judged by a second network."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.objectives import _adversary
from vae_jax.objectives._adversary import ADAM as ADAM
from vae_jax.objectives._adversary import OPTIONS as OPTIONS
from vae_jax.objectives._adversary import parameters as parameters
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER = {"penalty": 1.0}  # R1
STOCHASTIC = False  # no q is learned: there is no ELBO to report
COMPARABLE = False  # the players move: losses of two steps do not measure the same


def loss(
  vae: VAE,
  params: Params,
  example: Example,
  key: Array,
  hyper: Hyper,
  units: int = 256,
  layers: int = 2,
) -> Terms:
  """softplus(-D(g(z))) + softplus(-D(x)) + softplus(D(g(z))) + R1, for ONE example.

  With z ~ p(z) and g(z) = E[x|z]. The first term is the decoder's and does not reach the
  discriminator D, the others are D's and reach nothing else: one scalar with two players.
  Goodfellow et al. (2014), non-saturating; R1 of Mescheder et al. (2018), eq. 9.

  The encoder has no part in it and stays as it was drawn. The distortion is told at its mean,
  which says nothing; a code of x is found by `latent_map` alone.

  Raises:
    UserError: the prior is not N(0, I).
  """
  del units, layers
  why = "The GAN decodes draws of N(0, I)"
  distributions.require(vae, ("gaussian",), why, standard=True)
  own = params["objective"]
  made = vae.mean(params, vae.prior.sample(key))
  value = _adversary.deceive(own, made)
  value = value + _adversary.judge(own, example["x"], made, hyper["penalty"])
  q = vae.posterior(jax.lax.stop_gradient(params), example)
  z = distributions.code(q)
  distortion = -vae.log_likelihood(jax.lax.stop_gradient(params), z, example)
  return Terms(value, jnp.zeros(()), distortion, q, z)
