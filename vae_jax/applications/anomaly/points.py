"""Series cut into windows: scores of points, what they are worth, and the matrix profile."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.baselines import matrix_profile
from vae_jax.evaluation.protocol import Metric
from vae_jax.evaluation.source import Source
from vae_jax.metrics import detection, time_series
from vae_jax.metrics.summary import ratio
from vae_jax.types import Figure, UserError

PROFILE = "matrix profile"
FIELD = "points"  # of a split: the label of each point of a window, [N, T]
Fields = dict[str, np.ndarray]

METRICS = {
  "vus": Metric("VUS-PR", digits=3),
  "auroc": Metric("AUROC of points", digits=3),
  "auprc": Metric("AUPRC of points", digits=3),
  "precision": Metric("Precision", digits=3, reduce=ratio, table="flagged"),
  "recall": Metric("Recall", digits=3, reduce=ratio, table="flagged"),
  "false": Metric("False alarms", "", 0, 3, ratio, "flagged"),
}


class Piece(NamedTuple):
  """One series of a split: which windows are of it, and its label."""

  rows: np.ndarray  # [n] of the split's windows
  starts: np.ndarray  # [n], the first point of each, from the first of all
  label: np.ndarray  # [P]

  @property
  def both(self) -> bool:
    """Whether it has normal points and anomalous ones."""
    return 0 < self.label.mean() < 1


def pieces(examples: Fields) -> list[Piece] | None:
  """The series of windows; None of data that has no label for each point."""
  if FIELD not in examples:
    return None
  found, steps = [], examples[FIELD].shape[1]
  for number in np.unique(examples["series"]):
    rows = np.flatnonzero(examples["series"] == number)
    starts = examples["start"][rows] - examples["start"][rows].min()
    label = np.zeros(starts.max() + steps, np.int32)
    for row, start in zip(rows, starts, strict=True):
      label[start : start + steps] = examples[FIELD][row]
    found.append(Piece(rows, starts, label))
  return found


def check(examples: Fields, name: str) -> None:
  """Refuses series of which none can be scored.

  Raises:
    UserError: none has normal points and anomalous ones.
  """
  found = pieces(examples)
  if found is not None and not any(one.both for one in found):
    raise UserError(
      f"No series of {name!r} has normal points and anomalous ones among those that are scored:"
      " choose other series, a smaller data.head, or a larger limit."
    )


def score(found: list[Piece], steps: int, answer: Any, alarms: float) -> Fields:
  """Numbers of each series [G]: of its points, by the least strange window of each.

  A series without both kinds of points has no curve and counts for flags alone. Flags are pairs
  (counted, of so many), [G, 2].
  """
  values: dict[str, list] = {name: [] for name in METRICS}
  for one in found:
    of = lambda v, one=one: time_series.of_points(
      np.asarray(v, np.float64)[one.rows], one.starts, steps, len(one.label)
    )
    s, flag, odd = (
      of(answer["score"]),
      -of(-np.asarray(answer["p"])) <= alarms,
      one.label > 0,
    )
    values["precision"].append(((flag & odd).sum(), flag.sum()))
    values["recall"].append(((flag & odd).sum(), odd.sum()))
    values["false"].append(((flag & ~odd).sum(), (~odd).sum()))
    if one.both:
      rows = np.stack([s, odd], -1)
      values["vus"].append(time_series.vus_pr(s, odd, steps))
      values["auroc"].append(detection.auroc(rows))
      values["auprc"].append(detection.auprc(rows))
  return {name: np.array(v, np.float64) for name, v in values.items() if v}


def base_rate(examples: Fields) -> float:
  """The share of anomalous points, the mean over the series that are scored."""
  return float(np.mean([one.label.mean() for one in pieces(examples) or () if one.both]))


def over_time(found: list[Piece], steps: int, answer: Any, method: str) -> list[Figure]:
  """The score of the first series with both kinds of points, as a share of its points."""
  one = next((one for one in found if one.both), None)
  if one is None:
    return []
  values = np.asarray(answer["score"], np.float64)[one.rows]
  s = time_series.of_points(values, one.starts, steps, len(one.label))
  share = np.searchsorted(np.sort(s), s, "right") / len(s)
  series = {method: share, "labelled anomalous": one.label.astype(float)}
  data = {"series": series, "x": np.arange(len(s)), "x_label": "row of the test part"}
  data["y_label"] = "share of points at most as strange"
  caption = f"{method} over the test part of the first series that has anomalies."
  return [Figure("over_time", "lines", data, caption)]


def profile(source: Source) -> Any:
  """The matrix profile's detector, on the training stretches of all series."""
  examples = source.split("train")
  x, parts = source.inputs(examples), []
  steps = x.shape[1]
  for number in np.unique(examples["series"]):
    rows = np.flatnonzero(examples["series"] == number)
    parts += stretches(x[rows], examples["start"][rows])
  return matrix_profile.detector(parts, steps)


def stretches(x: np.ndarray, starts: np.ndarray) -> list[np.ndarray]:
  """Windows [N, T, F] of one series as the stretches that they cover."""
  steps, found, end = x.shape[1], [], None
  for window, start in zip(x, starts, strict=True):
    if end is None or start > end:
      found.append([window])
    else:
      found[-1].append(window[end - start :])
    end = start + steps
  return [np.concatenate(parts) for parts in found]


def missing(found: list[Piece] | None) -> list[str]:
  """A sentence where the matrix profile could stand beside the others and is not installed."""
  if found is None or matrix_profile.installed():
    return []
  return [
    "The matrix profile is not in the table: install its extra with pip install"
    " 'vae-jax[series]'."
  ]
