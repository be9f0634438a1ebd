"""A table that was filled in: its figures, and its rows as the file that they are of."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax.baselines import table_imputation as classic
from vae_jax.data import tables
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Result, Task
from vae_jax.metrics import imputation as metrics
from vae_jax.metrics.summary import ratio
from vae_jax.types import Figure

DRAWN = 30  # columns of a table that a figure shows
MOST = 2.0  # the largest squared error that a bar shows


def figures(
  outcome: Outcome,
  task: Task,
  found: list[Result],
  completed: Callable[[Task, Any], np.ndarray],
) -> list[Figure]:
  """Error by method, error by column, and whether intervals hold what they say.

  Args:
    outcome: with a choice.
    task: whose `own` has the columns, the scale and what is hidden.
    found: of one member and of the baselines.
    completed: (task, answer) -> the rows [N, D].
  """
  own, levels = task.own, np.linspace(0.1, 0.9, 9)
  drawn = [i for i, c in enumerate(own.columns) if c.kind in metrics.NUMERIC][:DRAWN]
  bars = {r.method: np.array([min(ratio(r.scores["mse"]), MOST)]) for r in found}
  beside = {"mean", *(v.theirs.method for v in outcome.verdicts), outcome.chosen.method}
  line = lambda y, ours=False: {
    "x": levels,
    "y": y,
    **({} if ours else {"style": "dashed"}),
  }
  columns, inside = {}, {"as they should": line(levels)}
  for r in found:
    rows, name = (own.scale, task.truth, completed(task, r.answer), own.hidden), r.method
    if name in beside:
      columns[name] = np.minimum(metrics.of_columns(*rows)[drawn], MOST)
    if "draws" in r.answer:
      held = own.columns, task.truth, own.hidden, r.answer["draws"]
      inside[name] = line(metrics.calibration(*held, levels), r.member is not None)
  listed = ", ".join(f"{i + 1} {own.columns[i].name}" for i in drawn)
  error = {"y_label": f"squared error ({MOST:g} at most)"}
  sides = {"series": bars, "labels": [""], "x_label": "", "line": 1.0, **error}
  each = {"series": columns, "labels": [f"{i + 1}" for i in drawn], "x_label": "column"}
  lines = {"series": inside, "x_label": "probability of the interval"}
  lines["y_label"] = "share of truths inside"
  hold = "Whether intervals hold as many hidden values as they say; below is overconfident."
  return [
    Figure("methods", "bars", sides, "Squared error by method; the line is the mean's."),
    Figure("columns", "bars", each | error, f"Squared error of each column: {listed}."),
    Figure("intervals", "lines", lines, hold),
  ]


def as_the_file(task: Task, rows: np.ndarray, known: np.ndarray) -> np.ndarray:
  """Completed rows as words: of a table of one's own with the columns of its file."""
  run, numbers = task.source.run, task.examples["row"]
  if run.config["data"].get("set") != "own":
    return classic.written(task.own.columns, numbers, rows)
  head, cells = tables.file(run.config["data"], run.about.get("data_dir"))
  gaps = task.own.hidden if known.all() else ~known
  return classic.completed(head, cells, task.own.columns, numbers, rows, gaps)
