"""Networks of real images alone that judge edits: one of attributes, one of identity."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vae_jax.baselines import _network
from vae_jax.types import Array

WIDTH = 256
EMBEDDED = 64  # numbers of an identity
TEMPERATURE = 0.2
NOISE = 0.05  # grey levels, of what both networks learn to look past
SHIFTED = 16  # pixels from which a view may be shifted by one of them
SIDE = 32  # pixels that larger images are averaged down to

Features = Callable[[np.ndarray], np.ndarray]


class Judge(NamedTuple):
  """A classifier of several attributes."""

  probabilities: Callable[[np.ndarray], list[np.ndarray]]  # [n, *shape] -> [n, V] of each
  features: Features  # [n, *shape] -> [n, WIDTH], its hidden layer


def attributes(
  x: np.ndarray, values: list[np.ndarray], counts: list[int], key: Array, steps: int
) -> Judge:
  """One hidden layer of 256 with a softmax for each attribute, cross-entropies summed.

  Args:
    x: real training images [N, H, W, C] in [0, 1].
    values: of each attribute [N], integers from 0.
    counts: how many values each has, V.
    key: of the weights, the order and the noise.
    steps: of training, about.
  """
  first, order = jax.random.split(key)
  fields = {"x": flat(x), "y": np.stack(values, -1).astype(np.int32)}
  params = _network.init(first, (fields["x"].shape[1], WIDTH, sum(counts)))
  cuts = np.cumsum(counts)[:-1]

  def loss(params: list, batch: dict[str, Array], key: Array) -> Array:
    noisy = batch["x"] + NOISE * jax.random.normal(key, batch["x"].shape)
    parts = jnp.split(_network.apply(params, noisy), cuts, -1)
    each = [
      optax.softmax_cross_entropy_with_integer_labels(part, batch["y"][:, i])
      for i, part in enumerate(parts)
    ]
    return jnp.mean(sum(each))

  params = _network.fit(loss, params, fields, order, epochs(len(x), steps))
  hidden = jax.jit(lambda x: jax.nn.relu(_network.apply(params[:1], x)))
  soft = lambda part: jax.nn.softmax(part, -1)
  scores = jax.jit(
    lambda x: [soft(p) for p in jnp.split(_network.apply(params, x), cuts, -1)]
  )
  return Judge(
    lambda images: [np.asarray(p) for p in scores(flat(images))],
    lambda images: np.asarray(hidden(flat(images))),
  )


def identity(x: np.ndarray, who: np.ndarray | None, key: Array, steps: int) -> Features:
  """`embed(images [n, *shape]) -> [n, 64]`: near for two views of one thing, else far.

  Two views (`view`) of the batch are one thing where they are of one image, or of one person
  where `who` [N] says so. Trained by the
  cross-entropy of finding the other view among the batch by cosine: Chen et al. (2020), eq. 1.
  """
  first, order = jax.random.split(key)
  small = reduced(x)
  fields = {"x": small}
  fields["who"] = np.arange(len(x)) if who is None else np.asarray(who)
  params = _network.init(first, (small[0].size, WIDTH, EMBEDDED))

  def embed(params: list, x: Array) -> Array:
    z = _network.apply(params, x.reshape(len(x), -1))
    return z / jnp.maximum(jnp.linalg.norm(z, axis=-1, keepdims=True), 1e-6)

  def loss(params: list, batch: dict[str, Array], key: Array) -> Array:
    keys = jax.random.split(key, 2)
    a, b = (embed(params, view(batch["x"], one)) for one in keys)
    same = (batch["who"][:, None] == batch["who"][None]).astype(a.dtype)
    target = same / same.sum(-1, keepdims=True)
    return optax.softmax_cross_entropy(a @ b.T / TEMPERATURE, target).mean()

  params = _network.fit(loss, params, fields, order, epochs(len(x), steps))
  run = jax.jit(lambda x: embed(params, x))
  return lambda images: np.asarray(run(reduced(images)))


def epochs(rows: int, steps: int) -> int:
  """The passes over the rows that make about that many steps."""
  return max(1, round(steps / max(1, rows // _network.BATCH)))


def reduced(x: np.ndarray) -> np.ndarray:
  """Images [N, H, W, C] averaged down by whole factors to 32 pixels or a little more."""
  step = max(1, min(x.shape[1:3]) // SIDE)
  x = np.asarray(x, np.float32)
  height, width = (n // step * step for n in x.shape[1:3])
  x = x[:, :height, :width].reshape(len(x), height // step, step, width // step, step, -1)
  return x.mean((2, 4))


def flat(x: np.ndarray) -> np.ndarray:
  """`reduced` as rows [N, D]."""
  return reduced(x).reshape(len(x), -1)


def view(x: Array, key: Array) -> Array:
  """Another look at each image of a batch [B, H, W, C]: other light, noise, and a shift.

  Of less than SHIFTED pixels an image is not shifted: a pixel of 8 is another drawing.
  """
  light, where, noise = jax.random.split(key, 3)
  x = x * jax.random.uniform(light, (len(x), 1, 1, 1), minval=0.7, maxval=1.3)
  if min(x.shape[1:3]) >= SHIFTED:
    shift = jax.random.randint(where, (len(x), 2), -1, 2)
    x = jax.vmap(lambda image, by: jnp.roll(image, by, (0, 1)))(x, shift)
  return x + 2 * NOISE * jax.random.normal(noise, x.shape)
