"""A row of a table with entries missing, filled in by a model: points and draws."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.inference.joint import Joint
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
  estimate of z gives draws from p(x|z) alone, whose intervals lack the spread of z. Any family
  of q and p will do whose codes are points of the whole space.

  Args:
    vae: the functions of the model.
    params: of one member.
    example: ONE row, with `observed`.
    key: of the draws.
    settings: samples L, imputations I, steps and rate of `latent_map` are read.
  """
  q = vae.posterior(params, example)
  log_x = lambda z: vae.log_likelihood(params, z, example)
  joint = Joint(log_x, vae.prior(params, example))
  fold, samples = lambda use: jax.random.fold_in(key, use), settings["samples"]
  code = distributions.code(q)
  starts = joint.starts([code], 0, key)
  mode = latent_map(joint, starts, settings["steps"], settings["rate"]).z
  own = distributions.draws(q, fold(0), samples)
  drawn = {
    ONCE: _point(code),
    MAP: _point(mode),
    WEIGHED: weigh(own.z, jax.vmap(joint)(own.z) - own.log_prob),
    LAPLACE: posterior_draws(joint, mode, fold(1), samples, floor=joint.floor(fold(2))),
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
