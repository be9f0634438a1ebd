"""Augmentation: what made examples add to a classifier with few real ones."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from vae_jax.applications.augmentation import making, writing
from vae_jax.baselines import augmenting, augmenting_words
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Application, Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON, one_of
from vae_jax.evaluation.source import Source
from vae_jax.metrics import detection
from vae_jax.run import Run
from vae_jax.studies import amounts
from vae_jax.types import UserError

QUESTION = "What do made examples add to a classifier that has few real ones?"
SETTINGS = {
  **COMMON,
  "limit": 10_000,
  "tune": 1000,  # validation examples that methods and settings are chosen on
  "steps": 1000,  # of Adam, the same for every arm
  "pool": 4096,  # rows that every arm has, real and made; an even number
  "near": "auto",  # "posterior": around the codes of training rows; "prior": N(0, I)
  "oversampling": "yes",  # SMOTE and ADASYN, with the extra `augmentation`
  "rare": "",  # the class to be found: scores are of it against all others
  "make": 500,  # rows of synthetic.csv
  "input": "",  # a .csv of rows with a column `label`: what is made is made near them
}
METRICS = {
  "accuracy": Metric("Accuracy", "%"),
  "auprc": Metric("AUPRC", digits=3, reduce=detection.auprc),
  "recall": Metric("Recall at 1 % false alarms", digits=3, reduce=detection.recall_at),
}
VARIES = ("draw", "labels")
VAE, BOTH, ALONE = "VAE", "VAE + classical", "VAE alone"
PRIOR = "VAE from the prior"  # sentences, where VAE is near those of the fold
REFERENCES = (ALONE,)
CONTRASTS = ((VAE, BOTH),)
IMBALANCED = ("class weights", "ADASYN")
OVERSAMPLED = ("SMOTE", "ADASYN")
NOTE = (
  "Every arm is the same network, trained for {steps} steps of Adam on a pool of {pool} rows; half"
  " of the pool is made where rows are made. Generator and classifier see the training fold alone."
  " VAE alone: trained on made rows, tested on real ones. Draws of the fold are repetitions."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses a generator without labels, one that saw more than the fold, and an unknown class."""
  one_of(settings, "near", ("auto", "posterior", "prior"))
  one_of(settings, "oversampling", ("yes", "no"))
  for run in runs:
    options = run.config["data"]
    if run.vae.given is None:
      raise UserError(
        "augmentation asks a class-conditional model: train with config.model.condition=label."
      )
    if options["labels"] and options["unlabelled"]:
      raise UserError(
        "The model saw more than the training fold: train with config.data.unlabelled=False."
      )
    if settings["rare"] and settings["rare"] not in run.spec.classes:
      raise UserError(
        f"The setting rare is {settings['rare']!r}; the classes are {', '.join(run.spec.classes)}."
      )
    rows = len(run.dataset.splits["train"]["x"])
    if run.spec.symbols and settings["pool"] < 2 * rows:
      raise UserError(
        f"The setting pool is {settings['pool']}, of which half are real sentences; the fold has"
        f" {rows:,}: give at least {2 * rows}."
      )
  if settings["input"]:
    writing.read(settings["input"], runs[0])


def adapted(
  application: Application, runs: list[Run], settings: dict[str, Any]
) -> Application:
  """With a rare class the scores of finding it, and the first of them as the headline."""
  del runs
  if not settings["rare"]:
    return application
  metrics = {k: application.metrics[k] for k in ("auprc", "recall", "accuracy")}
  return application._replace(metrics=metrics, headline="auprc")


def prepare(source: Source, split: str, limit: int) -> Task:
  """Real examples of a split and their class; the condition is the size of the fold."""
  if split == "train":
    raise UserError(
      "The classifiers are trained on the training fold: take the split test or valid."
    )
  examples = source.split(split, limit)
  label, classes = source.data.splits["train"]["label"], len(source.spec.classes)
  counts = np.bincount(label, minlength=classes)
  named = f"{counts.sum()} training rows"
  if counts.min() == counts.max():
    named = f"{counts[0]} a class"
  own = making.features(source, source.inputs(examples), examples)
  return Task(source, split, examples, (named,), truth=examples["label"], own=own)


def model(task: Task, run: Run) -> dict[str, Any]:
  """What classifiers say that were trained on made rows, of every member: log q(class|x)."""
  source, size = task.source, task.settings["pool"]
  found: dict[str, list] = {name: [] for name in (VAE, BOTH, ALONE)}
  if source.spec.symbols and making.around(source):
    found[PRIOR] = []
  arms = [(name, place) for place in range(len(run.members)) for name in found]
  pools = lambda: [_pool(source, run, place, name, size) for name, place in arms]
  fitted = source.once(f"classifiers of {id(run)}", lambda: making.fits(source, pools()))
  for (name, _), predict in zip(arms, fitted, strict=True):
    found[name].append(predict(task.own))
  return {name: np.stack(values)[:, None] for name, values in found.items()}


def baselines(task: Task) -> dict[str, Callable[[int], np.ndarray]]:
  """The same classifier on pools that are made without a model."""
  source, found = task.source, {}
  for name in _offered(source):
    try:
      fit = source.once(name, lambda name=name: _baseline(source, name))
    except augmenting.NothingMadeError:
      continue  # said in `further`
    found[name] = lambda c, fit=fit: fit(task.own)
  return found


def score(task: Task, answer: np.ndarray, condition: int) -> dict[str, np.ndarray]:
  """100 where the class is right; rows (score, is it the rare class) where there is one."""
  del condition
  found = {"accuracy": 100.0 * (answer.argmax(-1) == task.truth)}
  if rare := task.settings["rare"]:
    place = task.source.spec.classes.index(rare)
    rows = np.stack([answer[:, place], task.truth == place], -1).astype(np.float64)
    found |= {"auprc": rows, "recall": rows}
  return found


def further(outcome: Outcome) -> Extra:
  """What is not in the table, made examples as pictures, and made rows as a file."""
  found, said = writing.written(outcome), []
  for number, task in enumerate(outcome.tasks):
    here = {r.method for r in outcome.results if r.part == number}
    said += [
      f"{name} could make no rows of a fold of {task.conditions[0]} and is not in its table."
      for name in _offered(task.source)
      if name not in here
    ]
  if outcome.settings["oversampling"] == "no":
    said.append("SMOTE and ADASYN are not in the table: they were left out by a setting.")
  figures = [*amounts.curve(outcome), *found.figures]
  return found._replace(findings=[*said, *found.findings], figures=figures)


def _offered(source: Source) -> list[str]:
  """The baselines of this fold: weights of classes only where classes differ in size."""
  label, classes = making.fold(source).label, len(source.spec.classes)
  counts = np.bincount(label, minlength=classes)
  left_out = [] if counts.min() < counts.max() else [*IMBALANCED]
  left_out += [*OVERSAMPLED] if source.settings["oversampling"] == "no" else []
  return [name for name in _ways(source).METHODS if name not in left_out]


def _ways(source: Source) -> ModuleType:
  """How rows of this kind are made without a model, moved, and told apart."""
  return augmenting_words if source.spec.symbols else augmenting


def _baseline(source: Source, name: str) -> Callable[[np.ndarray], np.ndarray]:
  rng, size = making.draws(source, name), source.settings["pool"]
  pool = _ways(source).METHODS[name](making.fold(source), size, rng)
  return making.fits(source, [pool])[0]


def _pool(source: Source, run: Run, place: int, name: str, size: int) -> augmenting.Pool:
  """The pool of one member's arm."""
  fold, near_by = making.fold(source), name != PRIOR and making.around(source)
  made = source.once(
    f"made by {id(run)}, {place}, {near_by}",
    lambda: making.pool(source, run, place, size, near_by),
  )
  pool = augmenting.beside(fold, made, size)
  if name == BOTH:
    rng = making.draws(source, "classical")
    pool = _ways(source).moved(pool[0], rng), pool[1]
  if name == ALONE:
    pool = tuple(np.concatenate([part, part]) for part in made)
  return pool
