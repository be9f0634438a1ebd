"""Tables with holes for the application: what methods are given, and how they are scored."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.applications import _members
from vae_jax.baselines import downstream
from vae_jax.columns import columns_of, natural
from vae_jax.metrics import restoration
from vae_jax.metrics.summary import Mean, mean_and_error
from vae_jax.run import Run
from vae_jax.types import Array, Column, Dataset, Posterior, UserError

NUMERIC = ("real", "positive", "count")
FIELDS = ("observed", "hidden", "truth")
LEVEL = 0.9  # of the interval
# The model's methods.
ONCE, MAP = "encode and decode", "latent MAP"
WEIGHED, LAPLACE = "importance, encoder", "importance, Laplace"


class Task(NamedTuple):
  """The rows that are filled in, and all that stays the same over methods."""

  run: Run
  data: Dataset
  settings: dict[str, Any]
  columns: tuple[Column, ...]
  asked: dict[str, np.ndarray]  # what the model is given: x, observed and id
  examples: dict[str, np.ndarray]  # the split with the answers
  truth: np.ndarray  # [N, D] the answers as the file's numbers
  center: np.ndarray  # [D] mean and
  spread: np.ndarray  # [D] standard deviation of observed training entries of the file
  known: np.ndarray  # [P, E] baselines learn from it, NaN where missing; see `widen`
  rows: np.ndarray  # [N, E] what baselines fill in
  stored: tuple[
    np.ndarray, np.ndarray
  ]  # both of them as the model has them: [P, D], [N, D]
  posterior: Posterior  # [M, N, L]
  key: Array


class Answer(NamedTuple):
  """What one method made of every row, as the file's numbers."""

  member: int | None  # None: a baseline
  method: str
  point: np.ndarray  # [N, D]
  draws: np.ndarray | None  # [I, N, D]
  seconds: float


class Scored(NamedTuple):
  """An answer's scores over hidden entries; None where there is nothing to score."""

  answer: Answer
  completed: np.ndarray  # [N, D] observed entries kept, the others filled in
  mse: Mean | None  # of numeric columns, each standardised
  wrong: float | None  # share of wrong categories
  shift: float | None  # |difference of ordinals| / (V - 1)
  crps: float | None  # of numeric columns, each standardised; of a point its absolute error
  covered: float | None  # share of numeric entries within their interval
  accuracy: float | None  # of a model of the label fitted on the completed rows


def prepare(run: Run, data: Dataset, key: Array, settings: dict[str, Any]) -> Task:
  """The rows of a split, the scale of scores, and what baselines see.

  Raises:
    UserError: the examples are no rows, or nothing says which entries are missing.
  """
  examples = _members.split(data, settings["split"])
  if run.spec.kind != "table" or any(name not in examples for name in FIELDS):
    raise UserError(
      f"imputation needs a table with the fields {', '.join(FIELDS)}, and {data.name!r} is of"
      f" kind {run.spec.kind!r} with {', '.join(examples)}: train on data.name=tables."
    )
  if examples["observed"].all():
    raise UserError(f"Nothing is missing in {data.name!r}: raise data.rate above 0.")
  columns = columns_of(run.spec)
  asked = {name: examples[name] for name in ("x", "observed", "id")}
  train, valid = _members.split(data, "train"), _members.split(data, "valid")
  center, spread = _scale(columns, train)
  learnt = np.concatenate([train["row"], valid["row"]])
  new = ~np.isin(examples["row"], learnt)  # none where the split is the whole table
  parts = [train, valid, {name: values[new] for name, values in examples.items()}]
  wide = lambda part: widen(
    columns, center, spread, natural(columns, part["x"]), part["observed"]
  )
  holes = lambda part: np.where(part["observed"], part["x"], np.nan).astype(np.float64)
  return Task(
    run, data, settings, columns, asked, examples, natural(columns, examples["truth"]),
    center, spread, np.concatenate([wide(part) for part in parts]), wide(examples),
    (np.concatenate([holes(part) for part in parts]), holes(examples)),
    _members.posterior(run, asked, key), key,
  )  # fmt: skip


def _scale(
  columns: tuple[Column, ...], train: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
  """Mean and standard deviation of observed training entries; 0 and 1 for categories."""
  seen = np.where(train["observed"], natural(columns, train["x"]), np.nan)
  numbers = np.array([c.kind != "category" for c in columns])
  center, spread = np.nanmean(seen, 0), np.nanstd(seen, 0)
  spread = np.where(spread > 1e-8, spread, 1.0)
  return np.where(numbers, center, 0.0), np.where(numbers, spread, 1.0)


def widen(
  columns: tuple[Column, ...],
  center: np.ndarray,
  spread: np.ndarray,
  x: np.ndarray,
  observed: np.ndarray | None = None,
) -> np.ndarray:
  """The file's rows [N, D] as baselines read them [N, E]: standardised, V of 0 and 1.

  NaN where not observed.
  """
  parts = []
  for i, column in enumerate(columns):
    if column.kind == "category":
      place = np.round(x[:, i : i + 1] - column.shift)
      part = (place == np.arange(column.categories)).astype(np.float64)
    else:
      part = (x[:, i : i + 1].astype(np.float64) - center[i]) / spread[i]
    hole = np.zeros(len(x), bool) if observed is None else ~observed[:, i]
    parts.append(np.where(hole[:, None], np.nan, part))
  return np.concatenate(parts, 1)


def narrow(task: Task, wide: np.ndarray) -> np.ndarray:
  """What baselines filled in [N, E] as the file's rows [N, D]: one of V, whole ordinals."""
  found, at = [], 0
  for i, column in enumerate(task.columns):
    width = column.categories if column.kind == "category" else 1
    part, at = wide[:, at : at + width], at + width
    if column.kind == "category":
      found.append(column.shift + part.argmax(1))
      continue
    value = part[:, 0] * task.spread[i] + task.center[i]
    if column.kind == "ordinal":
      top = column.shift + column.categories - 1
      value = np.clip(np.round(value), column.shift, top)
    found.append(value)
  return np.stack(found, 1)


def score(task: Task, answer: Answer) -> Scored:
  """Every score of one answer over the hidden entries."""
  truth, hidden = task.truth, task.examples["hidden"]
  completed = np.where(task.examples["observed"], truth, _settled(task, answer))
  kinds = np.array([c.kind for c in task.columns])
  numeric = hidden & np.isin(kinds, NUMERIC)
  gap = (completed - truth) / task.spread
  wrong = (completed != truth)[hidden & (kinds == "category")]
  levels = np.array([max(c.categories - 1, 1) for c in task.columns])
  shift = (np.abs(completed - truth) / levels)[hidden & (kinds == "ordinal")]
  crps, covered = _spread(task, answer, numeric)
  if crps is None and numeric.any():
    crps = float(np.abs(gap[numeric]).mean())
  return Scored(
    answer,
    completed,
    mean_and_error(gap[numeric] ** 2) if numeric.any() else None,
    float(wrong.mean()) if len(wrong) else None,
    float(shift.mean()) if len(shift) else None,
    crps,
    covered,
    _accuracy(task, completed),
  )


def _settled(task: Task, answer: Answer) -> np.ndarray:
  """The point estimate, with a model's categories and ordinals taken from its draws."""
  point = np.array(answer.point, np.float64)
  if answer.member is None or answer.draws is None:
    return point
  for i, column in enumerate(task.columns):
    if column.kind == "ordinal":
      point[:, i] = np.round(np.median(answer.draws[:, :, i], 0))
    elif column.kind == "category":
      votes = answer.draws[:, :, i, None] == column.shift + np.arange(column.categories)
      point[:, i] = column.shift + votes.sum(0).argmax(-1)
  return point


def _spread(
  task: Task, answer: Answer, numeric: np.ndarray
) -> tuple[float | None, float | None]:
  if answer.draws is None or not numeric.any():
    return None, None
  standard = lambda x: ((x - task.center) / task.spread)[..., numeric].astype(np.float32)
  draws, truth = standard(answer.draws), standard(task.truth)
  crps = np.asarray(restoration.crps(draws, truth), np.float64).mean()
  return float(crps), coverage(draws, truth, LEVEL)


def coverage(draws: np.ndarray, truth: np.ndarray, level: float) -> float:
  """The share of truths [n] within the central interval of their draws [I, n]."""
  return float(np.asarray(restoration.covered(draws, truth, level), np.float64).mean())


def _accuracy(task: Task, completed: np.ndarray) -> float | None:
  if "label" not in task.examples or not np.isfinite(completed).all():
    return None
  wide = widen(task.columns, task.center, task.spread, completed)
  return downstream.accuracy(wide, task.examples["label"])


def ceiling(task: Task) -> float | None:
  """The accuracy on the rows with nothing hidden; None where some are truly missing."""
  known = task.examples["observed"] | task.examples["hidden"]
  return _accuracy(task, task.truth) if known.all() else None


def best(scored: list[Scored], model: bool) -> Scored:
  """The model's, or the baselines', answer of least error."""
  those = [s for s in scored if (s.answer.member is not None) == model]

  def error(s: Scored) -> tuple[float, float]:
    parts = [s.mse.mean if s.mse else None, s.wrong, s.shift]
    known = [p for p in parts if p is not None]
    total = sum(known)
    return (total if np.isfinite(total) else np.inf), 0.0

  # Nothing to score: the last of the model's methods, which is the most careful one.
  return min(reversed(those), key=error)
