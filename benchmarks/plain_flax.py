"""The network of configs/mnist.py in plain Flax: `nn.Conv`, optax, one `jit` for each step."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from benchmarks import problem


class Network(nn.Module):
  """Batches of images in; logits, mean and logvar out."""

  latents: int = 10

  @nn.compact
  def __call__(self, x: jax.Array, key: jax.Array) -> tuple:
    """[B, 28, 28, 1] -> logits, mean, logvar."""
    h = nn.relu(nn.Conv(32, (3, 3), strides=2, padding=1)(x))
    h = nn.relu(nn.Conv(64, (3, 3), strides=2, padding=1)(h))
    h = nn.relu(nn.Dense(400)(h.reshape(len(x), -1)))
    mean, logvar = nn.Dense(self.latents)(h), nn.Dense(self.latents)(h)
    z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)
    h = nn.relu(nn.Dense(400)(z))
    h = nn.relu(nn.Dense(7 * 7 * 64)(h)).reshape(-1, 7, 7, 64)
    h = nn.relu(nn.ConvTranspose(32, (3, 3), strides=(2, 2))(h))
    return nn.ConvTranspose(1, (3, 3), strides=(2, 2))(h), mean, logvar


def training(steps: int, data_dir: str | None = None) -> tuple[Callable[[], None], int]:
  """`steps` steps, batches indexed on the host, each step its own dispatch."""
  data = problem.images(problem.TRAIN, data_dir=data_dir)
  net, optimizer, rng = (
    Network(),
    optax.adam(problem.RATE),
    np.random.default_rng(0),
  )
  key = jax.random.key(0)
  params = net.init(key, jnp.zeros((1, 28, 28, 1)), key)
  moments = optimizer.init(params)

  def loss(params, x, key):
    logits, mean, logvar = net.apply(params, x, key)
    cross = optax.sigmoid_binary_cross_entropy(logits, x).sum((1, 2, 3))
    kl = 0.5 * (jnp.exp(logvar) + mean**2 - 1 - logvar).sum(-1)
    return (cross + kl).mean()

  @jax.jit
  def step(params, moments, x, key):
    value, gradient = jax.value_and_grad(loss)(params, x, key)
    updates, moments = optimizer.update(gradient, moments)
    return optax.apply_updates(params, updates), moments, value

  def run() -> None:
    nonlocal params, moments, key
    for _ in range(steps):
      x = data[rng.integers(0, len(data), problem.BATCH)].astype(np.float32) / 255
      key, now = jax.random.split(key)
      params, moments, value = step(params, moments, x, now)
    value.block_until_ready()

  return run, steps * problem.BATCH


def parameters() -> int:
  """How many the network has."""
  key = jax.random.key(0)
  shapes = jax.eval_shape(Network().init, key, jnp.zeros((1, 28, 28, 1)), key)
  return sum(x.size for x in jax.tree.leaves(shapes))
