"""Precision, recall, density and coverage of samples beside data.

Around each example is a ball that reaches to its k-th nearest neighbour in its own set.
"""

from typing import NamedTuple

import numpy as np

BLOCK = 1024


class Scores(NamedTuple):
  """Numbers of single examples, whose means are the scores.

  Shares in [0, 1], but for the density, whose expectation is 1 for the data themselves.
  """

  precision: np.ndarray  # [P] 1 where a sample is within some ball of the real
  recall: np.ndarray  # [N] 1 where a real example is within some ball of the samples
  density: np.ndarray  # [P] balls of the real that a sample is in, / k
  coverage: np.ndarray  # [N] 1 where the ball of a real example holds a sample


def scores(real: np.ndarray, made: np.ndarray, k: int = 5) -> Scores:
  """All four for each of the features [N, F] and [P, F], N and P above k.

  Precision and recall: Kynkäänniemi et al. (2019), eq. 1-2. Density and coverage: Naeem et
  al. (2020), eq. 5-6. A feature that is not finite is in no ball.
  """
  reach_real, reach_made = radii(real, k), radii(made, k)
  count, covered, recalled = np.zeros(len(made), int), [], []
  for start in range(0, len(real), BLOCK):
    rows = slice(start, start + BLOCK)
    gaps = distances(real[rows], made)  # [B, P]
    hits = gaps <= reach_real[rows, None]
    count += hits.sum(0)
    covered.append(hits.any(1))
    recalled.append((gaps <= reach_made[None]).any(1))
  return Scores(
    (count > 0).astype(float),
    np.concatenate(recalled).astype(float),
    count / k,
    np.concatenate(covered).astype(float),
  )


def radii(x: np.ndarray, k: int) -> np.ndarray:
  """The distance of each of [N, F] to its k-th nearest other, [N]."""
  found = []
  for start in range(0, len(x), BLOCK):
    gaps = distances(x[start : start + BLOCK], x)
    gaps[np.arange(len(gaps)), np.arange(start, start + len(gaps))] = 0  # itself, first
    found.append(np.partition(gaps, k, 1)[:, k])
  return np.concatenate(found)


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """The Euclidean distances [N, P] of rows [N, F] and [P, F]."""
  x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
  squares = np.square(x).sum(1)[:, None] + np.square(y).sum(1)[None] - 2 * x @ y.T
  return np.sqrt(np.maximum(squares, 0))
