"""GECO: the least rate at a chosen distortion, by a multiplier that is adapted."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER = {"target": 80.0, "climb": 0.05, "gain": 1.0, "memory": 0.9}  # target in nats
SIGNED = ("target",)  # the distortion of a density may lie below 0
COMPARABLE = False  # the multiplier moves: losses of two steps do not measure the same
BOUND = 12.0  # of the log multiplier, either way
MOST = 0.1  # of the relative excess that counts


def state() -> Params:
  """The log multiplier, and the excess of the distortion, a moving average relative to target."""
  return {"log_multiplier": jnp.zeros(()), "excess": jnp.zeros(())}


def loss(vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper) -> Terms:
  """rate + λ (distortion - target), for ONE example, with one sample of z.

  Rezende & Viola (2018), eq. 2 and algorithm 1: the Lagrangian of the least KL(q(z|x) || p(z))
  subject to E[-log p(x|z)] = target. λ is fixed within a step, see `update`. At the
  multiplier λ a solution is that of the β-VAE at β = 1 / λ, up to the scale of the loss.
  """
  q, p = vae.posterior(params, example), vae.prior(params, example)
  drawn = distributions.draw(q, key)
  rate = jnp.sum(distributions.rates(q, p, drawn))
  distortion = -vae.log_likelihood(params, drawn.z, example)
  multiplier = _multiplier(params["state"]["objective"], hyper)
  value = rate + multiplier * (distortion - hyper["target"])
  return Terms(value, rate, distortion, q, drawn.z, distortion)


def update(own: Params, distortion: Array, hyper: Hyper) -> Params:
  """log λ <- log λ + climb c, with c the moving average of the relative excess.

    c <- memory c + (1 - memory) clip((distortion - target) / max(|target|, 1), -0.1, 0.1)

  Algorithm 1 of the source, with three departures that keep it from oscillating. The excess is
  relative and bounded, so that its size does not depend on the unit of x, and the multiplier
  does not grow at the beginning of training. `gain` c also moves the multiplier at once (the
  proportional term of Shao et al., 2020). And the multiplier is bounded.

  Args:
    own: of `state`.
    distortion: of the batch's mean, [] nats.
    hyper: the numbers.
  """
  target = hyper["target"]
  relative = (distortion - target) / jnp.maximum(jnp.abs(target), 1.0)
  keep, new = hyper["memory"], jnp.clip(relative, -MOST, MOST)
  excess = keep * own["excess"] + (1.0 - keep) * new
  climbed = own["log_multiplier"] + hyper["climb"] * excess
  return {"log_multiplier": jnp.clip(climbed, -BOUND, BOUND), "excess": excess}


def _multiplier(own: Params, hyper: Hyper) -> Array:
  """λ of this step, [], without a gradient."""
  at = own["log_multiplier"] + hyper["gain"] * own["excess"]
  return jax.lax.stop_gradient(jnp.exp(at))
