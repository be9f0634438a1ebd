"""A network trained with supervision to undo one known kind of damage."""

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
  """`restore(read [N, R]) -> [N, *shape]`: a denoising autoencoder with no bottleneck.

  Two hidden layers as wide as the number of parameters allows, a sigmoid at the end, cross-
  entropy against the clean image, damage drawn anew at every step. Vincent et al. (2010),
  eq. 6 and section 4, with the whole network trained at once.

  Args:
    x: clean training images [N, *shape] within [0, 1].
    damage: (key, x) -> [R], what the network reads of ONE image: the damaged image, and what
      it is told of the damage.
    parameters: about how many the network may have: those of the model it stands beside.
    key: of the weights, the order and the damage.
    epochs: passes over the images.
  """
  shape, flat = x.shape[1:], np.asarray(x, np.float32)
  size = math.prod(shape)
  read = jax.eval_shape(damage, key, flat[0]).shape[0]
  half = (read + size) / 2
  width = max(16, round(math.sqrt(half**2 + parameters) - half))  # w^2 + 2 half w = P
  first, order = jax.random.split(key)
  params = _network.init(first, (read, width, width, size))

  def loss(params: list, x: Array, key: Array) -> Array:
    logits = _network.apply(params, jax.vmap(damage)(jax.random.split(key, len(x)), x))
    return optax.sigmoid_binary_cross_entropy(logits, x.reshape(len(x), -1)).sum(-1).mean()

  params = _network.fit(loss, params, flat, order, epochs)
  restore = jax.jit(lambda y: jax.nn.sigmoid(_network.apply(params, y)))
  return lambda y: np.asarray(restore(np.asarray(y, np.float32))).reshape(len(y), *shape)
