"""From per-example scores to the number that is reported."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Mean(NamedTuple):
  """A mean and its standard error."""

  mean: float
  error: float  # NaN for a single value


def mean_and_error(values: np.ndarray, mask: np.ndarray | None = None) -> Mean:
  """The mean of [N] values and its standard error, std / sqrt(N) with N - 1 under the root.

  Args:
    values: [N]; a NaN among those kept stays a NaN in the result.
    mask: bool [N], True for the values that count; all of them without it.
  """
  values = np.asarray(values, np.float64)
  kept = values if mask is None else values[np.asarray(mask, bool)]
  if kept.size == 0:
    return Mean(math.nan, math.nan)
  mean = float(kept.mean())
  if kept.size == 1:
    return Mean(mean, math.nan)
  with np.errstate(invalid="ignore"):  # an infinite score has no error, and that is shown
    return Mean(
      mean, float(np.sqrt(np.sum((kept - mean) ** 2) / (kept.size - 1) / kept.size))
    )


def of_sums(fn: Callable[[np.ndarray], float]) -> Callable[[np.ndarray], float]:
  """A function of column sums [C] as one of rows [N, C], which keeps the first as `of_sums`.

  `comparison.estimate_of` then resamples the sums and not the rows.
  """

  @functools.wraps(fn)
  def reduce(rows: np.ndarray) -> float:
    return fn(np.sum(rows, 0, np.float64))

  reduce.of_sums = fn
  return reduce


@of_sums
def ratio(sums: np.ndarray) -> float:
  """The sum of the first column of [N, 2] over that of the second; NaN where that is 0.

  The mean over the entries of all examples, of which a row has the sum and the count.
  """
  total, count = sums
  return float(total / count) if count else math.nan


def bits_per_dimension(nats: float, size: int) -> float:
  """nats / (size ln 2): bits per number of the example."""
  return nats / (size * math.log(2))


def bytes_of(nats: float) -> float:
  """nats / (8 ln 2)."""
  return nats / (8 * math.log(2))
