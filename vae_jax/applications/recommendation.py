"""Recommendation: which items would somebody like whom the model has never seen."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax.applications import _recommendation as shared
from vae_jax.applications._recommendation import MAP, ONCE, SHORT
from vae_jax.baselines import recommenders
from vae_jax.data import interactions
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.numbers import listed
from vae_jax.evaluation.protocol import Ask, Extra, Metric, Task
from vae_jax.evaluation.source import Source
from vae_jax.inputs import baskets
from vae_jax.metrics import ranking
from vae_jax.run import Run
from vae_jax.studies import symbols
from vae_jax.types import Array, Example, Hyper, Params, UserError

QUESTION = "Which items would somebody like whom the model has never seen?"
FAMILIES = True  # of posteriors and priors; discrete codes are encoded and decoded alone
LONG = 100  # items of a list that is scored
SETTINGS = {
  "split": "test",
  "limit": 10_000,  # users: the first ones of the split
  "tune": 10_000,  # validation users that methods and baselines are chosen on
  "map_steps": 40,  # of latent_map, from the encoder's mean
  "map_rate": 0.05,  # its first step size, in units of z
  "batch": 50,  # users at once: memory, not the result
  "input": "",  # a .csv or .parquet of users of one's own; see `inputs.baskets`
  "top": 20,  # items for each of them
}
METRICS = {
  "ndcg": Metric("NDCG@100", digits=4),
  "recall20": Metric("Recall@20", digits=4),
  "recall50": Metric("Recall@50", digits=4),
  "coverage": Metric(
    "Coverage", better=0, digits=3, reduce=lambda r: ranking.coverage(r[:, 1:], r[0, 0])
  ),
  "lift": Metric("Popularity lift", better=0),
  "novelty": Metric("Novelty", "bits", 0),
}
VARIES = ("fold",)
CONTRASTS = ((ONCE, MAP),)
NOTE = (
  "Users are in no row of train; what they show is ranked against all other items, none sampled."
  " Recall@k is of min(k, hidden items). Of the first 20: coverage, the share of all items that"
  " is in anyone's list (its interval by a bootstrap, which lacks some users each time, is"
  " rough); popularity lift, how much more popular a list is than the user's own items, as a ratio"
  " less 1; novelty, the mean of -log2 of the share of users who have an item."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no data of users and items, and an input that cannot be read."""
  for run in runs:
    if not run.spec.items:
      raise UserError(
        f"recommendation needs users and items, and {run.dataset.name!r} has none: evaluate a"
        " run on the data 'interactions'."
      )
  if settings["input"]:
    baskets.read(settings["input"], runs[0])


def prepare(source: Source, split: str, limit: int) -> Task:
  """Held-out users: what they show is the example, `truth` [n, I] is what they hide.

  Raises:
    UserError: users of train hide nothing.
  """
  if split == "train":
    raise UserError("Users of train hide no item: take the split valid or test.")
  examples = source.split(split, limit)
  items = len(source.spec.items)
  truth = interactions.targets(examples, items)
  seen = interactions.matrix(source.data, split)[: len(examples["id"])]
  return Task(source, split, examples, truth=truth, own=seen)


def model(task: Task, run: Run) -> Ask:
  """The likeliest items at each code, those that the user shows left out: [LONG] int32."""
  count = min(LONG, len(run.spec.items))

  def recommend(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    found = shared.codes(run, params, hyper, example, task.settings)
    return {
      name: shared.likeliest(run, params, example, z, count)[0] for name, z in found.items()
    }

  return Ask(recommend, batch=task.settings["batch"])


def baselines(task: Task) -> dict[str, Callable[[int], np.ndarray]]:
  """Popularity, ItemKNN, PureSVD, EASE and RP3beta, tuned on validation users."""
  found = task.source.once("tuned", lambda: _tuned(task.source))
  answer = lambda one: recommenders.lists(one.scorer, task.own, LONG)
  return {name: lambda c, one=one: answer(one) for name, one in found.items()}


def score(task: Task, answer: np.ndarray, condition: int) -> dict[str, np.ndarray]:
  """The scores [n] of lists [n, K], and for the coverage [n, 1 + 20] with I in front."""
  del condition
  hit, count = ranking.hits(answer, task.truth), np.diff(task.truth.indptr)
  short, share = answer[:, :SHORT], shared.share(task.source)
  return {
    "ndcg": ranking.ndcg(hit, count, LONG),
    "recall20": ranking.recall(hit, count, 20),
    "recall50": ranking.recall(hit, count, 50),
    "coverage": np.insert(short, 0, len(share), axis=1),
    "lift": ranking.lift(short, share, task.own),
    "novelty": ranking.novelty(short, share),
  }


def further(outcome: Outcome) -> Extra:
  """Users by how much they show, lists of a few users, and a user's own file answered."""
  cold = shared.by_size(outcome)
  tables, arrays = [*cold.tables, shared.lists(outcome)], {}
  findings = [*cold.findings, _numbers(outcome)]
  if not all(symbols.is_real(run) for run in outcome.runs):
    findings.append(
      "Codes that are discrete, or on a sphere, have no latent MAP to climb to."
    )
  if outcome.settings["input"]:
    said, arrays["recommendations.csv"] = shared.own(outcome)
    findings.append(said)
  return Extra(tables, [shared.popularity(outcome)], findings, arrays)


def _tuned(source: Source) -> dict[str, recommenders.Tuned]:
  valid = prepare(source, "valid", source.settings["tune"])
  train = recommenders.Train(shared.train(source))
  tune = lambda name: recommenders.tuned(name, train, valid.own, valid.truth, LONG)
  return {name: tune(name) for name in recommenders.GRID}


def _numbers(outcome: Outcome) -> str:
  """What the baselines were tuned to."""
  found = outcome.task.source.once("tuned", dict)
  told = [
    f"{name} ({', '.join(f'{k} {v:g}' for k, v in one.numbers.items())})"
    for name, one in found.items()
    if one.numbers
  ]
  return f"Chosen on validation users by NDCG@100: {listed(told)}."
