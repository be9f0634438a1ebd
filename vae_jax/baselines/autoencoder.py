"""A deterministic autoencoder of one hidden layer a side: a code without a prior."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.baselines import _network
from vae_jax.types import Array

WIDTH = 256

Map = Callable[[np.ndarray], np.ndarray]


def fit(x: np.ndarray, latents: int, key: Array, epochs: int) -> tuple[Map, Map]:
  """(encode, decode): images [N, *shape] to codes [N, L] and back, by least squares.

  Args:
    x: training images [N, *shape].
    latents: L.
    key: of the weights and of the order.
    epochs: passes over the images.
  """
  down_key, up_key, order = jax.random.split(key, 3)
  flat, shape = np.asarray(x, np.float32).reshape(len(x), -1), x.shape[1:]
  params = {
    "down": _network.init(down_key, (flat.shape[1], WIDTH, latents)),
    "up": _network.init(up_key, (latents, WIDTH, flat.shape[1])),
  }

  def loss(params: dict, batch: Array, key: Array) -> Array:
    del key
    code = _network.apply(params["down"], batch)
    return jnp.mean(jnp.square(_network.apply(params["up"], code) - batch))

  params = _network.fit(loss, params, flat, order, epochs)
  run = jax.jit(_network.apply)
  encode = lambda x: run(params["down"], np.asarray(x, np.float32).reshape(len(x), -1))
  decode = lambda z: run(params["up"], np.asarray(z, np.float32))
  return (
    lambda x: np.asarray(encode(x)),
    lambda z: np.asarray(decode(z)).reshape(len(z), *shape),
  )
