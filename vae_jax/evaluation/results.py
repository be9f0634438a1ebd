"""Results in long form: lines of seeds side by side, intervals, the choice, the verdicts.

A result is what one method of one member scored under one condition, a number an example.
Everything that a report shows is a function of results; nothing is read back from a table.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.protocol import Member, Metric, Result, Setting
from vae_jax.metrics import comparison
from vae_jax.metrics.comparison import Estimate

LEVEL = 0.95


class Line(NamedTuple):
  """A method under one setting, its seeds side by side."""

  setting: Setting | None  # None: a baseline
  method: str
  cells: dict[str, list[Result]]  # by condition, a result for each seed, in order of seeds


class Verdict(NamedTuple):
  """The model's line against the baseline that is hardest for it under one condition."""

  metric: str
  condition: str
  ours: Line
  theirs: Line
  difference: Estimate  # ours - theirs, whichever is better
  p: float  # Holm's, over the conditions
  word: str  # "ahead", "behind", "open" or "NaN"


def own_setting(member: Member, condition: str) -> Setting | None:
  """The setting that the sweep gives a member."""
  del condition
  return member.setting


def lines(
  results: list[Result],
  setting: Callable[[Member, str], Setting | None] = own_setting,
) -> list[Line]:
  """Results by setting and method, in the order in which they come.

  Members that were stopped are in no line.

  Args:
    results: of all members and baselines.
    setting: (member, condition) -> what its line is called, or None to leave it out.
  """
  found: dict[tuple, Line] = {}
  for result in results:
    if result.member is not None and result.member.ended:
      continue
    place = None
    if result.member is not None:
      place = setting(result.member, result.condition)
      if place is None:
        continue
    line = found.setdefault((place, result.method), Line(place, result.method, {}))
    line.cells.setdefault(result.condition, []).append(result)
  for line in found.values():
    for cell in line.cells.values():
      cell.sort(key=_seed)
  return list(found.values())


def values(line: Line, metric: str, condition: str) -> np.ndarray | None:
  """The scores [S, n] of a line, or [S, n, ...]; None where it has none.

  Seeds that were scored on different numbers of examples are cut to those that all have.
  """
  cell = [r.scores[metric] for r in line.cells.get(condition, ()) if metric in r.scores]
  if not cell:
    return None
  count = min(map(len, cell))
  return np.stack([one[:count] for one in cell])


def interval(
  line: Line, name: str, metric: Metric, condition: str, level: float = LEVEL
) -> Estimate | None:
  """The mean over seeds and examples of a score, with its interval; None without scores."""
  found = values(line, name, condition)
  return None if found is None else _estimate(metric, found, None, level)


def paired(
  a: Line, b: Line, name: str, metric: Metric, condition: str, level: float = LEVEL
) -> Estimate | None:
  """Line a less line b by seed and by example, of their `pairs`; None without any."""
  return pooled([(a, b)], name, metric, condition, level)


def pooled(
  lines: list[tuple[Line, Line]], name: str, metric: Metric, condition: str,
  level: float = LEVEL,
) -> Estimate | None:  # fmt: skip
  """The first lines less the second ones, the seeds of all together; None without any."""
  found = [both for a, b in lines if (both := pairs(a, b, name, condition)) is not None]
  if not found:
    return None
  count = min(ours.shape[1] for ours, _ in found)
  cut = [np.concatenate([both[i][:, :count] for both in found]) for i in (0, 1)]
  return _estimate(metric, *cut, level)


def pairs(
  a: Line, b: Line, name: str, condition: str
) -> tuple[np.ndarray, np.ndarray] | None:
  """The scores of two lines by seed and by example, [S, n, ...] each; None without any.

  A baseline has no seed: it is paired with every seed on the same data. Examples are paired
  in order, as many as both have.
  """
  found = []
  for one in a.cells.get(condition, ()):
    other = next((r for r in b.cells.get(condition, ()) if _matches(one, r)), None)
    if other is not None and name in one.scores and name in other.scores:
      found.append((one.scores[name], other.scores[name]))
  if not found:
    return None
  count = min(len(x) for pair in found for x in pair)
  ours, theirs = (np.stack([pair[i][:count] for pair in found]) for i in (0, 1))
  return ours, theirs


def has(line: Line, metric: str) -> bool:
  """Whether a line has scores of a metric."""
  return any(metric in result.scores for cell in line.cells.values() for result in cell)


def mean(line: Line, name: str, metric: Metric, condition: str) -> float:
  """The mean over seeds and examples of a score; NaN without scores."""
  found = values(line, name, condition)
  if found is None:
    return np.nan
  if metric.reduce is None:
    return float(found.mean(dtype=np.float64))
  return float(np.mean([metric.reduce(one) for one in found]))


def label(line: Line, others: list[Line]) -> str:
  """A line in words: its method, and of its setting what differs among the others."""
  return ", ".join(filter(None, (line.method, setting_words(line, others))))


def setting_words(line: Line, others: list[Line]) -> str:
  """What of its setting differs among the others, "β 4", with COLLAPSED where a member is."""
  own, known = dict(line.setting or ()), [dict(one.setting or ()) for one in others]
  differ = {k: v for k, v in own.items() if any(one.get(k) != v for one in known)}
  words, seeds = of_members.name(differ), next(iter(line.cells.values()), [])
  flat = sum("COLLAPSED" in r.member.active for r in seeds if r.member is not None)
  if not flat or not words:
    return words
  return f"{words} (COLLAPSED{'' if flat == len(seeds) else f' in {flat} of {len(seeds)}'})"


def choose(
  found: list[Line], name: str, metric: Metric, conditions: tuple[str, ...]
) -> tuple[Setting, str] | None:
  """The setting and the method of the model's best line over all conditions.

  The best is that of the best mean over conditions; a line that lacks one of them, or is not
  finite, is never chosen. Where neither more nor less is better, it is the first. Meant for
  results on validation examples.
  """
  scored = {
    (line.setting, line.method): np.mean(
      [mean(line, name, metric, condition) for condition in conditions]
    )
    for line in found
    if line.setting is not None
  }
  finite = {k: v for k, v in scored.items() if np.isfinite(v)}
  return max(finite, key=lambda k: metric.better * finite[k], default=None)


def against_baselines(
  ours: Line,
  baselines: list[Line],
  name: str,
  metric: Metric,
  conditions: tuple[str, ...],
) -> list[Verdict]:
  """Whether a line is ahead of every baseline, for each condition, jointly over all of them.

  The hardest baseline is the one with the best mean on the examples that both have. Intervals
  are each condition's own; p-values are Holm's over the conditions, so that the chance of one
  wrong "ahead" or "behind" among them stays below 0.05. "open": neither is known.
  """
  sign, hardest = metric.better or 1, []
  for condition in conditions:
    rivals = [(paired(ours, b, name, metric, condition), b) for b in baselines]
    known = [(d, b) for d, b in rivals if d is not None]
    finite = [pair for pair in known if np.isfinite(pair[0].mean)]
    if known:
      least = min(finite, key=lambda pair: sign * pair[0].mean, default=known[0])
      hardest.append((condition, *least))
  adjusted = comparison.holm(np.array([d.p for _, d, _ in hardest]))
  return [
    Verdict(name, condition, ours, theirs, d, float(p), _word(d, float(p), sign))
    for (condition, d, theirs), p in zip(hardest, adjusted, strict=True)
  ]


def one_seed(verdict: Verdict) -> bool:
  """Whether its interval is of the examples alone."""
  return verdict.difference.seeds == 1 and verdict.difference.examples > 1


def _word(difference: Estimate, p: float, better: int) -> str:
  if not np.isfinite(difference.mean):
    return "NaN"
  if (
    not p < 1 - LEVEL
  ):  # without an interval nothing is known, however large the difference
    return "open"
  return "ahead" if better * difference.mean > 0 else "behind"


def _matches(ours: Result, theirs: Result) -> bool:
  if theirs.member is None or ours.member is None:
    return theirs.part == ours.part
  return theirs.member.seed == ours.member.seed


def _seed(result: Result) -> tuple:
  seed = (result.part,) if result.member is None else result.member.seed
  return tuple(-1 if value is None else value for value in seed)


def _estimate(
  metric: Metric, ours: np.ndarray, theirs: np.ndarray | None, level: float
) -> Estimate:
  if metric.reduce is not None:
    return comparison.estimate_of(metric.reduce, ours, theirs, level)
  values = np.asarray(ours, np.float64)
  return comparison.estimate(values if theirs is None else values - theirs, level)
