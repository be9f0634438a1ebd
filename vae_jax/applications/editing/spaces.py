"""Codes that steps are taken in: the model's, those of the baselines, and the pixels themselves."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vae_jax.applications.editing import traits
from vae_jax.baselines import autoencoder, judges, pca
from vae_jax.evaluation import pictures
from vae_jax.evaluation.protocol import Task
from vae_jax.evaluation.source import Source
from vae_jax.inference import attribute_vectors as vectors
from vae_jax.metrics import neighbours

ALPHAS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # steps, in differences of the class means
FITTED = 5000  # training examples that steps are of
SMALL = 1100  # numbers of an example up to which the autoencoder is cheap
SWAPPED = 0.5  # the step from which a label is the other one


class Space(NamedTuple):
  """A code of images [N, H, W, C], and the way back."""

  encode: Callable[[np.ndarray], np.ndarray]  # -> [N, L]
  decode: Callable[[np.ndarray], np.ndarray]  # [N, L] ->


def fitted_rows(source: Source) -> np.ndarray:
  """The training rows that steps are fitted on, evenly spaced."""
  return pictures.spread(len(source.data.splits["train"]["x"]), FITTED)


def fitted(source: Source) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
  """Those training examples as stored, and their value of each trait [P]."""
  rows = fitted_rows(source)
  examples = {name: values[rows] for name, values in source.split("train").items()}
  return examples, [values["train"][rows] for _, values in traits.known(source)]


def moved(codes: np.ndarray, steps: np.ndarray) -> np.ndarray:
  """codes + α steps for each of ALPHAS: [..., n, L] twice -> [..., n, A, L]."""
  alphas = np.asarray(ALPHAS, np.float32)[:, None]
  return codes[..., None, :] + alphas * steps[..., None, :]


def swapped(
  task: Task, edits: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Codes [M, C, n, A, L] and labels [C, n, A] of a conditional model.

  Where the attribute is the label itself, the code stays and the label is changed; the other
  attributes are edited as in `edits`, under the example's own label.
  """
  label = np.broadcast_to(task.examples["label"][None, :, None], edits.shape[1:4]).copy()
  edits = edits.copy()
  for c, (trait, target) in enumerate(
    zip(task.truth.traits, task.truth.target, strict=True)
  ):
    if trait.words == task.source.spec.classes:
      edits[:, c] = codes[:, :, None]
      label[c] = np.where(np.asarray(ALPHAS) > SWAPPED, target[:, None], label[c])
  return edits, label


def linear(source: Source) -> Space:
  """PCA with as many numbers as the largest model."""
  latents = max(run.vae.latents for run in source.runs)
  make = lambda: pca.fit(traits.pixels(source, "train"), latents)
  code = source.once("pca", make)
  return Space(lambda x: pca.encode(code, x), lambda z: pca.decode(code, z))


def nonlinear(source: Source) -> Space:
  """A deterministic autoencoder with as many numbers."""
  import jax

  def fit() -> Space:
    latents = max(run.vae.latents for run in source.runs)
    key = jax.random.key(source.settings["mask_seed"] + 2000)
    train = traits.pixels(source, "train")
    epochs = judges.epochs(len(train), source.settings["judge_steps"])
    return Space(*autoencoder.fit(train, latents, key, 2 * epochs))

  return source.once("autoencoder", fit)


def plain(source: Source) -> Space:
  """The pixels as a code: its step is the difference of two average images."""
  shape = source.spec.shape
  return Space(lambda x: x.reshape(len(x), -1), lambda z: z.reshape(len(z), *shape))


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """Each of the simple codes with its steps, and the nearest training item of the target."""
  source = task.source
  found = {
    "PCA, mean difference": (linear, vectors.mean_difference),
    "PCA, linear probe": (linear, vectors.linear_probe),
    "PCA, Gaussian map": (linear, vectors.gaussian_map),
    "pixel average": (plain, vectors.mean_difference),
  }
  if source.spec.size <= SMALL:
    found["autoencoder, mean difference"] = (nonlinear, vectors.mean_difference)
  ask = lambda make, step: lambda c: {"x": _edited(task, make(source), step, c)}
  return {name: ask(*pair) for name, pair in found.items()} | {
    "nearest item": lambda c: {"x": _nearest(task, c)}
  }


def _edited(task: Task, space: Space, step: Callable, c: int) -> np.ndarray:
  """The edits [n, A, H, W, C] of one attribute."""
  source, truth, rows = task.source, task.truth, fitted_rows(task.source)
  z = space.encode(truth.x)
  train = space.encode(traits.pixels(source, "train")[rows])
  own = fitted(source)[1][c], truth.value[c], truth.target[c]
  more = (z,) if step is vectors.gaussian_map else ()
  codes = moved(z, step(train, *own, *more))
  x = space.decode(codes.reshape(-1, z.shape[-1]))
  return np.clip(x.reshape(*codes.shape[:2], *truth.x.shape[1:]), 0, 1)


def _nearest(task: Task, c: int) -> np.ndarray:
  """The example itself, and from SWAPPED on the nearest training image of the target."""
  truth, values = task.truth, traits.known(task.source)[c][1]["train"]
  train, other = traits.pixels(task.source, "train"), np.empty_like(truth.x)
  for value in np.unique(truth.target[c]):
    rows, those = truth.target[c] == value, train[values == value]
    other[rows] = those[neighbours.nearest(truth.x[rows], those).index]
  return np.stack([other if a > SWAPPED else truth.x for a in ALPHAS], 1)
