"""Codes that no training of ours made, to set the disentanglement of a model beside."""

from typing import Any

import jax
import numpy as np

from vae_jax.applications import _members, _pictures
from vae_jax.applications._disentanglement_scores import Scored, score
from vae_jax.baselines import pca
from vae_jax.run import Run, select
from vae_jax.types import Array, Dataset

FITTED = 10_000  # training examples that PCA and ICA are fitted on
STEPS = 3000  # of FastICA
CEILING = "true factors"
NOTE = (
  "PCA and ICA have as many components as the model has latents; the untrained encoder is the"
  " model's at its initialisation; noise knows nothing of x; the true factors are what no code"
  " can exceed. Latents of the first four have unit variance."
)


def scored(
  runs: list[Run],
  data: Dataset,
  examples: dict,
  key: Array,
  seed: int,
  settings: dict[str, Any],
) -> tuple[dict[str, Scored], str]:
  """The scores of each code by name, and what is to be said of them."""
  latents = max(run.vae.latents for run in runs)
  first = select(runs[0], 0)
  train = _members.split(data, "train")
  rows = _pictures.spread(len(train["id"]), FITTED)
  train = {name: values[rows] for name, values in train.items()}
  x, known = (_members.inputs(first, part, key) for part in (examples, train))
  fitted = pca.fit(known, latents)
  white = lambda x: pca.encode(fitted, x) / np.maximum(fitted.std, 1e-12)
  linear = white(x)
  independent, converged = _ica(white(known), linear)
  untrained = _untrained(first, jax.random.fold_in(key, 7))
  codes = {
    "PCA": linear,
    "ICA": independent,
    "untrained encoder": _unit(_members.posterior(untrained, examples, key)[0][0]),
    "noise": np.random.default_rng([seed, 1]).standard_normal((len(x), latents)),
    CEILING: np.asarray(examples["factors"], float),
  }
  found = {
    name: score(z, None, examples["factors"], seed, settings) for name, z in codes.items()
  }
  failed = "" if converged else f" FastICA did not converge in {STEPS} steps."
  return found, NOTE + failed


def _untrained(run: Run, key: Array) -> Run:
  """The run of one member with parameters as its training might have begun with."""
  return run._replace(params=jax.tree.map(lambda x: x[None], run.vae.init(key)))


def _unit(codes: np.ndarray) -> np.ndarray:
  spread = codes.std(0)
  return (codes - codes.mean(0)) / np.where(spread > 0, spread, 1)


def _ica(train: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, bool]:
  """Independent components of whitened codes [N, L], and whether they were found.

  FastICA with the contrast log cosh, one component after the other, Hyvärinen (1999): on
  sprites all at once never settle, as pairs of components turn into one another. Fitted on the
  codes of train, in float64, for which its tolerance is meant.
  """
  from sklearn.decomposition import FastICA

  form = {"algorithm": "deflation", "whiten": False, "random_state": 0}
  model = FastICA(max_iter=STEPS, tol=1e-3, **form).fit(np.asarray(train, np.float64))
  return model.transform(np.asarray(codes, np.float64)), model.n_iter_ < STEPS
