"""Anomaly detection: a model of normal examples asked for what is not normal."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vae_jax import distributions
from vae_jax.applications.anomaly import own, points, scores, showing
from vae_jax.applications.anomaly.scores import KL, NLL, REGRET, SQUARED, WEIGHTED
from vae_jax.baselines import matrix_profile, novelty
from vae_jax.evaluation import answer as of_answer
from vae_jax.evaluation import settings as of_settings
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Application, Ask, Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.inference import anomaly_scores, importance
from vae_jax.metrics import detection
from vae_jax.run import Run
from vae_jax.types import VAE, Array, Example, Hyper, Params, UserError

QUESTION = "Does a model of normal examples tell what is not normal?"
SETTINGS = {
  **COMMON,
  "limit": 2000,
  "tune": 500,
  "reference": 1000,  # normal validation examples behind percentiles and the threshold
  "alarms": 0.05,  # the share of normal examples that may be flagged
  "score": "auto",  # the method that is judged, by name; auto: ranks of all; see `scores.chosen`
  "samples": 4,  # S, draws of z behind an expectation over q
  "weights": 50,  # K, of the importance-weighted log p(x)
  "steps": 50,  # of the search for the posterior of likelihood regret
  "rate": 0.05,  # its first step size
  "components": 10,  # of the mixture over codes
  "mixture": scores.GIVEN,  # has so many, or as many as suit normal validation examples
  "input": "",  # rows or images of one's own: .csv, .npz, .npy or a folder of images
  "rows": 10_000,  # of train that each baseline is fitted on, evenly spaced
  "mask_seed": 1,  # of the baselines' own draws
  "batch": 250,  # examples at once: memory, not the result
}
FAMILIES = True  # of posteriors and priors; `scores.offered` leaves out what a family lacks
METRICS = {
  "auroc": Metric("AUROC", digits=3, reduce=detection.auroc),
  "auprc": Metric("AUPRC", digits=3, reduce=detection.auprc),
  "precision": Metric("Precision", digits=3, reduce=detection.precision, table="flagged"),
  "recall": Metric("Recall", digits=3, reduce=detection.recall, table="flagged"),
  "false": Metric("False alarms", "", 0, 3, detection.false_alarms, "flagged"),
  "loss": Metric("−ELBO of normal examples", "nats", -1, 1, None, "The model"),
}
CHOICE = "loss"  # of settings, where validation has no anomalies
VARIES = ("normal", "left_out", "series", "strangers", "contamination")


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses runs with nothing to find, a test of training rows, and an input that does not fit."""
  for run in runs:
    test = run.dataset.splits.get(settings["split"], {})
    if "anomaly" not in test and not settings["input"]:
      raise UserError(
        f"anomaly needs to know what is normal, and {run.dataset.name!r} does not say: train"
        " with config.data.normal or config.data.left_out, or give rows of your own with --set"
        " input=<file>."
      )
    if run.config["data"].get("test") == 0 and run.config["data"]["name"] == "tables":
      raise UserError(
        "The test split is the whole table, training rows included: train with"
        " config.data.test=0.4, or another share."
      )
    if "points" in test:
      limited = {name: values[: settings["limit"]] for name, values in test.items()}
      points.check(limited, run.dataset.name)
  of_settings.one_of(settings, "mixture", (scores.GIVEN, scores.VALIDATION))
  own.check(runs[0], settings)


def adapted(
  application: Application, runs: list[Run], settings: dict[str, Any]
) -> Application:
  """The scores beside the default one as references, and the base rate in the note."""
  chosen = scores.chosen(runs, settings)
  every = [name for run in runs for name in scores.offered(run)]
  others = tuple(dict.fromkeys(name for name in every if name != chosen))
  labelled = all(scores.both_kinds(run.dataset.splits["valid"]) for run in runs)
  note = showing.note(runs, settings, chosen, labelled)
  if all(points.FIELD in run.dataset.splits["test"] for run in runs):
    metrics = {**points.METRICS, CHOICE: METRICS[CHOICE]}
    application = application._replace(metrics=metrics, headline="vus")
  return application._replace(references=() if labelled else others, note=note)


def prepare(source: Source, split: str, limit: int) -> Task:
  """The first examples of a split, which of them are anomalies, and the series they are of."""
  examples = source.split(split, limit)
  truth, own_points = examples.get("anomaly"), points.pieces(examples)
  named = (showing.dirt(source.run) if showing.swept(source.run) else "",)
  return Task(source, split, examples, named, truth=truth, own=own_points)


def model(task: Task, run: Run) -> dict[str, Any]:
  """Every score of every member and example, with its p-value among normal examples."""
  values, p = scores.with_p_values(task.source, run, task.examples, ask)
  answers = {k: {"score": values[k][:, None], "p": p[k][:, None]} for k in values}
  if not run.stochastic:
    return answers
  judged = scores.chosen([run], task.settings)
  answers[judged]["loss"] = values[scores.LOSS][:, None]
  return answers


def ask(source: Source, run: Run, examples: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  """What the model says of examples: scores [M, N], and the codes [M, N, L]."""
  s = source.settings
  numbers = tuple(s[name] for name in ("samples", "weights", "steps", "rate"))
  of_one = _question(run.vae, run.stochastic, scores.offered(run), *numbers)
  asked = Ask(of_one, batch=s["batch"], inner=max(s["weights"], s["samples"]))
  answers = of_answer.ask(Task(source, "", examples), run, asked, source.key)
  return {name: values[:, 0] for name, values in answers.items()}


@functools.lru_cache(maxsize=4)
def _question(
  vae: VAE,
  stochastic: bool,
  names: tuple[str, ...],
  samples: int,
  weights: int,
  steps: int,
  rate: float,
) -> Callable:
  """What is asked of a model, the same function whenever it is asked: compiled once."""

  def of_one(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    del hyper
    known, q = (vae, params, example), vae.posterior(params, example)
    first, second = jax.random.split(key)
    eps = anomaly_scores.antithetic(first, samples, vae.latents)
    found = {"code": distributions.code(q)}
    if SQUARED in names:
      found[SQUARED] = anomaly_scores.squared_error(*known, found["code"])
    if not stochastic:
      return found
    drawn = anomaly_scores.draws(q, eps, jax.random.fold_in(key, 1))
    found[NLL] = anomaly_scores.distortion(*known, drawn.z)
    found[KL] = anomaly_scores.divergence(q, vae.prior(params, example), drawn)
    if REGRET in names:
      asked = q, eps, steps, rate
      found[REGRET] = anomaly_scores.likelihood_regret(*known, *asked)
    evidence = importance.estimate(*known, second, weights, weights)
    found[WEIGHTED] = -evidence.log_evidence
    if scores.ENTROPY in names:
      found["entropy"] = anomaly_scores.grey_entropy(example["x"])
    return found

  return of_one


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """Classic detectors, each with the number that is best on normal validation rows."""
  if task.truth is None:
    return {}
  source, seed = task.source, task.settings["mask_seed"]
  rows = lambda split, count: scores.features(source, source.split(split, count))
  valid = source.once("valid rows", lambda: rows("valid", task.settings["reference"]))
  spaced = lambda: source.spread("train", task.settings["rows"])
  train = source.once("train rows", lambda: scores.features(source, spaced()))
  scored = rows(task.split, len(task.examples["id"]))

  detectors = dict(novelty.DETECTORS)
  if not novelty.has_ecod():
    del detectors[novelty.ECOD_NAME]
  if task.own is not None and matrix_profile.installed():
    detectors[points.PROFILE] = source.once(points.PROFILE, lambda: points.profile(source))

  def answer(name: str) -> dict[str, np.ndarray]:
    fit = lambda: novelty.fit(detectors[name], train, valid, seed)
    scorer, _ = source.once(f"fitted {name}", fit)
    found = scorer(scored)
    return {"score": found, "p": detection.p_values(found, scorer(valid))}

  return {name: lambda c, name=name: answer(name) for name in detectors}


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """Rows (score, label) and (flag, label), and the ELBO of normal examples; of series `points`.

  Flagged is what at most the share `alarms` of normal validation examples exceeds.
  """
  del condition
  if task.truth is None:
    return {}
  label = np.asarray(task.truth, np.float64)[: len(answer["score"])]
  alarms = task.settings["alarms"]
  if task.own is not None:
    found = points.score(task.own, task.source.spec.shape[0], answer, alarms)
  else:
    flag = np.asarray(answer["p"]) <= alarms
    ranked, flagged = (np.stack([v, label], -1) for v in (answer["score"], flag))
    found = {"auroc": ranked, "auprc": ranked}
    found |= {"precision": flagged, "recall": flagged, "false": flagged}
  if "loss" in answer:
    found["loss"] = np.asarray(answer["loss"])[label == 0]
  return found


def further(outcome: Outcome) -> Extra:
  """Distributions of the score, the strangest examples, and a user's own rows."""
  found, mine = showing.further(outcome), own.detected(outcome, ask)
  said = [*points.missing(outcome.task.own), *scores.absent(outcome.runs)]
  if not novelty.has_ecod():
    said.append("ECOD is left out: pip install 'vae-jax[anomaly]' brings it.")
  return found._replace(
    findings=[*found.findings, *mine.findings, *said],
    arrays={**found.arrays, **mine.arrays},
  )
