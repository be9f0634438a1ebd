"""The β atlas as numbers: what each β scored in every application, and which one to take.

A pure function of the files of a run directory: members.json, and of each application
report.json, choice.csv (means on validation) and scores.csv (the scored split).
"""

import csv
import math
import pathlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from vae_jax import files
from vae_jax.metrics import comparison
from vae_jax.metrics.comparison import Estimate
from vae_jax.report import exports

LEVEL = 0.05  # of Holm's p-value, below which a difference is called one
OURS = (
  "method",
  "condition",
  "metric",
  "mean",
  "members",
)  # of choice.csv, after the setting
UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0, 1)
Scores = dict[tuple, float]  # by the member's seeds


class Candidate(NamedTuple):
  """A line of choice.csv: a method under one setting and condition, by one metric."""

  setting: dict[str, str]  # what is swept besides the seeds, as written
  method: str
  condition: str
  metric: str
  mean: float  # on validation
  members: tuple[int, ...]

  @property
  def beta(self) -> float | None:
    """Its β; None where its objective has none."""
    return float(self.setting["beta"]) if self.setting.get("beta") else None


class Cell(NamedTuple):
  """One β in a row: its best method by validation, scored."""

  beta: float
  method: str  # with what else is swept
  member: int  # of its first seed
  score: Estimate  # over seeds
  scaled: float  # 0: the worst β of the row, 100: the best one; NaN where all are equal
  scaled_half: float
  lost: Estimate  # against the chosen β, paired over seeds; positive: this one is worse
  p: float  # Holm's, of `lost`, over the row; of β = 1 the larger of this and the row's own
  near: bool  # neither it nor a β between it and the chosen one is found worse


class Row(NamedTuple):
  """One application under one condition."""

  application: str
  condition: str
  metric: dict[str, Any]  # title, unit, better, digits
  by: str  # the title of the metric that was chosen by, where it is another one; else empty
  cells: list[Cell]  # in the order of β
  best: Cell  # chosen on validation
  ends: tuple[float, float]  # the scores that are 0 and 100
  baseline: str  # the hardest one; empty where there is none
  baseline_score: float
  baseline_scaled: float
  gain: Estimate | None  # of the best β over β = 1; None where one of them is not there
  p: float  # Holm's, of `gain`, over the rows
  verdict: str  # "better", "worse", "open", "β = 1", "no β = 1", "one seed" or "NaN"


class Asked(NamedTuple):
  """What one application left in the run directory."""

  report: dict[str, Any]
  candidates: list[Candidate]
  models: dict[tuple, float]  # means by (member, method, condition, metric)
  baselines: dict[tuple, list[float]]  # by (method, condition, metric), one for each data


def asked(
  workdir: pathlib.Path, reports: list[dict[str, Any]]
) -> tuple[list[Asked], list[str]]:
  """The applications that β was chosen for on validation, and the names of the others.

  Raises:
    LookupError: what was chosen among is not what was scored.
  """
  found, others = [], []
  for report in reports:
    paths = [
      files.inside(workdir, "reports", report["application"], name)
      for name in (exports.CHOICE, exports.SCORES)
    ]
    if not report.get("headline") or not all(path.is_file() for path in paths):
      others.append(report["application"])
      continue
    one = Asked(report, _candidates(paths[0]), *_scores(paths[1]))
    _require_same(one)
    found.append(one)
  return found, others


def betas(applications: Iterable[Asked]) -> list[float]:
  """Every β that was chosen among, in order."""
  known = {one.beta for application in applications for one in application.candidates}
  return sorted(beta for beta in known if beta is not None)


def rows(
  applications: list[Asked], members: list[dict[str, Any]], every: bool = False
) -> list[Row]:
  """A row for each application, or for each of its conditions; Holm's p is over these rows.

  Args:
    applications: of `asked`.
    members: the rows of members.json.
    every: a row for each condition; else for the one in the middle, that of the headline.
  """
  found = []
  for one in applications:
    conditions = dict.fromkeys(c.condition for c in one.candidates)
    if not every:
      conditions = [one.report["headline"]["condition"]]
    found += [_row(one, condition, members) for condition in conditions]
  known = [row for row in found if row is not None]
  adjusted = comparison.holm(
    np.array([row.gain.p if row.gain else np.nan for row in known])
  )
  return [_judged(row, float(p)) for row, p in zip(known, adjusted, strict=True)]


def _candidates(path: pathlib.Path) -> list[Candidate]:
  found = []
  with path.open(encoding="utf-8", newline="") as file:
    for line in csv.DictReader(file):
      setting = {name: value for name, value in line.items() if name not in OURS}
      numbers = tuple(int(word) for word in line["members"].split())
      words = line["method"], line["condition"], line["metric"]
      found.append(Candidate(setting, *words, float(line["mean"]), numbers))
  return found


def _scores(path: pathlib.Path) -> tuple[dict[tuple, float], dict[tuple, list[float]]]:
  models: dict[tuple, float] = {}
  baselines: dict[tuple, list[float]] = {}
  with path.open(encoding="utf-8", newline="") as file:
    for line in csv.DictReader(file):
      key, mean = (line["method"], line["condition"], line["metric"]), float(line["mean"])
      if line["member"]:
        models[(int(line["member"]), *key)] = mean
      else:
        baselines.setdefault(key, []).append(mean)
  return models, baselines


def _require_same(one: Asked) -> None:
  scored = {key[:3] for key in one.models}
  for c in one.candidates:
    for number in c.members:
      if (number, c.method, c.condition) not in scored:
        raise LookupError(f"member {number} was chosen among, and has no scores")


def _row(one: Asked, condition: str, members: list[dict[str, Any]]) -> Row | None:
  """A row without its verdict; None where no β has a finite mean on validation."""
  metrics, title = one.report["metrics"], one.report["headline"]["metric"]
  name = {metric["title"]: key for key, metric in metrics.items()}[title]
  metric = metrics[name]
  scored = lambda c: any((m, c.method, condition, name) in one.models for m in c.members)
  known = [c for c in one.candidates if c.condition == condition and c.beta is not None]
  known = [c for c in known if scored(c)]  # of a method by another metric it may not be
  tried = dict.fromkeys((name, *(c.metric for c in known)))
  finite = lambda by: [c for c in known if c.metric == by and math.isfinite(c.mean)]
  by = next((by for by in tried if finite(by)), None)
  if by is None:
    return None
  sign, chosen = metrics[by]["better"] or 1, _best_of_each(known, by, metrics)
  top = max(finite(by), key=lambda c: sign * c.mean).beta
  scores = {beta: _of_members(one, c, name, members) for beta, c in chosen.items()}
  cells = _cells(chosen, scores, top, metric["better"] or 1)
  best, base = next(cell for cell in cells if cell.beta == top), _baseline(one, condition)
  base_mean = float(np.mean(one.baselines.get((base, condition, name), [math.nan])))
  ends = _ends([cell.score.mean for cell in cells], metric["better"] or 1)
  gain = None
  if top != 1 and 1.0 in scores:
    gain = _paired(scores[top], scores[1.0], metric["better"] or 1)
  return Row(
    one.report["application"], condition, metric, "" if by == name else metrics[by]["title"],
    [_scaled(cell, ends) for cell in cells], _scaled(best, ends), ends,
    base if math.isfinite(base_mean) else "", base_mean, _percent(base_mean, ends),
    gain, math.nan, "",
  )  # fmt: skip


def _best_of_each(
  known: list[Candidate], by: str, metrics: dict[str, Any]
) -> dict[float, Candidate]:
  """By β in order: its best candidate on validation; where none is finite, its first one."""
  sign, found = metrics[by]["better"] or 1, {}
  rank = lambda c: sign * c.mean if math.isfinite(c.mean) else -math.inf
  for beta in sorted({c.beta for c in known}):
    own = [c for c in known if c.beta == beta and c.metric == by]
    if own:
      found[beta] = max(own, key=rank)
  return found


def _of_members(
  one: Asked, candidate: Candidate, name: str, members: list[dict[str, Any]]
) -> tuple[Scores, tuple[int, ...]]:
  """What a candidate's members scored, by what makes each another one of its setting."""
  found, numbers = {}, []
  for number in candidate.members:
    key = number, candidate.method, candidate.condition, name
    row = members[number].items()
    if key in one.models:
      seed = sorted((k, str(v)) for k, v in row if k not in candidate.setting)
      found[tuple(seed)] = one.models[key]
      numbers.append(number)
  return found, tuple(numbers)


def _cells(
  chosen: dict[float, Candidate], scores: dict[float, tuple], top: float, sign: int
) -> list[Cell]:
  order = [beta for beta in chosen if scores[beta][0]]
  lost = [_paired(scores[top], scores[beta], sign) for beta in order]
  p = np.array([math.nan if b == top else d.p for b, d in zip(order, lost, strict=True)])
  cells = []
  for beta, d, adjusted in zip(order, lost, comparison.holm(p), strict=True):
    values = np.asarray(list(scores[beta][0].values()), np.float64)[:, None]
    own, numbers = chosen[beta], scores[beta][1]
    others = (f"{k} {v}" for k, v in own.setting.items() if k != "beta" and v)
    words = ", ".join((own.method, *others))
    estimate = comparison.estimate(values)
    cell = Cell(beta, words, numbers[0], estimate, math.nan, math.nan, d, adjusted, False)
    cells.append(cell)
  return cells


def _near(cells: list[Cell], at: int) -> list[Cell]:
  """The cells, `near` from the chosen one outwards as far as no β is found worse."""
  same = lambda cell: math.isfinite(cell.p) and not (cell.p < LEVEL and cell.lost.mean > 0)
  found = {at}
  for step in (-1, 1):
    i = at + step
    while 0 <= i < len(cells) and same(cells[i]):
      found.add(i)
      i += step
  return [cell._replace(near=i in found) for i, cell in enumerate(cells)]


def _paired(a: tuple[Scores, Any], b: tuple[Scores, Any], sign: int) -> Estimate:
  """The scores of one β less those of another by seed; positive: the first is better."""
  both = [key for key in a[0] if key in b[0]]
  if not both:
    return UNKNOWN
  values = [sign * (a[0][key] - b[0][key]) for key in both]
  return comparison.estimate(np.asarray(values, np.float64)[:, None])


def _ends(means: list[float], sign: int) -> tuple[float, float]:
  """The worst and the best finite score; NaN where they are the same, or fewer than two."""
  known = sorted(sign * mean for mean in means if math.isfinite(mean))
  if len(known) < 2 or math.isclose(known[0], known[-1], rel_tol=1e-12):
    return math.nan, math.nan
  return sign * known[0], sign * known[-1]


def _percent(value: float, ends: tuple[float, float]) -> float:
  return 100 * (value - ends[0]) / (ends[1] - ends[0])


def _scaled(cell: Cell, ends: tuple[float, float]) -> Cell:
  half = 100 * cell.score.half / abs(ends[1] - ends[0])
  return cell._replace(scaled=_percent(cell.score.mean, ends), scaled_half=half)


def _baseline(one: Asked, condition: str) -> str:
  """The baseline that the report's verdict under a condition is against."""
  found = (v for v in one.report.get("verdicts", ()) if v["condition"] == condition)
  return next((v["baseline"] for v in found), "")


def _judged(row: Row, p: float) -> Row:
  """The row with its verdict; a β = 1 that it leaves open is not called worse elsewhere."""
  word = "open"
  if row.gain is None:
    word = "β = 1" if row.best.beta == 1 else "no β = 1"
  elif not math.isfinite(row.gain.mean):
    word = "NaN"
  elif row.gain.seeds < 2:
    word = "one seed"
  elif p < LEVEL:
    word = "better" if row.gain.mean > 0 else "worse"
  cells = [
    cell._replace(p=max(cell.p, p)) if cell.beta == 1 and math.isfinite(p) else cell
    for cell in row.cells
  ]
  at = next(i for i, cell in enumerate(cells) if cell.beta == row.best.beta)
  return row._replace(cells=_near(cells, at), p=p, verdict=word)
