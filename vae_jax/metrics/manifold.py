"""Do samples lie where the data lie, and everywhere there: precision, recall, density, coverage.

Around each example is a ball that reaches to its k-th nearest neighbour in its own set.
"""

from typing import NamedTuple

import numpy as np

BLOCK = 1024


class Scores(NamedTuple):
  """Shares in [0, 1], but for the density, whose expectation is 1 for the data themselves."""

  precision: float  # of samples within some ball of the real
  recall: float  # of real within some ball of the samples
  density: float  # balls of the real that a sample lies in, on average, / k
  coverage: float  # of balls of the real that hold a sample


def scores(real: np.ndarray, made: np.ndarray, k: int = 5) -> Scores:
  """All four of features [N, F] and [P, F], N and P above k.

  Precision and recall: Kynkäänniemi et al. (2019), eq. 1-2. Density and coverage: Naeem et
  al. (2020), eq. 5-6. A feature that is not finite is in no ball.
  """
  reach_real, reach_made = radii(real, k), radii(made, k)
  inside, covered, count = np.zeros(len(made), bool), [], 0
  recalled = []
  for start in range(0, len(real), BLOCK):
    rows = slice(start, start + BLOCK)
    gaps = _distances(real[rows], made)  # [B, P]
    hits = gaps <= reach_real[rows, None]
    inside |= hits.any(0)
    covered.append(hits.any(1))
    count += int(hits.sum())
    recalled.append((gaps <= reach_made[None]).any(1))
  return Scores(
    float(inside.mean()),
    float(np.concatenate(recalled).mean()),
    count / (k * len(made)),
    float(np.concatenate(covered).mean()),
  )


def radii(x: np.ndarray, k: int) -> np.ndarray:
  """The distance of each of [N, F] to its k-th nearest other, [N]."""
  found = []
  for start in range(0, len(x), BLOCK):
    gaps = _distances(x[start : start + BLOCK], x)
    gaps[np.arange(len(gaps)), np.arange(start, start + len(gaps))] = 0  # itself, first
    found.append(np.partition(gaps, k, 1)[:, k])
  return np.concatenate(found)


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
  squares = np.square(x).sum(1)[:, None] + np.square(y).sum(1)[None] - 2 * x @ y.T
  return np.sqrt(np.maximum(squares, 0))
