"""What was filled in as tables, figures, sentences and a completed table."""

from typing import Any

import numpy as np

from vae_jax.applications import _imputation, _members
from vae_jax.applications._imputation import LEVEL, Scored, Task
from vae_jax.metrics import latent
from vae_jax.types import Figure, Table

DRAWN = 30  # columns of a table that a figure shows


def tables(task: Task, scored: list[Scored]) -> list[Table]:
  """A row for each member and method, and their means over seeds."""
  run, head = task.run, _members.columns(task.run)
  kl = [latent.rates(m, v).sum() for m, v in zip(*task.posterior, strict=True)]
  columns = (*head, "method", "active", "KL", "mse", "± mse", "wrong", "shift", "crps")
  columns += (f"in {LEVEL:.0%} interval", "accuracy", "seconds")
  rows = []
  for one in scored:
    m = one.answer.member
    row = _members.cells(run, m) if m is not None else [None] * len(head)
    row += [one.answer.method]
    row += (
      [latent.verdict(task.posterior.mean[m]), float(kl[m])]
      if m is not None
      else [None] * 2
    )
    row += list(one.mse) if one.mse else [None] * 2
    row += [one.wrong, one.shift, one.crps, one.covered, one.accuracy, one.answer.seconds]
    rows.append(row)
  top = _imputation.ceiling(task)
  if top is not None:
    blank = [None] * (len(columns) - len(head) - 3)
    rows.append([*[None] * len(head), "nothing missing", *blank, top, None])
  table = Table("How well are missing entries filled in?", columns, rows, _note(task))
  kept = [
    i
    for i, c in enumerate(columns)
    if i < len(head) + 1 or any(r[i] is not None for r in rows)
  ]
  table = table._replace(
    columns=tuple(columns[i] for i in kept), rows=[[r[i] for i in kept] for r in rows]
  )
  seeds = _members.across_seeds(table, len(head) + 1)
  return [table] + ([seeds] if seeds else [])


def _note(task: Task) -> str:
  hidden, s = int(task.examples["hidden"].sum()), task.settings
  return (
    f"Over {hidden:,} hidden entries of {len(task.rows):,} rows. mse: of numeric columns, each"
    " divided by the standard deviation of its observed training entries, so that the mean"
    " scores about 1; ± its standard error. wrong: the share of wrong categories. shift: the"
    " distance of ordinals over the number of levels less one. crps: of"
    f" {s['imputations']} draws, of a method without draws its absolute error."
    f" Importance: the conditional mean over L = {s['samples']:,} weighted draws. accuracy: of a"
    " logistic regression of the label on the completed rows, five folds. Baselines learn from"
    " the observed entries of train, valid and the rows themselves, with a category as V"
    f" columns of 0 and 1. Seconds of the model: all its methods together, compilation"
    f" included. The likelihood is {task.run.likelihood.name}. {task.data.note}"
  )


def figures(task: Task, scored: list[Scored]) -> list[Figure]:
  """Error by method, error by column, and whether intervals hold what they say."""
  if not task.examples["hidden"].any() or scored[0].mse is None:
    return []
  ours = _imputation.best(scored, True)
  those = [s for s in scored if s.answer.member in (None, ours.answer.member)]
  data: dict[str, Any] = {
    "series": {s.answer.method: np.array([min(s.mse.mean, 2.0)]) for s in those}
  }
  data |= {
    "labels": [""],
    "x_label": "",
    "y_label": "squared error (2 at most)",
    "line": 1.0,
  }
  data |= {"title": _members.title(task.run, ours.answer.member)}
  caption = (
    "Squared error of every method on hidden entries; the line is the column's mean."
  )
  found = [Figure("methods", "bars", data, caption)]
  return [*found, _by_column(task, scored, ours), _calibration(task, those)]


def _by_column(task: Task, scored: list[Scored], ours: Scored) -> Figure:
  names, theirs = ("mean",), _imputation.best(scored, False)
  shown = [s for s in scored if s.answer.method in names and s is not theirs] + [
    theirs,
    ours,
  ]
  hidden, truth = task.examples["hidden"], task.truth
  kept = [i for i, c in enumerate(task.columns) if c.kind in _imputation.NUMERIC][:DRAWN]
  series = {}
  for one in shown:
    gap = np.square((one.completed - truth) / task.spread)
    sums = np.where(hidden, gap, 0).sum(0) / np.maximum(hidden.sum(0), 1)
    series[one.answer.method] = np.minimum(sums[kept], 2.0)
  labels = [str(i + 1) for i in kept]
  data = {
    "series": series,
    "labels": labels,
    "x_label": "column",
    "y_label": "squared error",
  }
  listed = ", ".join(f"{i + 1} {task.columns[i].name}" for i in kept)
  return Figure("columns", "bars", data, f"Squared error of each column: {listed}.")


def _calibration(task: Task, those: list[Scored]) -> Figure:
  numeric = np.array([c.kind in _imputation.NUMERIC for c in task.columns])
  hidden = task.examples["hidden"] & numeric
  truth = task.truth[hidden]
  levels = np.linspace(0.1, 0.9, 9)
  series = {"as they should": levels}
  for one in those:
    if one.answer.draws is not None:
      draws = np.asarray(one.answer.draws)[:, hidden]
      series[one.answer.method] = np.array(
        [_imputation.coverage(draws, truth, float(level)) for level in levels]
      )
  data = {"x": levels, "series": series, "x_label": "probability of the interval"}
  data |= {"y_label": "share of truths inside"}
  caption = (
    "Whether intervals hold as many hidden values as they say; below is overconfident."
  )
  return Figure("intervals", "lines", data, caption)


def findings(task: Task, scored: list[Scored]) -> list[str]:
  """Who is best, whether intervals hold, and what is filled in without an answer."""
  found = []
  if task.examples["hidden"].any():
    found.append(_verdict(task, scored))
    sure = [s for s in scored if s.covered is not None]
    if sure:
      ours = min((s for s in sure if s.answer.member is not None), key=lambda s: s.crps)
      theirs = min((s for s in sure if s.answer.member is None), key=lambda s: s.crps)
      found.append(
        f"Multiple imputations: of the {LEVEL:.0%} intervals of {ours.answer.method}"
        f" {ours.covered:.1%} hold the hidden value (CRPS {ours.crps:.3f}), of those of"
        f" {theirs.answer.method} {theirs.covered:.1%} ({theirs.crps:.3f})."
      )
  else:
    found.append("No answer is known here: entries are filled in and nothing is scored.")
  lost = sum(int(np.isnan(s.completed).any(1).sum()) for s in scored)
  flat = _members.collapsed(task.run, task.posterior.mean)
  found += [f"COLLAPSED: no latent is active in {flat}."] if flat else []
  found += [f"{lost:,} completed rows hold a NaN; they count."] if lost else []
  return [*found, "The completed rows are in reports/imputation/completed.csv."]


def _verdict(task: Task, scored: list[Scored]) -> str:
  ours, theirs = _imputation.best(scored, True), _imputation.best(scored, False)
  name = _members.title(task.run, ours.answer.member)
  said = []
  for one in (ours, theirs):
    numbers = [f"squared error {one.mse.mean:.3f}"] if one.mse else []
    numbers += [f"{one.wrong:.1%} wrong categories"] if one.wrong is not None else []
    numbers += [f"ordinal shift {one.shift:.3f}"] if one.shift is not None else []
    said.append(", ".join(numbers))
  total = lambda s: sum(
    v for v in (s.mse.mean if s.mse else None, s.wrong, s.shift) if v is not None
  )
  word = "below" if total(ours) <= total(theirs) else "and the baseline wins:"
  return (
    f"{ours.answer.method.capitalize()}{f' ({name})' if name else ''} has {said[0]}, {word}"
    f" {theirs.answer.method} with {said[1]}."
  )


def arrays(task: Task, scored: list[Scored]) -> dict[str, np.ndarray]:
  """The completed rows in the file's numbers, draws of them, and the same as a csv."""
  ours = _imputation.best(scored, True)
  known = task.examples["observed"] | task.examples["hidden"]
  # A table with holes of its own keeps every value it has; another shows what was filled in.
  completed = np.where(known & ~known.all(), task.truth, ours.completed)
  cells = [[f"{v:.6g}" for v in row] for row in completed]
  for i, column in enumerate(task.columns):
    if column.names:
      for row, value in zip(cells, completed[:, i] - column.shift, strict=True):
        row[i] = column.names[int(value)] if np.isfinite(value) else ""
  head = ["row", *(c.name for c in task.columns)]
  text = [
    head,
    *([str(n), *row] for n, row in zip(task.examples["row"], cells, strict=True)),
  ]
  return {
    "completed": completed,
    "completed.csv": np.array(text),
    "observed": task.examples["observed"],
    "row": task.examples["row"],
  }
