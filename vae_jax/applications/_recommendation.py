"""Codes and lists of recommendations, and what an evaluation of them also shows."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions, registry
from vae_jax.data import interactions
from vae_jax.evaluation import reporting
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Result
from vae_jax.evaluation.source import Source
from vae_jax.inference.joint import Joint
from vae_jax.inference.latent_map import latent_map
from vae_jax.inputs import baskets
from vae_jax.metrics import ranking
from vae_jax.run import Run, select
from vae_jax.studies import symbols
from vae_jax.types import Array, Example, Figure, Hyper, Params, Table

SHORT = 20  # items of a list that somebody reads
ONCE, MAP = "encode and decode", "latent MAP"


def codes(
  run: Run, params: Params, hyper: Hyper, example: Example, settings: dict[str, Any]
) -> dict[str, Array]:
  """The code [L] of q(z|x), and from there the mode of p(z|x), for what a user shows.

  The prior is the model's own, or the one that its objective charges: RecVAE's is a mixture
  with the user's own posterior in it. A code that no small step leaves has no mode to climb to.
  """
  code = distributions.code(run.vae.posterior(params, example))
  if not symbols.is_real(run):
    return {ONCE: code}
  log_x = lambda z: run.vae.log_likelihood(params, z, example)
  objective = registry.find("objectives", run.config["objective"]["name"])
  if hasattr(objective, "prior"):
    prior = objective.prior(run.vae, params, example, hyper)
  else:
    prior = run.vae.prior(params, example)
  joint = Joint(log_x, prior, run.stochastic)
  mode = latent_map(joint, code[None], settings["map_steps"], settings["map_rate"])
  return {ONCE: code, MAP: mode.z}


def likeliest(
  run: Run, params: Params, example: Example, z: Array, count: int
) -> tuple[Array, Array]:
  """The items [count] of the largest E[x|z] that the user does not show, and these numbers."""
  left = jnp.where(example["x"] > 0, -jnp.inf, run.vae.mean(params, z))
  value, item = jax.lax.top_k(left, count)
  return item, value


def train(source: Source) -> Any:
  return source.once("matrix", lambda: interactions.matrix(source.data, "train"))


def share(source: Source) -> np.ndarray:
  """The share of the users of train who have each item, [I]."""
  rows = train(source)
  return np.asarray(rows.sum(0), np.float64).ravel() / rows.shape[0]


def by_size(outcome: Outcome) -> Extra:
  """The scores of users by how many items they show: those who show few are the cold ones."""
  sizes = [np.diff(task.own.indptr) for task in outcome.tasks]
  low, high = np.quantile(np.concatenate(sizes), (1 / 3, 2 / 3)).astype(int)
  groups = {
    f"up to {low}": lambda size: size <= low,
    f"{low + 1} to {high}": lambda size: (size > low) & (size <= high),
    f"{high + 1} and more": lambda size: size > high,
  }
  names = ("ndcg", "recall20")
  method = ONCE if outcome.chosen is None else outcome.chosen.method
  results = [
    one._replace(
      condition=name,
      scores={k: one.scores[k][of(sizes[one.part])[: len(one.scores[k])]] for k in names},
    )
    for one in outcome.results
    if one.member is None or one.method == method
    for name, of in groups.items()
    if all(of(size).any() for size in sizes)
  ]
  conditions = tuple(dict.fromkeys(one.condition for one in results))
  metrics = {name: outcome.application.metrics[name] for name in names}
  return reporting.part(outcome, "By items shown", metrics, conditions, results)


def _lead(outcome: Outcome) -> Result:
  """The answer of the member that pictures show, by the method chosen on validation."""
  method = ONCE if outcome.chosen is None else outcome.chosen.method
  of = lambda one: one.member is not None and one.member.number == outcome.lead.number
  return next(one for one in outcome.results if of(one) and one.method == method)


def _name(run: Run, item: int) -> str:
  return run.spec.items[item].title or run.spec.items[item].id


def lists(outcome: Outcome) -> Table:
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


def popularity(outcome: Outcome) -> Figure:
  """How the recommended items are spread over the catalogue, from popular to rare."""
  lead = _lead(outcome)
  rows = train(outcome.tasks[lead.part].source)
  count = len(lead.member.run.spec.items)
  order = np.argsort(-np.asarray(rows.sum(0)).ravel(), kind="stable")
  rank = np.empty(count, int)
  rank[order] = np.arange(count)
  x = np.arange(1, count + 1) / count

  def curve(items: np.ndarray) -> np.ndarray:
    found = np.bincount(rank[items.ravel()], minlength=count)
    return np.cumsum(found) / found.sum()

  rivals_of = [r for r in outcome.results if r.member is None and r.part == lead.part]
  every = {"what users have": {"x": x, "y": curve(rows.indices), "style": "dashed"}}
  every[lead.method] = {"x": x, "y": curve(lead.answer[:, :SHORT])}
  rivals = {v.theirs.method for v in outcome.verdicts} | {"popularity"}
  every |= {
    one.method: {"x": x, "y": curve(one.answer[:, :SHORT]), "style": "dashed"}
    for one in rivals_of
    if one.method in rivals
  }
  data = {"series": every, "x_label": "share of items, most popular first"}
  caption = (
    "The share of the first 20 recommendations that goes to the most popular items: a curve"
    " above that of what users have recommends what is popular already."
  )
  data |= {"y_label": "share of recommendations", "square": True}
  return Figure("popularity", "lines", data, caption)


def own(outcome: Outcome) -> tuple[str, np.ndarray]:
  """Lists for the users of the setting `input`, of the member chosen on validation."""
  lead, settings = _lead(outcome), outcome.settings
  run, count = select(lead.member.run, lead.member.place), settings["top"]
  given = baskets.read(settings["input"], run)
  count = min(count, len(run.spec.items))
  dense = run._replace(dataset=run.dataset._replace(transform=None))

  def recommend(params: Params, hyper: Hyper, example: Example, key: Array) -> tuple:
    z = codes(run, params, hyper, example, settings)[lead.method]
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
