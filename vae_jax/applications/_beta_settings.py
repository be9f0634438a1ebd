"""The settings of a sweep: members that differ in the seed alone, their averages, their pairs."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vae_jax.applications._beta_scores import SCORES, Member
from vae_jax.applications._members import SYMBOLS
from vae_jax.metrics import comparison
from vae_jax.metrics.comparison import Difference, Interval
from vae_jax.training import sweep
from vae_jax.types import UserError

ALL_PAIRS = 10  # settings up to which every two are compared: 45 pairs


class Setting(NamedTuple):
  """What is compared: one value of everything that is swept but the seeds."""

  values: dict[str, Any]  # the swept names, the axis first
  members: list[Member]  # those that are averaged
  left_out: list[Member]  # dead or stopped


class Design(NamedTuple):
  """A sweep as an experiment."""

  axis: str  # the name that the figures are over; empty where only seeds differ
  names: tuple[str, ...]  # of what differs between settings, the axis first
  settings: list[Setting]
  score: str  # one of SCORES
  rng: Callable[
    [], np.random.Generator
  ]  # a fresh one of the same seed: resamples are shared


class Pair(NamedTuple):
  """The better of two settings (the lower score) and the other."""

  a: Setting
  b: Setting
  difference: Difference  # a - b, at most 0
  p: float  # Holm's; NaN with one seed
  needed: int | None  # seeds in all that would settle it


def design(members: list[Member], axis: str, score: str, seed: int) -> Design:
  """Groups members into settings in the order of the axis.

  Args:
    members: of the whole sweep.
    axis: a swept name; empty for beta, else the first number that is swept, else the first
      static field.
    score: of SCORES, what settings are compared on.
    seed: of the resamples.

  Raises:
    UserError: the axis is not swept, or the score is unknown.
  """
  if score not in SCORES:
    raise UserError(f"The setting score is {score!r}; expected one of {', '.join(SCORES)}.")
  swept = {
    name: list(dict.fromkeys(member.row[name] for member in members))
    for name in members[0].row
    if name not in sweep.SEEDS
  }
  differing = [name for name, values in swept.items() if len(values) > 1]
  axis = _axis(axis, swept, differing)
  names = (axis, *(n for n in differing if n != axis)) if axis else ()
  ranks = {name: _ranked(swept[name]) for name in names}
  groups: dict[tuple, list[Member]] = {}
  for member in members:
    groups.setdefault(tuple(member.row[name] for name in names), []).append(member)
  place = lambda values: [ranks[n].index(v) for n, v in zip(names, values, strict=True)]
  found = [
    Setting(
      dict(zip(names, values, strict=True)),
      [member for member in groups[values] if not member.ended],
      [member for member in groups[values] if member.ended],
    )
    for values in sorted(groups, key=place)
  ]
  return Design(axis, names, found, score, lambda: np.random.default_rng(seed))


def label(setting: Setting) -> str:
  """A setting by name, "β 4, latents 10", with COLLAPSED where a member of it is."""
  return (named(setting.values) or "the only setting") + collapse(setting)


def named(values: dict[str, Any]) -> str:
  """Swept values in words, "β 4, objective tc"; a number that a program lacks is left out."""
  words = [f"{short(k)} {sweep.text(v)}" for k, v in values.items() if v is not None]
  return ", ".join(words)


def short(name: str) -> str:
  """A swept name for the eye: β, "latents" for model.latents, "objective" for its name."""
  first, _, last = name.rpartition(".")
  return SYMBOLS.get(name, first if last == "name" else last)


def collapse(setting: Setting) -> str:
  """The words " (COLLAPSED)", " (COLLAPSED in 1 of 3)", or none."""
  flat = sum(member.collapsed for member in setting.members)
  if not flat:
    return ""
  total = len(setting.members)
  return " (COLLAPSED)" if flat == total else f" (COLLAPSED in {flat} of {total})"


def check(rows: list[dict[str, Any]], axis: str, score: str, pairs: str) -> None:
  """Refuses what `design` and `compare` would, before anything is measured."""
  blank = Member(**dict.fromkeys(Member._fields, None))
  found = design([blank._replace(row=row) for row in rows], axis, score, 0)
  if pairs:
    _chosen(found, pairs)


def averages(found: Design, replicates: int) -> list[dict[str, Interval]]:
  """The mean of every score over seeds and examples of each setting; empty without members."""
  return [
    {score: _average(found, setting, score, replicates) for score in SCORES}
    if setting.members
    else {}
    for setting in found.settings
  ]


def _average(found: Design, setting: Setting, score: str, replicates: int) -> Interval:
  interval = comparison.two_level(_values(setting.members, score), found.rng(), replicates)
  if score != "active":
    return interval
  most = max(len(member.latents) for member in setting.members)
  return interval._replace(
    low=np.maximum(interval.low, 0), high=np.minimum(interval.high, most)
  )


def groups(found: Design) -> dict[str, list[Setting]]:
  """The settings that differ in the axis alone, by what the others of them are."""
  lines: dict[str, list[Setting]] = {}
  for setting in found.settings:
    others = {k: v for k, v in setting.values.items() if k != found.axis}
    lines.setdefault(named(others), []).append(setting)
  return lines


def best(found: Design) -> Setting | None:
  """The setting of the lowest mean score; None where no setting has a number."""
  means = [_mean(setting, found.score) for setting in found.settings]
  known = [i for i, mean in enumerate(means) if np.isfinite(mean)]
  return found.settings[min(known, key=lambda i: means[i])] if known else None


def compare(found: Design, chosen: str, replicates: int) -> list[Pair]:
  """Pairs of settings on the score, paired by seed and example, corrected by Holm.

  Every pair of up to ALL_PAIRS settings; of more, neighbours along the axis and the best
  against all. Chosen pairs, "4:2, 8:1", are values of the axis, all else being equal.

  Args:
    found: the design.
    chosen: the pairs that were asked for; empty for the rule above.
    replicates: of each interval.

  Raises:
    UserError: a chosen pair that is not two values of the axis.
  """
  pairs = _chosen(found, chosen) if chosen else _family(found)
  measured = []
  for a, b in pairs:
    seeds = {_seed(m): m for m in b.members}
    both = [(m, seeds[_seed(m)]) for m in a.members if _seed(m) in seeds]
    if not both:
      continue
    ours, theirs = (_values(list(side), found.score) for side in zip(*both, strict=True))
    difference = comparison.paired(ours, theirs, found.rng(), replicates)
    if difference.mean > 0:
      a, b = b, a
      difference = comparison.paired(theirs, ours, found.rng(), replicates)
    measured.append((a, b, difference))
  adjusted = comparison.holm([d.p for _, _, d in measured])
  tests = int(np.isfinite(adjusted).sum())
  return [
    Pair(a, b, d, float(p), _needed(d, tests))
    for (a, b, d), p in zip(measured, adjusted, strict=True)
  ]


def _needed(d: Difference, tests: int) -> int | None:
  # The level is Holm's first and hardest step, so that the answer is not too few.
  if d.seeds == 1:
    return None
  level = 1 - 0.05 / max(1, tests)
  return comparison.seeds_needed(d.mean, d.seed_std, d.example_error, level)


def _values(members: list[Member], score: str) -> np.ndarray:
  return np.stack([getattr(member, SCORES[score].field) for member in members])


def _mean(setting: Setting, score: str) -> float:
  return float(_values(setting.members, score).mean()) if setting.members else np.nan


def _seed(member: Member) -> tuple:
  return tuple(member.row[name] for name in sweep.SEEDS if name in member.row)


def _axis(axis: str, swept: dict[str, list], differing: list[str]) -> str:
  if axis and axis not in differing:
    raise UserError(
      f"The setting axis is {axis!r}, which is not swept; swept are"
      f" {', '.join(differing) or 'seeds alone'}."
    )
  numbers = [name for name in differing if is_number(swept[name])]
  order = [name for name in ("beta",) if name in differing] + numbers + differing
  return axis or (order[0] if order else "")


def is_number(values: list[Any]) -> bool:
  """Whether all values of an axis are numbers, or missing, so that it has a scale."""
  known = [v for v in values if v is not None]
  return all(isinstance(v, int | float) and not isinstance(v, bool) for v in known)


def _ranked(values: list[Any]) -> list[Any]:
  known = [v for v in values if v is not None]
  return (sorted(known) if is_number(known) else known) + [None] * (
    len(known) < len(values)
  )


def _family(found: Design) -> list[tuple[Setting, Setting]]:
  alive = [s for s in found.settings if s.members]
  if len(alive) <= ALL_PAIRS:
    return list(itertools.combinations(alive, 2))
  pairs = []
  for line in groups(found).values():
    pairs += itertools.pairwise([s for s in line if s.members])
  top = best(found)
  known = [{id(a), id(b)} for a, b in pairs]
  return pairs + [
    (top, s) for s in alive if s is not top and top and {id(top), id(s)} not in known
  ]


def _chosen(found: Design, text: str) -> list[tuple[Setting, Setting]]:
  values = list(dict.fromkeys(s.values.get(found.axis) for s in found.settings))
  names = {sweep.text(v): v for v in values if v is not None}
  pairs = []
  for part in text.split(","):
    left, colon, right = (word.strip() for word in part.partition(":"))
    if not colon or not {left, right} <= names.keys() or left == right:
      raise UserError(
        f"The setting pairs has {part.strip()!r}; expected two values of {found.axis or 'an axis'}"
        f" with a colon between them, from {', '.join(names)}."
      )
    for line in groups(found).values():
      at = {sweep.text(s.values[found.axis]): s for s in line}
      if left in at and right in at:
        pairs.append((at[left], at[right]))
  return pairs
