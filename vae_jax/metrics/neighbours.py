"""Nearest neighbours by brute force, and how far points lie apart."""

from typing import NamedTuple

import numpy as np


class Nearest(NamedTuple):
  """The nearest point of each query."""

  distance: np.ndarray  # [N] Euclidean
  index: np.ndarray  # [N] row of the point


def flat(x: np.ndarray) -> np.ndarray:
  """[N, *shape] -> [N, D] float32."""
  return np.asarray(x, np.float32).reshape(len(x), -1)


def nearest(queries: np.ndarray, points: np.ndarray, block: int = 8192) -> Nearest:
  """The nearest of `points` [P, *shape] to each of `queries` [N, *shape], exactly.

  The search uses |q - p|^2 = |q|^2 - 2 q.p + |p|^2, whose rounding hides an exact copy, so
  the distance of the winner is computed again by the difference.

  Args:
    queries: [N, *shape].
    points: [P, *shape], P >= 1.
    block: points compared at once; memory is N x block.
  """
  queries, points = flat(queries), flat(points)
  best = np.full(len(queries), np.inf, np.float32)
  index = np.zeros(len(queries), np.int64)
  for start in range(0, len(points), block):
    part = points[start : start + block]
    squares = np.sum(part**2, -1) - 2 * queries @ part.T
    column = squares.argmin(-1)
    value = squares[np.arange(len(queries)), column]
    better = value < best
    best[better], index[better] = value[better], start + column[better]
  return Nearest(np.linalg.norm(queries - points[index], axis=-1), index)


def pairwise(points: np.ndarray, block: int = 256) -> np.ndarray:
  """Numbers [N] whose mean is the mean Euclidean distance U between two of [N, *shape].

    (2 (N - 1) u_n - N U) / (N - 2),   u_n the mean distance of point n to the others

  the jackknife's pseudo-values: their variance / N is that of U, where the u_n, of which
  every distance is in two, would say a fourth of it. NaN for fewer than three points.

  Efron & Tibshirani (1993), chapter 11.
  """
  points = flat(points)
  count = len(points)
  if count < 3:
    return np.full(count, np.nan)
  squares = np.sum(points**2, -1)
  own = []
  for start in range(0, len(points), block):
    part = slice(start, start + block)
    gaps = squares[part, None] + squares[None] - 2 * points[part] @ points.T
    gaps[np.arange(len(gaps)), np.arange(start, start + len(gaps))] = 0  # itself
    own.append(np.sqrt(np.maximum(gaps, 0)).sum(1, dtype=np.float64) / (count - 1))
  each = np.concatenate(own)
  return (2 * (count - 1) * each - count * each.mean()) / (count - 2)
