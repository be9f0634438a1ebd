"""Recommendation: which items would somebody like whom the model has never seen."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking
from vae_jax.baselines import recommenders
from vae_jax.data import interactions
from vae_jax.evaluation import reporting, restoration
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.numbers import listed
from vae_jax.evaluation.protocol import Ask, Extra, Metric, Result, Task
from vae_jax.evaluation.source import Source
from vae_jax.inference.latent_map import latent_map
from vae_jax.inputs import baskets
from vae_jax.metrics import ranking
from vae_jax.run import Run, select
from vae_jax.types import Array, Example, Figure, Hyper, Params, Table, UserError

QUESTION = "Which items would somebody like whom the model has never seen?"
LONG, SHORT = 100, 20  # a list that is scored, and one that somebody reads
SETTINGS = {
  "split": "test",
  "limit": 10_000,  # users: the first ones of the split
  "tune": 10_000,  # validation users that methods and baselines are chosen on
  "map_steps": 80,  # of latent_map, from the encoder's mean
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
ONCE, MAP = "encode and decode", "latent MAP"
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
    found = codes(run, params, example, task.settings)
    return {name: likeliest(run, params, example, z, count)[0] for name, z in found.items()}

  return Ask(recommend, batch=task.settings["batch"])


def codes(
  run: Run, params: Params, example: Example, settings: dict[str, Any]
) -> dict[str, Array]:
  """The encoder's mean [L], and from there the mode of p(z|x), for what a user shows."""
  mean = run.vae.posterior(params, example).mean
  joint = lambda z: (
    run.vae.log_likelihood(params, z, example) + restoration.log_prior(run, z)
  )
  mode = latent_map(joint, mean[None], settings["map_steps"], settings["map_rate"])
  return {ONCE: mean, MAP: mode.z}


def likeliest(
  run: Run, params: Params, example: Example, z: Array, count: int
) -> tuple[Array, Array]:
  """The items [count] of the largest E[x|z] that the user does not show, and these numbers."""
  left = jnp.where(example["x"] > 0, -jnp.inf, run.vae.mean(params, z))
  value, item = jax.lax.top_k(left, count)
  return item, value


def baselines(task: Task) -> dict[str, Callable[[int], np.ndarray]]:
  """Popularity, ItemKNN, PureSVD, EASE and RP3beta, tuned on validation users."""
  found = task.source.once("tuned", lambda: _tuned(task.source))
  answer = lambda one: recommenders.lists(one.scorer, task.own, LONG)
  return {name: lambda c, one=one: answer(one) for name, one in found.items()}


def score(task: Task, answer: np.ndarray, condition: int) -> dict[str, np.ndarray]:
  """The scores [n] of lists [n, K], and for the coverage [n, 1 + 20] with I in front."""
  del condition
  hit, count = ranking.hits(answer, task.truth), np.diff(task.truth.indptr)
  short, share = answer[:, :SHORT], _share(task.source)
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
  cold = _by_size(outcome)
  tables, arrays = [*cold.tables, _lists(outcome)], {}
  findings = [*cold.findings, _numbers(outcome)]
  if outcome.settings["input"]:
    said, arrays["recommendations.csv"] = _own(outcome)
    findings.append(said)
  return Extra(tables, [_popularity(outcome)], findings, arrays)


def _tuned(source: Source) -> dict[str, recommenders.Tuned]:
  valid = prepare(source, "valid", source.settings["tune"])
  train = recommenders.Train(_train(source))
  tune = lambda name: recommenders.tuned(name, train, valid.own, valid.truth, LONG)
  return {name: tune(name) for name in recommenders.GRID}


def _train(source: Source) -> Any:
  return source.once("matrix", lambda: interactions.matrix(source.data, "train"))


def _share(source: Source) -> np.ndarray:
  """The share of the users of train who have each item, [I]."""
  train = _train(source)
  return np.asarray(train.sum(0), np.float64).ravel() / train.shape[0]


def _numbers(outcome: Outcome) -> str:
  """What the baselines were tuned to."""
  found = outcome.task.source.once("tuned", dict)
  told = [
    f"{name} ({', '.join(f'{k} {v:g}' for k, v in one.numbers.items())})"
    for name, one in found.items()
    if one.numbers
  ]
  return f"Chosen on validation users by NDCG@100: {listed(told)}."


def _by_size(outcome: Outcome) -> Extra:
  """The scores of users by how many items they show: those who show few are the cold ones."""
  sizes = [np.diff(task.own.indptr) for task in outcome.tasks]
  low, high = np.quantile(np.concatenate(sizes), (1 / 3, 2 / 3)).astype(int)
  groups = {
    f"up to {low}": lambda size: size <= low,
    f"{low + 1} to {high}": lambda size: (size > low) & (size <= high),
    f"{high + 1} and more": lambda size: size > high,
  }
  names = ("ndcg", "recall20")
  results = [
    one._replace(
      condition=name,
      scores={k: one.scores[k][of(sizes[one.part])[: len(one.scores[k])]] for k in names},
    )
    for one in outcome.results
    for name, of in groups.items()
    if all(of(size).any() for size in sizes)
  ]
  conditions = tuple(dict.fromkeys(one.condition for one in results))
  metrics = {name: METRICS[name] for name in names}
  return reporting.part(outcome, "By items shown", metrics, conditions, results)


def _lead(outcome: Outcome) -> Result:
  """The answer of the member that pictures show, by the method chosen on validation."""
  method = ONCE if outcome.chosen is None else outcome.chosen.method
  of = lambda one: one.member is not None and one.member.number == outcome.lead.number
  return next(one for one in outcome.results if of(one) and one.method == method)


def _name(run: Run, item: int) -> str:
  return run.spec.items[item].title or run.spec.items[item].id


def _lists(outcome: Outcome) -> Table:
  """What a few held-out users show, and the first ten items that they are recommended."""
  lead = _lead(outcome)
  task, run = outcome.tasks[lead.part], lead.member.run
  hit, rows = ranking.hits(lead.answer, task.truth), []
  for user in np.linspace(0, len(lead.answer) - 1, min(6, len(lead.answer))).astype(int):
    shown = task.own[[user]].indices[:8]
    items = [
      f"{_name(run, item)}{' ✓' if hit[user, rank] else ''}"
      for rank, item in enumerate(lead.answer[user, :10])
    ]
    names = ", ".join(_name(run, item) for item in shown)
    rows.append([f"user {user}", names, ", ".join(items)])
  text = "✓: among the hidden items. At most eight of the shown items."
  return Table("Lists of a few users", ("user", "shows", "recommended"), rows, text)


def _popularity(outcome: Outcome) -> Figure:
  """How the recommended items are spread over the catalogue, from popular to rare."""
  lead = _lead(outcome)
  train, count = _train(outcome.tasks[lead.part].source), len(lead.member.run.spec.items)
  order = np.argsort(-np.asarray(train.sum(0)).ravel(), kind="stable")
  rank = np.empty(count, int)
  rank[order] = np.arange(count)
  x = np.arange(1, count + 1) / count

  def curve(items: np.ndarray) -> np.ndarray:
    found = np.bincount(rank[items.ravel()], minlength=count)
    return np.cumsum(found) / found.sum()

  own = [one for one in outcome.results if one.member is None and one.part == lead.part]
  every = {"what users have": {"x": x, "y": curve(train.indices), "style": "dashed"}}
  every[lead.method] = {"x": x, "y": curve(lead.answer[:, :SHORT])}
  rivals = {v.theirs.method for v in outcome.verdicts} | {"popularity"}
  every |= {
    one.method: {"x": x, "y": curve(one.answer[:, :SHORT]), "style": "dashed"}
    for one in own
    if one.method in rivals
  }
  data = {"series": every, "x_label": "share of items, most popular first"}
  caption = (
    "The share of the first 20 recommendations that goes to the most popular items: a curve"
    " above that of what users have recommends what is popular already."
  )
  data |= {"y_label": "share of recommendations", "square": True}
  return Figure("popularity", "lines", data, caption)


def _own(outcome: Outcome) -> tuple[str, np.ndarray]:
  """Lists for the users of the setting `input`, of the member chosen on validation."""
  lead, settings = _lead(outcome), outcome.settings
  run, count = select(lead.member.run, lead.member.place), settings["top"]
  given = baskets.read(settings["input"], run)
  count = min(count, len(run.spec.items))
  dense = run._replace(dataset=run.dataset._replace(transform=None))

  def recommend(params: Params, hyper: Hyper, example: Example, key: Array) -> tuple:
    z = codes(run, params, example, settings)[lead.method]
    return likeliest(run, params, example, z, count)

  rows = [["user", "rank", "item", "title", "probability", "known items"]]
  for start in range(0, len(given.users), asking.BATCH):
    part = given.rows[start : start + asking.BATCH]
    found = asking.apply(
      dense, recommend, {"x": part.toarray()}, outcome.key, settings["batch"]
    )
    for user, (items, values) in enumerate(zip(*(one[0] for one in found), strict=True)):
      for rank, (item, value) in enumerate(zip(items, values, strict=True), 1):
        if np.isfinite(value):  # a user who has nearly everything has a shorter list
          known = run.spec.items[item]
          cells = [given.users[start + user], rank, known.id, known.title, f"{value:.4g}"]
          rows.append([*cells, part.indptr[user + 1] - part.indptr[user]])
  empty = int((np.diff(given.rows.indptr) == 0).sum())
  said = (
    f"Lists for the {len(given.users):,} users of {given.name} are in recommendations.csv beside"
    f" this report. {given.unknown:,} pairs have an item that the model does not know; the"
    f" {empty:,} users without a known item got what the model says of an empty row."
  )
  return said, np.array(rows, object)
