"""A network trained to undo one known kind of damage: what knowing the task is worth."""

import math
from collections.abc import Callable

import jax
import numpy as np
import optax

from vae_jax.baselines import _network
from vae_jax.types import Array


def fit(
  x: np.ndarray,
  damage: Callable[[Array, Array], Array],
  parameters: int,
  key: Array,
  epochs: int,
) -> Callable[[np.ndarray], np.ndarray]:
  """`restore(damaged [N, *shape]) -> [N, *shape]`: a denoising autoencoder with no bottleneck.

  Two hidden layers as wide as the number of parameters allows, a sigmoid at the end, cross-
  entropy against the clean image, damage drawn anew at every step. Vincent et al. (2010),
  eq. 6 and section 4, with the whole network trained at once.

  Args:
    x: clean training images [N, *shape] within [0, 1].
    damage: (key, x) -> x of ONE image; the share it damages may itself be drawn.
    parameters: about how many the network may have: those of the model it stands beside.
    key: of the weights, the order and the damage.
    epochs: passes over the images.
  """
  shape, flat = x.shape[1:], np.asarray(x, np.float32)
  size = math.prod(shape)
  width = max(16, round(math.sqrt(size**2 + parameters) - size))  # w^2 + 2 size w = P
  first, order = jax.random.split(key)
  params = _network.init(first, (size, width, width, size))

  def loss(params: list, x: Array, key: Array) -> Array:
    damaged = jax.vmap(damage)(jax.random.split(key, len(x)), x)
    logits = _network.apply(params, damaged.reshape(len(x), -1))
    return optax.sigmoid_binary_cross_entropy(logits, x.reshape(len(x), -1)).sum(-1).mean()

  params = _network.fit(loss, params, flat, order, epochs)
  restore = jax.jit(lambda y: jax.nn.sigmoid(_network.apply(params, y)))
  return lambda y: np.asarray(
    restore(np.asarray(y, np.float32).reshape(len(y), -1))
  ).reshape(len(y), *shape)
