"""How near imputed entries of a table are to what was hidden: sums and counts for each row.

Entries of one row were hidden and are filled in together. So an interval is over rows, and every
score is [N, 2]: the sum over the hidden entries of each row, and how many they are. Their summary
is `summary.ratio`, the mean over entries.
"""

from typing import NamedTuple

import numpy as np

from vae_jax.metrics import restoration
from vae_jax.types import Column

NUMERIC = ("real", "positive", "count")
LEVEL = 0.9  # of the intervals


class Scale(NamedTuple):
  """What a numeric column is measured in."""

  center: np.ndarray  # [D] mean of the observed training entries; 0 of categories
  spread: np.ndarray  # [D] their standard deviation; 1 of categories


def scale(columns: tuple[Column, ...], x: np.ndarray, observed: np.ndarray) -> Scale:
  """Mean and standard deviation of observed entries [N, D] of the file's numbers."""
  seen = np.where(observed, x, np.nan)
  numbers = np.array([c.kind != "category" for c in columns])
  center, spread = np.nanmean(seen, 0), np.nanstd(seen, 0)
  spread = np.where(spread > 1e-8, spread, 1.0)
  return Scale(np.where(numbers, center, 0.0), np.where(numbers, spread, 1.0))


def scores(
  columns: tuple[Column, ...],
  scale: Scale,
  truth: np.ndarray,
  completed: np.ndarray,
  hidden: np.ndarray,
  draws: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
  """Scores of the hidden entries of rows, [N, 2] each; those without an entry are left out.

    mse       numeric columns: ((completed - truth) / spread)^2
    wrong     categories: 1 where they differ
    shift     ordinals: |completed - truth| / (V - 1)
    crps      numeric columns, in units of the spread; without draws |completed - truth|
    covered   numeric columns: 1 where the truth is in the LEVEL interval of its draws

  Args:
    columns: D of them.
    scale: of the columns.
    truth: [N, D], the file's numbers.
    completed: [N, D].
    hidden: bool [N, D], what is scored.
    draws: [N, I, D] imputations of each row.
  """
  kinds = np.array([c.kind for c in columns])
  levels = np.array([max(c.categories - 1, 1) for c in columns])
  numeric = hidden & np.isin(kinds, NUMERIC)
  gap = (completed - truth) / scale.spread
  found = {
    "mse": _rows(gap**2, numeric),
    "wrong": _rows(completed != truth, hidden & (kinds == "category")),
    "shift": _rows(np.abs(completed - truth) / levels, hidden & (kinds == "ordinal")),
    "crps": _rows(np.abs(gap), numeric),
  }
  if draws is not None and numeric.any():
    standard = lambda x: ((x - scale.center) / scale.spread).astype(np.float32)
    each, true = standard(np.moveaxis(draws, 1, 0)), standard(truth)
    found["crps"] = _rows(np.asarray(restoration.crps(each, true)), numeric)
    found["covered"] = _rows(np.asarray(restoration.covered(each, true, LEVEL)), numeric)
  return {name: rows for name, rows in found.items() if rows[:, 1].any()}


def settle(columns: tuple[Column, ...], point: np.ndarray, draws: np.ndarray) -> np.ndarray:
  """A point estimate [N, D] with ordinals at the median draw, categories at the most frequent.

  Args:
    columns: D of them.
    point: [N, D], the file's numbers.
    draws: [N, I, D].
  """
  found = np.array(point, np.float64)
  for i, column in enumerate(columns):
    if column.kind == "ordinal":
      found[:, i] = np.round(np.median(draws[:, :, i], 1))
    elif column.kind == "category":
      votes = draws[:, :, i, None] == column.shift + np.arange(column.categories)
      found[:, i] = column.shift + votes.sum(1).argmax(-1)
  return found


def of_columns(
  scale: Scale, truth: np.ndarray, completed: np.ndarray, hidden: np.ndarray
) -> np.ndarray:
  """The mean over hidden entries of ((completed - truth) / spread)^2 of each column, [D]."""
  gap = np.where(hidden, np.square((completed - truth) / scale.spread), 0.0)
  return gap.sum(0) / np.maximum(hidden.sum(0), 1)


def calibration(
  columns: tuple[Column, ...],
  truth: np.ndarray,
  hidden: np.ndarray,
  draws: np.ndarray,
  levels: np.ndarray,
) -> np.ndarray:
  """The share of hidden numeric entries within the central interval of each level, [levels].

  Args:
    columns: D of them.
    truth: [N, D].
    hidden: bool [N, D].
    draws: [N, I, D].
    levels: of the intervals.
  """
  numeric = hidden & np.isin([c.kind for c in columns], NUMERIC)
  each = np.moveaxis(draws, 1, 0)[:, numeric]
  held = [restoration.covered(each, truth[numeric], float(level)) for level in levels]
  return np.array([float(np.mean(one)) for one in held])


def _rows(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
  total = np.where(counted, values, 0).sum(1, dtype=np.float64)
  return np.stack([total, counted.sum(1)], 1)
