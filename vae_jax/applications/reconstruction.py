"""Reconstruction: how much of an example survives the code, and what the code costs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from vae_jax.applications import (
  _members,
  _pictures,
  _reconstruction,
  _reconstruction_figures,
)
from vae_jax.applications._members import inputs, posterior
from vae_jax.asking import apply, apply_latents, evidence, terms
from vae_jax.baselines import pca
from vae_jax.metrics import image, importance
from vae_jax.run import Run
from vae_jax.types import Array, Dataset, Example, Hyper, Params, Report

QUESTION = "How much of an example survives the code, and what does the code cost?"
SETTINGS = {
  "split": "test",
  "samples": 100,  # K of the importance-weighted NLL
  "limit": 1000,  # examples it is computed on; the ELBO is on all
  "chunk": 50,  # of the K samples evaluated at once: memory, not the result
  "palette": "magma",  # of grey images
}


LARGE = 200_000  # training examples: of a larger split the linear code sees FITTED of them
FITTED = 10_000  # evenly spaced


class Scores(NamedTuple):
  """Everything that is measured, for M members and N examples."""

  rate: np.ndarray  # [M, N] nats
  distortion: np.ndarray  # [M, N] nats
  means: np.ndarray  # [M, N, L]
  logvars: np.ndarray  # [M, N, L]
  mse: np.ndarray  # [M, N]; NaN for categories, which have no distance
  rows: np.ndarray  # [R] the examples of the columns below
  shuffled: np.ndarray  # [M, R] mse with the code of another example
  evidence: importance.Evidence | None  # [M, R] each; None for a deterministic autoencoder
  x: np.ndarray  # [N, *shape] what the model was given
  linear: np.ndarray  # [N] mse of PCA with as many numbers
  constant: np.ndarray  # [N] mse of the average training example
  pca: pca.Pca | None


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Rate, distortion, ELBO, importance-weighted NLL, squared error against PCA, and sizes.

  The ELBO is the training loss's own terms at β = 1. Squared errors are of E[x|z] at the
  posterior mean. PCA, fitted on the training split, has as many numbers as the model.

  Args:
    run: an opened run; a row for each of its members.
    data: the dataset it was trained on.
    key: of everything that is drawn; each example's noise depends on it and on its id.
    settings: see SETTINGS.

  Raises:
    UserError: an unknown setting or split.
  """
  settings = _members.resolve(SETTINGS, settings)
  examples = _members.split(data, settings["split"])
  scores = measure(run, data, examples, key, settings)
  context = _reconstruction.Context(run, data, examples, scores, settings)
  rows, pictures = _drawn(run, scores, examples, key)
  return Report(
    "reconstruction",
    QUESTION,
    _reconstruction.tables(context),
    _reconstruction_figures.figures(context, rows, pictures),
    _reconstruction.findings(context),
    _reconstruction.arrays(context),
  )


def squared_error(
  example: Example, encode: Callable[[Example], Array], decode: Callable[[Array], Array]
) -> Array:
  """mean over the elements of (x - decode(encode(example)))^2 for ONE example, []."""
  return jnp.mean(jnp.square(decode(encode(example)) - example["x"]))


def measure(
  run: Run, data: Dataset, examples: dict, key: Array, settings: dict[str, Any]
) -> Scores:
  """All per-example scores of all members and of the baselines."""
  drawn = terms(run, examples)
  means, logvars = posterior(run, examples, key)
  rows = _pictures.spread(len(examples["id"]), settings["limit"])
  mse, shuffled = _errors(run, examples, key, means, rows)
  weighted = None
  if run.stochastic:
    subset = {name: values[rows] for name, values in examples.items()}
    sizes = settings["samples"], settings["chunk"]
    weighted = evidence(run, subset, key, *sizes)
  x = inputs(run, examples, key)
  linear, constant, fitted = _baselines(run, data, x, key)
  return Scores(
    drawn["rate"],
    drawn["distortion"],
    means,
    logvars,
    mse,
    rows,
    shuffled,
    weighted,
    x,
    linear,
    constant,
    fitted,
  )


def _errors(
  run: Run, examples: dict, key: Array, means: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """The squared errors [M, N], and those with another example's code [M, R]."""
  vae, shape = run.vae, means.shape[:2]
  if run.spec.domain == "category":
    return np.full(shape, np.nan), np.full((shape[0], len(rows)), np.nan)

  def own(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper, key
    return squared_error(
      example, lambda e: vae.posterior(params, e).mean, lambda z: vae.mean(params, z)
    )

  subset = {name: values[rows] for name, values in examples.items()}
  x = inputs(run, subset, key)
  # Half the set away, so that neighbours of one class in a sorted file are not exchanged.
  codes = np.roll(means[:, rows], max(1, len(rows) // 2), axis=1)
  other = apply_latents(run, lambda params, z, key: vae.mean(params, z), codes, key)
  return apply(run, own, examples, key), np.stack(
    [image.squared_error(x, y) for y in other]
  )


def _baselines(
  run: Run, data: Dataset, x: np.ndarray, key: Array
) -> tuple[np.ndarray, np.ndarray, pca.Pca | None]:
  """Squared errors [N] of PCA and of the average training example, fitted on train."""
  if run.spec.domain == "category":
    nothing = np.full(len(x), np.nan)
    return nothing, nothing, None
  train = _members.split(data, "train")
  if len(train["x"]) > LARGE:
    rows = _pictures.spread(len(train["x"]), FITTED)
    train = {name: values[rows] for name, values in train.items()}
  train = inputs(run, train, key)
  fitted = pca.fit(train, run.vae.latents)
  rebuilt = pca.rebuild(fitted, x)
  average = np.broadcast_to(train.mean(0), x.shape)
  return image.squared_error(x, rebuilt), image.squared_error(x, average), fitted


def _drawn(
  run: Run, scores: Scores, examples: dict, key: Array
) -> tuple[dict[str, np.ndarray], np.ndarray]:
  """The rows of each picture by name, and all their reconstructions [M, rows, *shape]."""
  order = np.argsort(scores.distortion[_members.shown(run)[0]], kind="stable")
  count, middle = min(10, len(order)), len(order) // 2
  start = max(0, middle - count // 2)
  rows = {
    "chosen": _pictures.chosen(examples, run.spec, 10),
    "median": order[start : start + count],
    "worst": order[::-1][:count],
  }
  every = np.concatenate(list(rows.values()))

  def show(params: Params, z: Array, key: Array) -> Array:
    del key
    return _pictures.shown(run.vae, run.spec, params, z)

  return rows, apply_latents(run, show, scores.means[:, every], key)
