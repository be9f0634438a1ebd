"""A row of a table with entries missing, filled in by a model: points and draws."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.inference.latent_map import Draws, latent_map, posterior_draws, resample, weigh
from vae_jax.types import VAE, Array, Example, Params

ONCE, MAP = "encode and decode", "latent MAP"
WEIGHED, LAPLACE = "importance, encoder", "importance, Laplace"
METHODS = (ONCE, MAP, WEIGHED, LAPLACE)  # the most careful one last


def impute(
  vae: VAE, params: Params, example: Example, key: Array, settings: dict[str, Any]
) -> dict[str, tuple[Array, Array]]:
  """A row [D] filled in by each method: its point [D] and draws of it [I, D].

    E[x_mis|x_obs] ~ sum_l w_l E[x_mis|z_l],  w_l ~ p(x_obs|z_l) p(z_l) / q(z_l)

  Mattei & Frellsen (2019), eq. 12, with q the encoder's posterior or the Laplace approximation
  at the mode; draws are z resampled by weight, then x ~ p(x|z), ibid. section 3.2. A point
  estimate of z gives draws from p(x|z) alone, whose intervals lack the spread of z.

  Args:
    vae: the functions of the model.
    params: of one member.
    example: ONE row, with `observed`.
    key: of the draws.
    settings: samples L, imputations I, steps and rate of `latent_map` are read.
  """
  q = vae.posterior(params, example)
  joint = lambda z: vae.log_likelihood(params, z, example) + vae.prior.log_prob(z)
  fold = lambda use: jax.random.fold_in(key, use)
  starts = jnp.stack([q.mean, jnp.zeros_like(q.mean)])
  mode = latent_map(joint, starts, settings["steps"], settings["rate"]).z
  drawn = {
    ONCE: _point(q.mean),
    MAP: _point(mode),
    WEIGHED: _encoder_draws(vae, params, example, fold(0), settings["samples"]),
    LAPLACE: posterior_draws(joint, mode, fold(1), settings["samples"]),
  }
  found = {}
  for use, (name, draws) in enumerate(drawn.items()):
    means = jax.vmap(lambda z: vae.mean(params, z))(draws.z)
    point = jnp.exp(draws.log_weights) @ means
    several = resample(draws, fold(10 + use), settings["imputations"])
    own = jax.random.split(fold(20 + use), len(several))
    draw = lambda z, key: vae.sample(params, z, key)
    found[name] = (point, jax.vmap(draw)(several, own))
  return found


def _point(z: Array) -> Draws:
  return Draws(z[None], jnp.zeros(1), jnp.ones(()))


def _encoder_draws(
  vae: VAE, params: Params, example: Example, key: Array, samples: int
) -> Draws:
  q = vae.posterior(params, example)
  noise = jax.random.normal(key, (samples, *q.mean.shape))
  z = jax.vmap(lambda e: distributions.reparameterise(q, e))(noise)

  def log_weight(z: Array) -> Array:
    joint = vae.log_likelihood(params, z, example) + vae.prior.log_prob(z)
    return joint - distributions.log_prob(q, z)

  return weigh(z, jax.vmap(log_weight)(z))
