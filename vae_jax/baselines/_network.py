"""A small fully connected network trained by Adam: for the classifier and the denoiser."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from vae_jax.types import Array

LEARNING_RATE = 1e-3
BATCH = 128


def init(key: Array, sizes: Sequence[int]) -> list[tuple[Array, Array]]:
  """Weights and zero biases of dense layers; He et al. (2015), eq. 10."""
  keys = jax.random.split(key, len(sizes) - 1)
  pairs = zip(keys, sizes[:-1], sizes[1:], strict=True)
  scaled = [(jax.random.normal(k, (a, b)) * (2.0 / a) ** 0.5, b) for k, a, b in pairs]
  return [(weights, jnp.zeros(width)) for weights, width in scaled]


def apply(params: list[tuple[Array, Array]], x: Array) -> Array:
  """[B, D] -> [B, E]: ReLU between the layers, none after the last."""
  for weights, bias in params[:-1]:
    x = jax.nn.relu(x @ weights + bias[None])
  weights, bias = params[-1]
  return x @ weights + bias[None]


def fit(
  loss: Callable[..., Array], params: Any, fields: Any, key: Array, epochs: int
) -> Any:
  """Parameters after `epochs` passes of Adam over shuffled batches.

  The learning rate falls to 0 along a half cosine.

  Args:
    loss: (params, batch fields [B, ...], key) -> [].
    params: the first ones.
    fields: a pytree of arrays [N, ...].
    key: of the order and of what the loss draws.
    epochs: passes; the incomplete batch at the end of one is left out.
  """
  total = len(jax.tree.leaves(fields)[0])
  size = min(BATCH, total)
  steps = total // size
  adam = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, max(1, steps * epochs)))

  @jax.jit
  def epoch(carry: Any, fields: Any, key: Array) -> Any:
    order_key, noise_key = jax.random.split(key)
    order = jax.random.permutation(order_key, total)[: steps * size].reshape(steps, size)

    def step(carry: Any, at: tuple[Array, Array]) -> tuple[Any, None]:
      params, moments = carry
      rows, key = at
      gradient = jax.grad(loss)(params, jax.tree.map(lambda v: v[rows], fields), key)
      change, moments = adam.update(gradient, moments)
      return (optax.apply_updates(params, change), moments), None

    return jax.lax.scan(step, carry, (order, jax.random.split(noise_key, steps)))[0]

  carry = (params, adam.init(params))
  fields = jax.device_put(fields)
  for index in range(epochs):
    carry = epoch(carry, fields, jax.random.fold_in(key, index))
  return carry[0]
