"""How well a score finds the anomalous stretches of a series, and scores of points from windows.

No score here is point-adjusted: calling a whole stretch found for one point of it lets a random
score look good, Kim et al. (2022), "Towards a rigorous evaluation of time-series anomaly
detection".
"""

import numpy as np


def of_points(values: np.ndarray, starts: np.ndarray, steps: int, count: int) -> np.ndarray:
  """The least value among the windows that cover a point, [P].

  A point of an anomaly is in anomalous windows only, and a normal point beside it is not. The
  p-value of a point is the largest of its windows' p-values: it is at most a level as rarely
  as that of one window is.

  Args:
    values: [N], a score for each window.
    starts: [N], the first point of each.
    steps: T, points of a window.
    count: P, points of the series; NaN where no window covers one.
  """
  found = np.full(count, np.inf)
  for value, start in zip(values, starts, strict=True):
    stretch = found[start : start + steps]
    np.minimum(stretch, value, out=stretch)  # a NaN goes on
  return np.where(np.isposinf(found), np.nan, found)


def stretches(label: np.ndarray) -> np.ndarray:
  """The first and the last point of each run of labels above 0, [R, 2]."""
  edges = np.diff(np.concatenate([[0], (np.asarray(label) > 0).astype(int), [0]]))
  return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1], -1)


def extended(label: np.ndarray, buffer: int) -> np.ndarray:
  """Labels in [0, 1] that end softly, [P].

    min(1, label_i + sum over stretches [s, e] of sqrt(1 - distance(i, [s, e]) / buffer))

  for points within buffer // 2 of a stretch. Paparrizos et al. (2022), section 4.
  """
  soft, last = np.asarray(label, np.float64).copy(), len(label) - 1
  for first, end in stretches(label):
    for step in range(1, buffer // 2 + 1):
      value = np.sqrt(1 - step / buffer)
      if end + step <= last:
        soft[end + step] += value
      if first - step >= 0:
        soft[first - step] += value
  return np.minimum(soft, 1)


def range_auprc(score: np.ndarray, label: np.ndarray, buffer: int) -> float:
  """Area under the curve of precision over recall with labels that end softly, R-AUC-PR.

    TP = sum of soft labels of what is flagged,   precision = TP / flagged
    recall = min(1, 2 TP / (sum label + sum soft)) * share of stretches with a flag

  The threshold takes every distinct score, and the curve is a step function, as in
  `detection.auprc`; the authors' code takes 250 thresholds and draws lines between them. With
  buffer 0 and one stretch it is the average precision.

  Args:
    score: [P], higher is more anomalous.
    label: [P], 1 for an anomalous point.
    buffer: points, of which half lie before a stretch and half behind it.

  Paparrizos et al. (2022), "Volume under the surface", eq. 4-8.
  """
  score, label = np.asarray(score, np.float64), np.asarray(label) > 0
  if not label.any() or label.all() or np.isnan(score).any():
    return np.nan
  soft = extended(label, buffer)
  order = np.argsort(-score, kind="stable")
  last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
  hits = np.cumsum(soft[order])[last]
  rank = np.empty(len(score), int)
  rank[order] = np.arange(len(score))
  first = np.sort([rank[a : b + 1].min() for a, b in stretches(soft)])
  share = np.searchsorted(first, last, "right") / len(first)
  recall = np.minimum(1, 2 * hits / (label.sum() + soft.sum())) * share
  return float((np.diff(recall, prepend=0) * hits / (last + 1)).sum())


def vus_pr(score: np.ndarray, label: np.ndarray, buffer: int) -> float:
  """Volume under the surface of precision and recall: the mean of R-AUC-PR over buffers.

    1 / (L + 1) sum_{l = 0}^{L} R-AUC-PR(l)

  NaN where the label is one value throughout, or a score is NaN.

  Args:
    score: [P], higher is more anomalous.
    label: [P], 1 for an anomalous point.
    buffer: L, the largest one: the length of a window.

  Paparrizos et al. (2022), eq. 10.
  """
  return float(np.mean([range_auprc(score, label, b) for b in range(buffer + 1)]))
