"""Whether a picture has the style that it should, read without a network."""

from typing import NamedTuple

import numpy as np


class Bank(NamedTuple):
  """Real examples of styles."""

  x: np.ndarray  # [S, C, D]
  seen: np.ndarray  # [S, C] whether there is one


def bank(x: np.ndarray, label: np.ndarray, style: np.ndarray, classes: int) -> Bank:
  """The examples x [N, *shape] of styles 0 ... S - 1, the last one where a pair comes twice."""
  found = np.zeros((style.max() + 1, classes, x[0].size), np.float32)
  seen = np.zeros(found.shape[:2], bool)
  found[style, label], seen[style, label] = x.reshape(len(x), -1), True
  return Bank(found, seen)


def style_read(x: np.ndarray, label: np.ndarray, known: Bank) -> np.ndarray:
  """The style of the nearest real example of the same label, in squared error, [N].

  Args:
    x: [N, *shape].
    label: [N].
    known: of all styles among which it is to be told.
  """
  gap = np.square(x.reshape(len(x), 1, -1) - known.x[:, label].transpose(1, 0, 2)).sum(-1)
  return np.where(known.seen[:, label].T, gap, np.inf).argmin(1)


def spread(features: np.ndarray, label: np.ndarray) -> np.ndarray:
  """The standard deviation of features [N, F] within their classes, [F], no less than 1e-6."""
  gap = np.concatenate(
    [features[label == c] - features[label == c].mean(0) for c in set(label)]
  )
  return np.maximum(gap.std(0), 1e-6)


def rows(features: np.ndarray, label: np.ndarray, unit: np.ndarray) -> np.ndarray:
  """(label, features / unit / sqrt(F)) of each example, for `variety`: [N, 1 + F]."""
  scaled = features / unit / np.sqrt(features.shape[1])
  return np.concatenate([label[:, None].astype(float), scaled], 1)


def variety(rows: np.ndarray) -> float:
  """The variance within classes over that of real examples: 1 as varied, 0 all alike.

    sum_n |f_n - mean of its class|^2 / (N - classes)

  Args:
    rows: of `rows`; classes with one example count for nothing.
  """
  label, found, freedom = rows[:, 0], 0.0, 0
  for c in np.unique(label):
    part = rows[label == c, 1:]
    found += np.square(part - part.mean(0)).sum()
    freedom += len(part) - 1
  return found / freedom if freedom else np.nan
