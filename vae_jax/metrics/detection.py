"""How well a score tells anomalies from normal examples; rows [N, 2] are (score, label).

A label is 1 for an anomaly and 0 for a normal example, and a higher score is more anomalous.
Every function is of the rows of one model, so that a bootstrap may resample them.
"""

import numpy as np


def auroc(rows: np.ndarray) -> float:
  """The chance that an anomaly scores higher than a normal example; a tie counts one half.

    AUROC = 1 / (P N) sum_{i anomaly} sum_{j normal} [s_i > s_j] + [s_i = s_j] / 2

  By a binary search of one side in the other, which is sorted: faster than ranks, as a
  bootstrap asks for it hundreds of times. NaN where a side is empty or a score is NaN.

  Args:
    rows: [N, 2], the score and the label.

  Mann & Whitney (1947); Hanley & McNeil (1982).
  """
  score, anomaly = _read(rows)
  above, below = score[anomaly], np.sort(score[~anomaly])
  if not len(above) or not len(below) or np.isnan(score).any():
    return np.nan
  less = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
  return float(less.mean(dtype=np.float64) / (2 * len(below)))


def auprc(rows: np.ndarray) -> float:
  """Average precision: the area under the curve of precision over recall, as a step function.

    sum_k (R_k - R_{k-1}) P_k   over the distinct scores in descending order

  A score without information has the base rate P / (P + N). NaN as in `auroc`.

  Args:
    rows: [N, 2], the score and the label.

  Davis & Goadrich (2006) on why no line is drawn between the points.
  """
  score, anomaly = _read(rows)
  total = int(anomaly.sum())
  if total in (0, len(score)) or np.isnan(score).any():
    return np.nan
  order = np.argsort(-score)
  score, hits = score[order], np.cumsum(anomaly[order])
  last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)  # of each distinct score
  gained = np.diff(hits[last], prepend=0)
  return float((gained * hits[last] / (last + 1)).sum() / total)


def precision(rows: np.ndarray) -> float:
  """The share of anomalies among what is flagged; rows are (flag, label), NaN without flags."""
  flag, anomaly = _read(rows)
  return _share(anomaly[flag > 0])


def recall(rows: np.ndarray) -> float:
  """The share of anomalies that is flagged; rows are (flag, label), NaN without anomalies."""
  flag, anomaly = _read(rows)
  return _share(flag[anomaly] > 0)


def false_alarms(rows: np.ndarray) -> float:
  """The share of normal examples that is flagged; rows are (flag, label)."""
  flag, anomaly = _read(rows)
  return _share(flag[~anomaly] > 0)


def recall_at(rows: np.ndarray, alarms: float = 0.01) -> float:
  """The share of anomalies above the threshold that at most the share `alarms` of normal ones is.

  Args:
    rows: [N, 2], the score and the label.
    alarms: the share of normal examples that may be flagged.
  """
  score, anomaly = _read(rows)
  normal = np.sort(score[~anomaly])
  if not len(normal) or not anomaly.any() or np.isnan(score).any():
    return np.nan
  allowed = int(alarms * len(normal))
  return float((score[anomaly] > normal[len(normal) - 1 - allowed]).mean())


def p_values(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
  """The chance that a normal example scores as high: (1 + #{reference >= s}) / (R + 1).

  An exchangeable normal example has a p-value that is at most uniform. NaN of a NaN.

  Args:
    scores: [...].
    reference: [R] of normal examples that no model was trained on.

  Bates et al. (2023), "Testing for outliers with conformal p-values", eq. 3.
  """
  ordered, scores = np.sort(reference), np.asarray(scores, np.float64)
  higher = len(ordered) - np.searchsorted(ordered, scores, "left")
  lost = np.isnan(scores) | np.isnan(ordered).any()
  return np.where(lost, np.nan, (1 + higher) / (len(ordered) + 1))


def _read(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  rows = np.asarray(rows)
  return rows[:, 0], rows[:, 1] > 0


def _share(true: np.ndarray) -> float:
  return float(true.mean()) if len(true) else np.nan
