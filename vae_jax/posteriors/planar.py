"""Planar flows over the encoder's Gaussian: draws are bent along learned directions."""

import jax
import jax.numpy as jnp

from vae_jax.families import maps
from vae_jax.families.continuous import Flow
from vae_jax.types import Array, Params, Posterior, Sizes, UserError

FAMILY, SUPPORT = "continuous", "real"
OPTIONS = {"layers": 4}


def parameters(key: Array, sizes: Sizes, layers: int = 4) -> Params:
  """The map from the encoder's mean and logvar to (u, w, b) of each layer.

  Raises:
    UserError: fewer than one layer.
  """
  if layers < 1:
    raise UserError(f"posterior.layers is {layers}; it must be at least 1.")
  width, outputs = 2 * sizes.latents, layers * (2 * sizes.latents + 1)
  first, second = jax.random.split(key)
  weights = jax.random.normal(first, (width, outputs)) * (maps.SMALL / width**0.5)
  return {"kernel": weights, "bias": 0.1 * jax.random.normal(second, (outputs,))}


def distribution(
  own: Params, q: Posterior, numbers: dict[str, Array], layers: int = 4
) -> Flow:
  """z = f_K o ... o f_1(e), e ~ N(mean(x), diag(exp(logvar(x)))), f_k(e) = e + u tanh(w.e + b).

  Rezende & Mohamed (2015), eq. 10-13. u, w and b of each layer are linear in the encoder's mean and
  logvar, where they take them of its last hidden layer. It has no inverse in closed form, so
  the density is known of its own draws alone.
  """
  del numbers
  latents = len(q.mean)
  found = jnp.concatenate([q.mean, q.logvar]) @ own["kernel"] + own["bias"]
  rows = found.reshape(layers, 2 * latents + 1)

  def forward(e: Array) -> tuple[Array, Array]:
    stretch = jnp.zeros(())
    for row in rows:
      e, log_det = maps.planar(row[:latents], row[latents:-1], row[-1], e)
      stretch = stretch + log_det
    return e, stretch

  return Flow(q, forward, None, "planar")
