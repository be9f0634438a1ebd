"""Imputation: how well missing entries of a table are filled in, and how sure one may be."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import distributions
from vae_jax.applications import _imputation, _imputation_report, _members
from vae_jax.applications._imputation import LAPLACE, MAP, ONCE, WEIGHED, Answer, Task
from vae_jax.asking import apply
from vae_jax.baselines import em_gaussian, table_imputation
from vae_jax.columns import natural
from vae_jax.inference.latent_map import Draws, latent_map, posterior_draws, resample, weigh
from vae_jax.run import Run, alive
from vae_jax.types import VAE, Array, Dataset, Example, Hyper, Params, Report

QUESTION = "How well are missing entries filled in, and how sure may one be of them?"
SETTINGS = {
  "split": "test",  # the rows that are filled in
  "samples": 1000,  # L, weighted draws of z behind a conditional mean
  "imputations": 50,  # draws of a row behind an interval
  "steps": 100,  # of latent_map
  "rate": 0.05,  # latent_map's first step size
  "neighbours": 10,  # of kNN
  "rounds": 20,  # of MICE
  "trees": 50,  # of the forest
  "forest_rounds": 6,
  "forest": "yes",  # "no" leaves the slowest baseline out
  "batch": 100,  # rows at once: memory, not the result
}

VARIES = ("mask_seed",)  # of config.data, between programs that `compare` puts together


def evaluate(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """Missing entries filled in by the model in four ways, and by the classic methods.

  Encoded and decoded once; at the posterior mode of z; by the self-normalised conditional mean
  E[x_mis|x_obs] over L draws of the encoder's posterior, and over L draws around the mode.
  Scored are entries that were hidden and whose answer is known; all else is only filled in.

  Args:
    run: an opened run on a table with `observed`; rows for each member.
    data: the dataset it was trained on.
    key: of the draws.
    settings: see SETTINGS.

  Returns:
    A report; `arrays["completed"]` are the rows of the split as the file has them, with the
    missing entries filled in by the best member.

  Raises:
    UserError: an unknown setting or split, or data that is no table with missing values.
  """
  settings = _members.resolve(SETTINGS, settings)
  task = _imputation.prepare(run, data, key, settings)
  answers = [*_model(task), *_baselines(task)]
  scored = [_imputation.score(task, answer) for answer in answers]
  return Report(
    "imputation",
    QUESTION,
    _imputation_report.tables(task, scored),
    _imputation_report.figures(task, scored),
    _imputation_report.findings(task, scored),
    _imputation_report.arrays(task, scored),
  )


def compare(runs: list[Run], data: Dataset, key: Array, settings: dict[str, Any]) -> Report:
  """The reports on all programs of a run directory as one, with means over their masks.

  A sweep over `data.mask_seed` has a program, a model and baselines of its own for each mask,
  as every method learns from what its mask leaves.

  Args:
    runs: the programs, dead members included.
    data: not read: every program has its own mask.
    key: of the draws.
    settings: see SETTINGS.
  """
  del data
  living = [alive(run) for run in runs]
  answers = [evaluate(run, run.dataset, key, settings) for run in living]
  return _imputation_report.over_masks(_members.together(runs, living, answers))


def impute(
  vae: VAE, params: Params, example: Example, key: Array, settings: dict[str, Any]
) -> dict[str, tuple[Array, Array]]:
  """A row [D] filled in by each method: its point [D] and draws of it [I, D].

    E[x_mis|x_obs] ~ sum_l w_l E[x_mis|z_l],  w_l ~ p(x_obs|z_l) p(z_l) / q(z_l)

  Mattei & Frellsen (2019), eq. 12, with q the encoder's posterior or the Laplace approximation
  at the mode; draws are z resampled by weight, then x ~ p(x|z), ibid. section 3.2. A point
  estimate of z gives draws from p(x|z) alone, whose intervals lack the spread of z.
  """
  q = vae.posterior(params, example)
  joint = lambda z: vae.log_likelihood(params, z, example) + vae.prior.log_prob(z)
  fold = lambda use: jax.random.fold_in(key, use)
  starts = jnp.stack([q.mean, jnp.zeros_like(q.mean)])
  mode = latent_map(joint, starts, settings["steps"], settings["rate"]).z
  drawn = {
    ONCE: _point(q.mean),
    MAP: _point(mode),
    WEIGHED: _encoder_draws(vae, params, example, fold(0), settings["samples"]),
    LAPLACE: posterior_draws(joint, mode, fold(1), settings["samples"]),
  }
  found = {}
  for use, (name, draws) in enumerate(drawn.items()):
    means = jax.vmap(lambda z: vae.mean(params, z))(draws.z)
    point = jnp.exp(draws.log_weights) @ means
    several = resample(draws, fold(10 + use), settings["imputations"])
    own = jax.random.split(fold(20 + use), len(several))
    draw = lambda z, key: vae.sample(params, z, key)
    found[name] = (point, jax.vmap(draw)(several, own))
  return found


def _point(z: Array) -> Draws:
  return Draws(z[None], jnp.zeros(1), jnp.ones(()))


def _encoder_draws(
  vae: VAE, params: Params, example: Example, key: Array, samples: int
) -> Draws:
  q = vae.posterior(params, example)
  noise = jax.random.normal(key, (samples, *q.mean.shape))
  z = jax.vmap(lambda e: distributions.reparameterise(q, e))(noise)

  def log_weight(z: Array) -> Array:
    joint = vae.log_likelihood(params, z, example) + vae.prior.log_prob(z)
    return joint - distributions.log_prob(q, z)

  return weigh(z, jax.vmap(log_weight)(z))


def _model(task: Task) -> list[Answer]:
  run, s = task.run, task.settings

  def fill(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    del hyper
    return impute(run.vae, params, example, key, s)

  began = time.perf_counter()
  found = apply(run, fill, task.asked, task.key, s["batch"])
  seconds = (time.perf_counter() - began) / len(run.members)
  file = lambda x: natural(task.columns, x)  # of a logarithm: its median, not its mean
  return [
    Answer(m, name, file(point[m]), file(np.moveaxis(draws[m], 1, 0)), seconds)
    for m in range(len(run.members))
    for name, (point, draws) in found.items()
  ]


def _baselines(task: Task) -> list[Answer]:
  """All fitted on what is observed of train, valid and the rows themselves."""
  s, seed = task.settings, task.run.config["data"]["mask_seed"]
  methods = {
    "mean": table_imputation.average,
    f"kNN-{s['neighbours']}": lambda k, x: table_imputation.neighbours(
      k, x, s["neighbours"]
    ),
    "MICE": lambda k, x: table_imputation.mice(k, x, s["rounds"]),
  }
  if s["forest"] == "yes":
    methods["forest (missForest-like)"] = lambda k, x: table_imputation.forest(
      k, x, s["trees"], s["forest_rounds"], seed
    )
  found = []
  for name, method in methods.items():
    began = time.perf_counter()
    filled = method(task.known, task.rows)
    point = _imputation.narrow(task, filled)
    found.append(Answer(None, name, point, None, time.perf_counter() - began))
  file = lambda x: _imputation.narrow(task, x)
  found.append(_gaussian(task, "EM Gaussian", task.known, task.rows, file))
  kinds = {column.kind for column in task.columns}
  if "positive" in kinds and kinds <= {"real", "positive"}:
    # The model sees logarithms: so does a Gaussian, or the comparison would flatter it.
    file = lambda x: natural(task.columns, x)
    found.append(_gaussian(task, "EM Gaussian on logs", *task.stored, file))
  return found


def _gaussian(
  task: Task,
  name: str,
  known: np.ndarray,
  rows: np.ndarray,
  file: Callable[[np.ndarray], np.ndarray],
) -> Answer:
  began, s = time.perf_counter(), task.settings
  gaussian = em_gaussian.fit(known)
  point = file(em_gaussian.conditional(gaussian, rows).mean)
  rng = np.random.default_rng([task.run.config["data"]["mask_seed"], 1])
  drawn = em_gaussian.draws(gaussian, rows, s["imputations"], rng)
  draws = np.stack([file(one) for one in drawn])
  return Answer(None, name, point, draws, time.perf_counter() - began)
