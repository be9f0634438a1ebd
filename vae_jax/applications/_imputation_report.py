"""What was filled in as tables, figures, sentences and a completed table."""

from typing import Any

import numpy as np

from vae_jax.applications import _imputation, _members
from vae_jax.applications._imputation import (
  LAPLACE,
  LEVEL,
  MAP,
  ONCE,
  WEIGHED,
  Scored,
  Task,
)
from vae_jax.metrics import latent
from vae_jax.types import Figure, Report, Table

DRAWN = 30  # columns of a table that a figure shows
INTERVAL = f"in {LEVEL:.0%} interval"
SCORES = ("mse", "wrong", "shift", "crps", INTERVAL, "accuracy")
MASK = "data.mask_seed"  # the name of what differs between programs in a sweep over masks
WRITTEN = "The completed rows are in reports/imputation/completed.csv."


def tables(task: Task, scored: list[Scored]) -> list[Table]:
  """A row for each member and method, and their means over seeds."""
  run, head = task.run, _members.columns(task.run)
  kl = [latent.rates(m, v).sum() for m, v in zip(*task.posterior, strict=True)]
  columns = (*head, "method", "active", "KL", "mse", "± mse", "wrong", "shift", "crps")
  columns += (INTERVAL, "accuracy", "seconds")
  # A baseline has no seed, and the data and the mask of its program.
  named = zip(head, _members.cells(run, 0), strict=True)
  blank = [value if name.startswith("data.") else None for name, value in named]
  rows = []
  for one in scored:
    m = one.answer.member
    row = _members.cells(run, m) if m is not None else list(blank)
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
    unknown = [None] * (len(columns) - len(head) - 3)
    rows.append([*blank, "nothing missing", *unknown, top, None])
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


def over_masks(report: Report) -> Report:
  """The report on several programs with the mean over their masks first.

  Tables keep every program; figures are those of the first one.
  """
  means = [across_masks(table) for table in report.tables]
  means = [table for table in means if table is not None]
  if not means:
    return report
  kept = [text for text in report.findings if not text.endswith(WRITTEN)]
  files = (
    "The completed rows of each mask are in reports/imputation/program*_completed.csv."
  )
  return report._replace(
    tables=[*means, *report.tables],
    figures=[f for f in report.figures if f.name.startswith("program0_")],
    findings=[*(text for table in means for text in _over(table)), *kept, files],
  )


def across_masks(table: Table) -> Table | None:
  """The mean over mask seeds of every score of a method, and the deviation between them.

  Members of several training seeds on one mask are averaged first, so that ± is what the mask
  moves. None of a table in which no two masks stand.
  """
  if MASK not in table.columns or "method" not in table.columns:
    return None
  at, last = table.columns.index(MASK), table.columns.index("method")
  keys = [i for i in range(last + 1) if table.columns[i] not in (MASK, "seed", "ended")]
  scores = [i for i, name in enumerate(table.columns) if name in SCORES]
  groups: dict[tuple, dict[int, list]] = {}
  for row in table.rows:
    masks = groups.setdefault(tuple(row[i] for i in keys), {})
    values = [np.nan if row[i] is None else row[i] for i in scores]
    masks.setdefault(row[at], []).append(values)
  if max(map(len, groups.values())) < 2:
    return None
  rows = []
  for key, masks in groups.items():
    each = np.array([np.mean(values, 0) for values in masks.values()], np.float64)
    spread = each.std(0, ddof=1) if len(each) > 1 else np.full(len(scores), np.nan)
    pairs = np.stack([each.mean(0), spread], 1).ravel().tolist()
    rows.append([*key, len(each), *(None if np.isnan(v) else v for v in pairs)])
  names = [table.columns[i] for i in scores]
  head = [table.columns[i] for i in keys]
  columns = (*head, "masks", *(name for c in names for name in (c, f"± {c}")))
  note = (
    "The mean over mask seeds and, after ±, the standard deviation between them; the mask moves"
    " every method together, so compare within a column."
  )
  return Table(f"{table.title[:-1]}: across masks", columns, rows, note)


def _over(table: Table) -> list[str]:
  """The best method of the model and the best baseline over all masks, by squared error."""
  if "mse" not in table.columns:
    return []
  at = table.columns.index
  scored = [row for row in table.rows if row[at("mse")] is not None]
  own = (ONCE, MAP, WEIGHED, LAPLACE)
  parts = [[row for row in scored if (row[at("method")] in own) == ours] for ours in (1, 0)]
  best = [min(part, key=lambda row: row[at("mse")]) for part in parts if part]
  told = [
    f"{row[at('method')]} {row[at('mse')]:.3f} ± {row[at('± mse')] or np.nan:.3f}"
    for row in best
  ]
  masks = max(row[at("masks")] for row in scored)
  return [f"Squared error over {masks} masks: {', the best baseline '.join(told)}."]


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
  return [*found, WRITTEN]


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
  method = ours.answer.method
  word = "below" if total(ours) <= total(theirs) else "and the baseline wins:"
  return (
    f"{method[0].upper()}{method[1:]}{f' ({name})' if name else ''} has {said[0]}, {word}"
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
