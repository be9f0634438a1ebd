"""Measurements of the models: samples, searched codes, a probe, image scores."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking
from vae_jax.baselines import pca_gmm
from vae_jax.evaluation import pictures
from vae_jax.evaluation.protocol import Task
from vae_jax.evaluation.source import Source
from vae_jax.inference import walks
from vae_jax.inference.latent_map import latent_map
from vae_jax.run import Run
from vae_jax.studies import distribution_scores as distribution
from vae_jax.types import Array, Example, Hyper, Params

PRIOR, MIXTURE = "samples of the prior", "samples of a mixture"
LEAST = 0.02  # the share of samples from which a class counts as there


def samples(task: Task, run: Run, encodes: bool) -> dict[str, np.ndarray]:
  """Images [M, n, *shape] of the prior, and of a mixture over the codes of train where they are."""
  source, count = task.source, len(task.truth.x)
  keys = jax.random.split(jax.random.fold_in(source.key, 1), count)
  z = {PRIOR: asking.prior_draws(run, keys)}
  if encodes:
    q = source.posterior(run, source.spread("train", pca_gmm.FITTED))
    std, seed = run.stochastic * np.exp(0.5 * q.logvar), distribution.seed_of(source)
    parts = source.settings["components"]
    z[MIXTURE] = pca_gmm.of_posteriors(q.mean, std, count, parts, seed)
  return {name: pictures.decoded(run, codes, source.key) for name, codes in z.items()}


def partners(label: np.ndarray) -> np.ndarray:
  """For each example one far away in the order of classes, [n]: mostly of another class."""
  order = np.argsort(label, kind="stable")
  found = np.empty(len(label), int)
  found[order] = np.roll(order, len(label) // 2)
  return found


def midpoints(task: Task, run: Run, encodes: bool) -> np.ndarray:
  """Images [M, n, *shape] half way between two codes, along a great circle.

  The codes are of two held-out images, and of a model without an encoder two draws of its prior.
  """
  keys = jax.random.split(jax.random.fold_in(task.source.key, 2), len(task.truth.x))
  z = (
    task.source.posterior(run, task.examples).mean
    if encodes
    else asking.prior_draws(run, keys)
  )
  other = partners(task.examples["label"])
  middle = lambda member: np.stack(
    [walks.spherical(a, b, 3)[1] for a, b in zip(member, member[other], strict=True)]
  )
  between = np.stack([middle(member) for member in np.asarray(z)]).astype(np.float32)
  return pictures.decoded(run, between, task.source.key)


def searched(
  run: Run, examples: dict[str, np.ndarray], settings: dict[str, Any], key: Array
) -> np.ndarray:
  """E[x|z] at the likeliest z that is found for each example, [M, n, *shape].

  From draws of N(0, I), the same for every member; without a prior, so that a decoder shows the
  best that it has. Bora et al. (2017), section 3.
  """
  starts = settings["starts"]

  def find(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper
    first = jax.random.normal(key, (starts, run.vae.latents))
    fits = lambda z: run.vae.log_likelihood(params, z, example)
    mode = latent_map(fits, first, settings["steps"], settings["rate"], newton=False)
    return run.vae.mean(params, mode.z).astype(jnp.float32)

  return asking.apply(run, find, examples, key, inner=starts)


def probe(
  source: Source, known: np.ndarray, codes: np.ndarray, examples: dict[str, np.ndarray]
) -> np.ndarray:
  """100 where a logistic regression on training codes is right about a code, else 0, [n]."""
  import warnings

  from sklearn.linear_model import LogisticRegression
  from sklearn.pipeline import make_pipeline
  from sklearn.preprocessing import StandardScaler

  label = source.spread("train", source.settings["probed"])["label"]
  fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that it has not converged after 300 steps
    fitted.fit(known, label)
  return 100.0 * (fitted.predict(codes) == examples["label"])


def classes(rows: np.ndarray) -> float:
  """How many classes at least LEAST of the one-hot rows [n, C] are of."""
  return float((rows.mean(0) >= LEAST).sum())
