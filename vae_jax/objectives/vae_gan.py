"""VAE-GAN: reconstructions are compared in the features of a discriminator, not by pixels."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.objectives import _adversary
from vae_jax.objectives._adversary import ADAM as ADAM
from vae_jax.objectives._adversary import OPTIONS as OPTIONS
from vae_jax.objectives._adversary import parameters as parameters
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER = {"beta": 1.0, "adversary": 1.0, "penalty": 1.0}
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
  """1/2 |f(x) - f(x')|^2 + β KL + adversary [softplus(-D(x')) + softplus(-D(g(z_p)))] / 2 + D's.

  For ONE example, with x' = g(z), z ~ q(z|x), z_p ~ p(z), and f the last hidden layer of the
  discriminator D. These terms do not train D. Its own loss, on x, x' and g(z_p) with R1, trains
  nothing else. The adversary's terms do not train the encoder. Larsen et al. (2016), eq. 8-10
  and algorithm 1, where their γ is 1 / adversary.

  No term is of pixels: the distortion that is reported, -log p(x|z), is not trained.

  Raises:
    UserError: the posterior is no Gaussian, or the prior is not N(0, I).
  """
  del units, layers
  why = "The VAE-GAN decodes draws of N(0, I)"
  distributions.require(vae, ("gaussian",), why, standard=True)
  fixed = jax.lax.stop_gradient
  own, x = params["objective"], example["x"].astype(jnp.float32)
  encode_key, prior_key = jax.random.split(key)
  q = vae.posterior(params, example)
  drawn = distributions.draw(q, encode_key)
  rate = jnp.sum(distributions.rates(q, vae.prior(params, example), drawn))
  near = _adversary.features(fixed(own), x)
  rebuilt = _adversary.features(fixed(own), vae.mean(params, drawn.z))
  value = 0.5 * jnp.sum(jnp.square(near - rebuilt)) + hyper["beta"] * rate
  for z in (fixed(drawn.z), vae.prior.sample(prior_key)):
    made = vae.mean(params, z)
    value = value + 0.5 * hyper["adversary"] * _adversary.deceive(own, made)
    value = value + 0.5 * _adversary.judge(own, x, made, hyper["penalty"])
  distortion = -vae.log_likelihood(fixed(params), fixed(drawn.z), example)
  return Terms(value, rate, distortion, q, drawn.z)
