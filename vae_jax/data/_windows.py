"""Windows of long series as the fields of a split."""

from typing import Any

import numpy as np

from vae_jax.data import _split
from vae_jax.data._series_files import Series
from vae_jax.types import UserError


def own(rows: np.ndarray, std: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
  """Mean and deviation [F] of a series' own rows [P, F], the latter `floor` times std or more.

  A sensor that stands still has the deviation 1 where the floor is 0.
  """
  found = np.maximum(rows.std(0), floor * std)
  return rows.mean(0), np.where(found > 0, found, 1.0)


def head(config: dict[str, Any], rows: int, name: str) -> int:
  """How many rows of a series are for train and valid."""
  wanted = config["head"]
  count = round(wanted * rows) if 0 < wanted < 1 else wanted
  if not count >= 1 or count != int(count):
    raise UserError(f"data.head is {wanted:g}; expected a share in (0, 1), or a count.")
  if count >= rows:
    raise UserError(f"data.head is {wanted:g} and {name} has {rows} rows; lower it.")
  return int(count)


def fields(
  found: list[Series],
  parts: list[tuple],
  steps: int,
  shift: np.ndarray,
  scale: np.ndarray,
  labelled: bool,
) -> _split.Fields:
  """A split's fields: standardised windows, where they are from, and what is marked in them.

  Args:
    found: S series of F columns.
    parts: (number of a series, first rows [N], marks [N, T]) of its windows.
    steps: T.
    shift: of each series, [S, F].
    scale: of each series, [S, F].
    labelled: whether marks say anything.
  """
  x = [
    windows((found[n].values - shift[n]) / scale[n], starts, steps)
    for n, starts, _ in parts
  ]
  series = np.concatenate([np.full(len(starts), n) for n, starts, _ in parts])
  split = {
    "x": np.concatenate(x).astype(np.float32),
    "series": series.astype(np.int32),
    "start": np.concatenate([starts for _, starts, _ in parts]).astype(np.int32),
  }
  if labelled:
    points = np.concatenate([points for _, _, points in parts])
    split |= {"points": points, "anomaly": points.any(1).astype(np.int32)}
  return split


def windows(values: np.ndarray, starts: np.ndarray, steps: int) -> np.ndarray:
  """Rows [N, T, ...] of values [P, ...]."""
  return values[starts[:, None] + np.arange(steps)]


def spread(x: np.ndarray) -> float:
  """The standard deviation of an element about its mean, over all elements."""
  return float(np.sqrt(x.var(0, dtype=np.float64).mean()))
