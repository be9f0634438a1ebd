"""A user's own rows or images: scored, ranked among normal ones, flagged, and explained."""

from typing import Any

import numpy as np

from vae_jax.applications.anomaly import scores
from vae_jax.data import series
from vae_jax.evaluation import answer as of_answer
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Ask, Extra, Member, Task
from vae_jax.evaluation.source import Source
from vae_jax.inputs import rows
from vae_jax.metrics import detection, time_series
from vae_jax.run import Run, select
from vae_jax.types import Array, Example, Hyper, Params

NAMED = 3  # columns that are named as the reason


def check(run: Run, settings: dict[str, Any]) -> None:
  """Refuses an input that does not fit the data of the model."""
  if settings["input"]:
    _read(run, settings)


def detected(outcome: Outcome, ask: scores.Ask) -> Extra:
  """The rows of the setting `input` as detected.csv, by the chosen score of one member."""
  settings = outcome.settings
  if not settings["input"]:
    return Extra()
  lead = outcome.lead
  method = scores.chosen(outcome.runs, settings)
  method = outcome.chosen.method if outcome.chosen is not None else method
  source = outcome.tasks[lead.part].source
  mine = _read(lead.run, settings)
  examples = _examples(mine, source)
  found, p = scores.with_p_values(source, lead.run, examples, ask)
  values, p = found[method][lead.place], p[method][lead.place]
  if isinstance(mine, series.Given):
    mine, values, p = _of_points(mine, values, p)
  flag = p <= settings["alarms"]
  head = ["row", "score", "percentile", "flag"]
  cells = [mine.rows, values, 100 * (1 - p), flag.astype(int)]
  reasons = _reasons(source, lead, examples)
  if reasons is not None:
    head, cells = [*head, "columns"], [*cells, reasons]
  table = [head, *(list(map(_word, row)) for row in zip(*cells, strict=True))]
  arrays = {"detected.csv": np.array(table)}
  return Extra(findings=_said(outcome, lead, mine, method, values, flag), arrays=arrays)


def _read(run: Run, settings: dict[str, Any]) -> rows.Given | series.Given:
  if "start" in run.dataset.splits["train"]:  # windows of a series, and not examples
    return series.read_own(settings["input"], run.spec, run.config["data"])
  holes = "observed" in run.dataset.splits["train"]
  return rows.read(settings["input"], run.spec, holes)


def _of_points(
  mine: series.Given, values: np.ndarray, p: np.ndarray
) -> tuple[rows.Given, np.ndarray, np.ndarray]:
  """The time stamps of a series as rows, with the score and the p-value of each."""
  of = lambda v: time_series.of_points(v, mine.starts, mine.x.shape[1], len(mine.stamps))
  every = np.zeros((0, *mine.x.shape[1:]), np.float32)
  known = rows.Given(mine.name, list(mine.stamps), every, every, mine.marks)
  return known, of(values), -of(-p)


def _examples(mine: rows.Given | series.Given, source: Source) -> dict[str, np.ndarray]:
  found = {"x": mine.x, "id": np.arange(len(mine.x), dtype=np.int32)}
  if "observed" in source.data.splits["train"]:
    found["observed"] = mine.observed > 0.5
  return found


def _reasons(
  source: Source, lead: Member, examples: dict[str, np.ndarray]
) -> list[str] | None:
  """The columns of each row whose nats exceed those of normal validation rows the most.

  A column's nats are -log p(x_d | z) at the posterior mean of z, less their mean over normal
  validation rows. None where the data has no columns or the likelihood is of all together.
  """
  run, spec = lead.run, source.spec
  if (
    not spec.columns
    or spec.kind != "table"
    or run.vae.theta is None
    or run.likelihood.joint
  ):
    return None

  def nats(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper, key
    theta = run.vae.theta(params, run.vae.posterior(params, example).mean)
    return -run.likelihood.each(theta, example["x"]) * example.get("observed", 1)

  one = select(run, lead.place)

  def of(fields: dict[str, np.ndarray]) -> np.ndarray:
    asked = Ask(nats, batch=source.settings["batch"])
    return of_answer.ask(Task(source, "", fields), one, asked, source.key)[0, 0]

  excess = of(examples) - of(scores.normal_rows(source)).mean(0)
  order = np.argsort(-excess, axis=-1)[:, :NAMED]
  name = lambda row, i: f"{spec.columns[i].name} ({excess[row, i]:+.1f})"
  return [
    "; ".join(name(row, i) for i in places if excess[row, i] > 0)
    for row, places in enumerate(order)
  ]


def _said(
  outcome: Outcome,
  lead: Member,
  mine: rows.Given,
  method: str,
  values: np.ndarray,
  flag: np.ndarray,
) -> list[str]:
  who = of_members.title(lead, outcome.members)
  what = "examples" if len(mine.x) else "time stamps"
  said = (
    f"Of the {len(values):,} {what} of {mine.name}, {int(flag.sum()):,} are flagged at"
    f" {100 * outcome.settings['alarms']:g} % false alarms, by {method}"
    f"{f' of {who}' if who else ''}: detected.csv beside this report."
  )
  if mine.anomaly is None:
    return [said]
  label = mine.anomaly.astype(np.float64)
  ranked, flagged = np.stack([values, label], -1), np.stack([flag, label], -1)
  return [
    f"{said} By its own labels: AUROC {detection.auroc(ranked):.3f}, precision"
    f" {detection.precision(flagged):.3f}, recall {detection.recall(flagged):.3f}."
  ]


def _word(value: Any) -> str:
  return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
