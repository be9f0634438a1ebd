"""The classic ways to give content another style, their numbers chosen on validation."""

import itertools
from collections.abc import Callable

import numpy as np

from vae_jax.applications.style.asked import Asked, asked, everything, judge
from vae_jax.baselines import style_content as classic
from vae_jax.evaluation.protocol import Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import styles

GRID = ((2, 4, 8, 16), (0.1, 1.0, 10.0, 100.0))  # numbers of a style, and the ridge


def answers(task: Task) -> dict[str, Callable[[int], np.ndarray]]:
  """Every baseline by name: condition -> [N, H, W, C]."""
  source, found = task.source, task.truth
  x, label = _train(source)
  means = class_means(source)
  each = {
    "average of the class": lambda shown: means[shown.target],
    "moved by class means": lambda shown: classic.moved(means, shown),
    "pixel average": lambda shown: classic.averaged(means, shown),
  }
  if found.style is None:
    each["nearest item"] = lambda shown: classic.nearest_item(x, label, shown)
  else:
    known = source.once("train bank", lambda: _bank(source, trained=True))
    each["nearest style"] = lambda shown: classic.nearest_style(*known, shown)
    each["bilinear"] = lambda shown: answer(source, shown)
  shape = (-1, *found.x.shape[2:])
  return {
    name: lambda c, fn=fn: fn(shown_of(found, c)).reshape(shape).astype(np.float32)
    for name, fn in each.items()
  }


def shown_of(found: Asked, condition: int) -> classic.Shown:
  """What is shown under a condition, as rows of pixels."""
  count = found.counts[condition]
  x = found.x[:, :count].reshape(len(found.x), count, -1)
  return classic.Shown(x, found.label[:, :count], found.target)


def class_means(source: Source) -> np.ndarray:
  """The mean training image of each class, [C, D]."""
  make = lambda: classic.class_means(*_train(source), len(source.spec.classes))
  return source.once("class means", make)


def bank(source: Source) -> styles.Bank:
  """The real examples of all styles, those that are held out too: what style is read by."""
  return source.once("bank", lambda: _bank(source, trained=False))


def real_features(source: Source) -> tuple[np.ndarray, np.ndarray]:
  """What the judge sees in real training images, and their labels."""
  return judge(source).features(np.clip(source.train, 0, 1)), _train(source)[1]


def numbers(source: Source) -> tuple[int, float]:
  """How many numbers a style has and the ridge, of least squared error on validation."""

  def choose() -> tuple[int, float]:
    _, found = asked(source, "valid", source.settings["tune"], (4,))
    shown, real = shown_of(found, 0), found.real.reshape(len(found.real), -1)
    error = lambda at: np.square(
      classic.bilinear(_fitted(source), shown, *at) - real
    ).mean()
    return min(itertools.product(*GRID), key=error)

  return source.once("numbers of the bilinear model", choose)


def answer(source: Source, shown: classic.Shown) -> np.ndarray:
  """The bilinear model's pictures [N, D]."""
  return classic.bilinear(_fitted(source), shown, *numbers(source))


def _fitted(source: Source) -> classic.Bilinear:
  fit = lambda: classic.fit_bilinear(*_bank(source, trained=True), class_means(source))
  return source.once("bilinear", fit)


def _train(source: Source) -> tuple[np.ndarray, np.ndarray]:
  x = np.clip(source.train, 0, 1)
  return x.reshape(len(x), -1), source.data.splits["train"]["label"]


def _bank(source: Source, trained: bool) -> styles.Bank:
  """Of train alone the styles that train has, numbered anew; else all, by their number."""
  classes = len(source.spec.classes)
  if not trained:
    every = everything(source)
    return styles.bank(every["x"], every["label"], every["style"], classes)
  style = np.unique(source.data.splits["train"]["style"], return_inverse=True)[1]
  x, label = _train(source)
  return styles.bank(x, label, style.ravel(), classes)
