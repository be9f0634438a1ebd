"""A classifier of clean images, which says whether a restored image still has its class."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vae_jax.baselines import _network
from vae_jax.types import Array

WIDTH = 256


def fit(
  x: np.ndarray, label: np.ndarray, classes: int, key: Array, epochs: int
) -> Callable[[np.ndarray], np.ndarray]:
  """`predict(images [N, *shape]) -> class [N]`, one hidden layer of 256, softmax cross-entropy.

  Trained on clean images alone and fixed afterwards: it sees no damage and no restoration.

  Args:
    x: clean training images [N, *shape].
    label: [N] int in [0, classes).
    classes: how many there are.
    key: of the weights and of the order.
    epochs: passes over the images.
  """
  params = _train(x, label, classes, key, epochs, WIDTH)
  scores = jax.jit(lambda x: jnp.argmax(_network.apply(params, x), -1))
  return lambda images: np.asarray(scores(_flat(images)))


def fit_features(
  x: np.ndarray, label: np.ndarray, classes: int, key: Array, epochs: int, width: int
) -> Callable[[np.ndarray], np.ndarray]:
  """`features(images [N, *shape]) -> [N, width]`: the last hidden layer of such a classifier.

  The space that distribution scores are taken in; arguments as in `fit`.
  """
  params = _train(x, label, classes, key, epochs, width)
  hidden = jax.jit(lambda x: jax.nn.relu(_network.apply(params[:1], x)))
  return lambda images: np.asarray(hidden(_flat(images)))


class Classifier(NamedTuple):
  """One trained network and what it says of images [N, *shape]."""

  probabilities: Callable[[np.ndarray], np.ndarray]  # [N, C]
  features: Callable[[np.ndarray], np.ndarray]  # [N, width]: its last hidden layer


def fit_whole(
  x: np.ndarray, label: np.ndarray, classes: int, key: Array, epochs: int, width: int
) -> Classifier:
  """`fit` and `fit_features` of one network; arguments as there."""
  params = _train(x, label, classes, key, epochs, width)
  shares = jax.jit(lambda x: jax.nn.softmax(_network.apply(params, x)))
  hidden = jax.jit(lambda x: jax.nn.relu(_network.apply(params[:1], x)))
  return Classifier(
    lambda images: np.asarray(shares(_flat(images))),
    lambda images: np.asarray(hidden(_flat(images))),
  )


def _train(
  x: np.ndarray, label: np.ndarray, classes: int, key: Array, epochs: int, width: int
) -> list:
  flat = _flat(x)
  first, order = jax.random.split(key)
  params = _network.init(first, (flat.shape[1], width, classes))

  def loss(params: list, batch: dict[str, Array], key: Array) -> Array:
    del key
    logits = _network.apply(params, batch["x"])
    return optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"]).mean()

  fields = {"x": flat, "label": np.asarray(label, np.int32)}
  return _network.fit(loss, params, fields, order, epochs)


def _flat(images: np.ndarray) -> np.ndarray:
  return np.asarray(images, np.float32).reshape(len(images), -1)
