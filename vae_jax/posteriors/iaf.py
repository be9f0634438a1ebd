"""Inverse autoregressive flow over the encoder's Gaussian: quick draws of correlated latents."""

import jax
import jax.numpy as jnp

from vae_jax.families import maps
from vae_jax.families.continuous import Flow
from vae_jax.types import Array, Params, Posterior, Sizes, UserError

FAMILY, SUPPORT = "continuous", "real"
OPTIONS = {"layers": 2, "hidden": 64}


def parameters(key: Array, sizes: Sizes, layers: int = 2, hidden: int = 64) -> Params:
  """A masked network for each layer, "layer_0" and so on.

  Raises:
    UserError: a number of layers or hidden units below 1.
  """
  for name, value in (("layers", layers), ("hidden", hidden)):
    if value < 1:
      raise UserError(f"posterior.{name} is {value}; it must be at least 1.")
  keys, L = jax.random.split(key, layers), sizes.latents
  return {f"layer_{i}": maps.conditioner(k, L, hidden, 2 * L) for i, k in enumerate(keys)}


def distribution(
  own: Params,
  q: Posterior,
  numbers: dict[str, Array],
  layers: int = 2,
  hidden: int = 64,
) -> Flow:
  """z_l <- z_l exp(s_l(z_<l, h)) + t_l(z_<l, h), layer after layer, from e ~ N(mean, variance).

  Kingma et al. (2016), eq. 10 and algorithm 1, with the order of the latents turned round
  between layers. The context h is the encoder's mean and logvar, where they have an output of
  its own for it; scales are bounded, exp(±2). A draw is one pass; the density of another z
  takes L of them, one after another.
  """
  del numbers, hidden
  context = jnp.concatenate([q.mean, q.logvar])

  def forward(e: Array) -> tuple[Array, Array]:
    stretch = jnp.zeros(())
    for i in range(layers):
      e, log_det = maps.autoregressive(own[f"layer_{i}"], e, context)
      e, stretch = e[::-1], stretch + log_det
    return e, stretch

  def inverse(z: Array) -> tuple[Array, Array]:
    stretch = jnp.zeros(())
    for i in reversed(range(layers)):
      z, log_det = maps.unwound(own[f"layer_{i}"], z[::-1], context)
      stretch = stretch + log_det
    return z, stretch

  return Flow(q, forward, inverse, "iaf")
