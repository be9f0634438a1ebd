"""Figures that follow from the lines: over the conditions, over the sweep, side by side."""

import re
from typing import Any

import numpy as np

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.results import Line
from vae_jax.types import Figure

EACH = 3  # lines of the model, and of the baselines, in one figure
DRAWN = 10  # examples side by side


def all_of(outcome: Outcome) -> list[Figure]:
  """The examples side by side, the curve over the conditions and the one over the sweep."""
  found = side_by_side(outcome)
  if len(outcome.conditions) >= 3:
    found.append(over_conditions(outcome))
  return found + over_sweep(outcome)


def over_conditions(outcome: Outcome) -> Figure:
  """The headline's metric over the conditions: the best lines of each side."""
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  places = _places(outcome.conditions)
  series = {}
  for line in _leading(outcome):
    found = [
      of_results.interval(line, name, metric, condition) for condition in outcome.conditions
    ]
    at = [i for i, one in enumerate(found) if one is not None]
    known = [found[i] for i in at]
    x = [places[outcome.conditions[i]] for i in at]
    series[of_results.label(line, outcome.ours)] = curve(x, known) | (
      {"style": "dashed"} if line.setting is None else {}
    )
  data = {"series": series, "x_label": "condition", "y_label": _axis(metric)}
  caption = (
    f"{metric.title} under each condition: the best {EACH} lines of the model and, dashed, of"
    " the baselines. Bands are 95 % intervals."
  )
  return Figure("conditions", "lines", data | {"ticks": places}, caption)


def over_sweep(outcome: Outcome) -> list[Figure]:
  """The headline's metric of the chosen method over what is swept; none where nothing is."""
  axis = axis_of([line.setting for line in outcome.ours])
  if not axis or outcome.chosen is None:
    return []
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  ours = [line for line in outcome.ours if line.method == outcome.chosen.method]
  own = {line.setting: line for line in ours}
  rows = along(list(own), axis).values()
  row = next((row for row in rows if outcome.chosen.setting in row), [])
  lines, places = [own[setting] for setting in row], axis_places(_values(row, axis))
  if len(lines) < 2:
    return []
  picked = np.linspace(0, len(outcome.conditions) - 1, min(EACH, len(outcome.conditions)))
  series: dict[str, Any] = {}
  for condition in (outcome.conditions[round(i)] for i in picked):
    found = [of_results.interval(line, name, metric, condition) for line in lines]
    known = [(line, one) for line, one in zip(lines, found, strict=True) if one is not None]
    x = [places[dict(line.setting)[axis]] for line, _ in known]
    title = condition or outcome.chosen.method
    series[title] = curve(x, [one for _, one in known])
    held = (v for v in outcome.verdicts if v.condition == condition and v.metric == name)
    rival = next((v.theirs for v in held), None)
    if rival is not None and known:
      height = of_results.mean(rival, name, metric, condition)
      level = {"x": [min(x), max(x)], "y": [height] * 2, "style": "dashed"}
      series[f"{rival.method}{f', {condition}' if condition else ''}"] = level
  ticks = {of_members.sweep.text(value): at for value, at in places.items()}
  data = {"series": series, "x_label": of_members.short(axis), "y_label": _axis(metric)}
  data |= {"ticks": ticks, "log": log_scale(list(places.values()))}
  dashed = any("style" in one for one in series.values())
  caption = (
    f"{metric.title} of {outcome.chosen.method} over {of_members.short(axis)}, with 95 %"
    f" intervals{'; dashed: the hardest baseline' if dashed else ''}."
  )
  return [Figure("sweep", "lines", data, caption)]


def side_by_side(outcome: Outcome) -> list[Figure]:
  """For each condition the examples, what was given, and what the best methods made of it."""
  show, rows_of = (outcome.application.optional(n) for n in ("shown", "pictures"))
  if show is None:
    return []
  lead, found = outcome.lead, []
  task = outcome.tasks[lead.part]
  rows = pictures.chosen(task.examples, task.source.spec, DRAWN)
  ours = {line.method: line for line in outcome.ours}
  leading = [line for line in _leading(outcome) if line.setting is None]
  for c, condition in enumerate(outcome.conditions):
    images = rows_of(task, c) if rows_of is not None else {}
    images = {name: x[rows] for name, x in images.items()}
    for method in _methods(outcome, ours):
      answer = answered(outcome, lead.number, method, condition)
      if answer is not None:
        images[method] = show(task, answer, c)[rows]
    for line in leading:
      answer = answered(outcome, None, line.method, condition)
      if answer is not None and len(drawn := show(task, answer, c)) > rows.max():
        images[line.method] = drawn[rows]
    data = {"images": np.stack(list(images.values())), "rows": [*map(_broken, images)]}
    data["columns"] = pictures.names(task.examples, task.source.spec, rows)
    data["title"] = of_members.title(lead, outcome.members)
    data |= pictures.style(task.source.data, outcome.settings)
    caption = f"The same examples by every side{f': {condition}' if condition else ''}."
    where = "".join(ch for ch in condition if ch.isalnum())
    found.append(Figure(f"side_by_side_{where}".rstrip("_"), "pairs", data, caption))
  return found


def differing(settings: list[Any]) -> list[str]:
  """The names in which settings differ."""
  names = dict.fromkeys(name for setting in settings for name, _ in setting)
  return [n for n in names if len({dict(setting).get(n) for setting in settings}) > 1]


def axis_of(settings: list[Any]) -> str:
  """The swept name that figures are over: beta, else a number of several values, else a name."""
  differ = differing(settings)
  several = lambda values: is_number(values) and len(values) > 1
  numbers = [name for name in differ if several(_values(settings, name))]
  order = [name for name in ("beta",) if name in differ] + numbers + differ
  return order[0] if order else ""


def along(settings: list[Any], axis: str) -> dict[str, list[Any]]:
  """Settings that differ in the axis alone, in its order, by what the others of them are.

  A setting without a value of the axis, of a program that has no such number, is left out.
  """
  places, differ = axis_places(_values(settings, axis)), differing(settings)
  found: dict[str, list[Any]] = {}
  known = [setting for setting in settings if dict(setting).get(axis) is not None]
  for setting in sorted(known, key=lambda setting: places[dict(setting)[axis]]):
    rest = {k: v for k, v in setting if k in differ and k != axis}
    found.setdefault(of_members.name(rest), []).append(setting)
  return found


def is_number(values: list[Any]) -> bool:
  """Whether all values of an axis are numbers, or missing, so that it has a scale."""
  known = [v for v in values if v is not None]
  return all(isinstance(v, int | float) and not isinstance(v, bool) for v in known)


def axis_places(values: list[Any]) -> dict[Any, float]:
  """Where each value of an axis is drawn: at itself, or one after the other for words."""
  scale = is_number(values)
  values = sorted(values) if scale else values
  return {value: float(value) if scale else float(i) for i, value in enumerate(values)}


def log_scale(places: list[float]) -> str:
  """A logarithmic axis where the values span a decade and all are above 0."""
  low, high = min(places), max(places)
  return "x" if low > 0 and high / low >= 8 else ""


def _leading(outcome: Outcome) -> list[Line]:
  """The best lines of the model and of the baselines, by the mean over conditions."""
  name = outcome.application.headline
  metric = outcome.application.metrics[name]

  def best(lines: list[Line]) -> list[Line]:
    of = lambda line, c: of_results.mean(line, name, metric, c)
    score = {id(line): np.mean([of(line, c) for c in outcome.conditions]) for line in lines}
    finite = [line for line in lines if np.isfinite(score[id(line)])]
    sign = metric.better or -1
    return sorted(finite, key=lambda line: -sign * score[id(line)])[:EACH]

  first = [outcome.chosen] if outcome.chosen is not None else []
  ours = first + [line for line in best(outcome.ours) if line is not outcome.chosen]
  return [*ours[:EACH], *best(outcome.baselines)]


def _methods(outcome: Outcome, ours: dict[str, Line]) -> list[str]:
  """The model's methods that are drawn, the chosen one last, beside the baselines."""
  chosen = outcome.chosen.method if outcome.chosen is not None else None
  rest = [method for method in ours if method != chosen]
  return [*rest[: EACH - 1], *([chosen] if chosen else [])]


def answered(outcome: Outcome, number: int | None, method: str, condition: str) -> Any:
  """The answer of a member, or of a baseline, on the data of the lead; None without one."""
  wanted = number, method, condition, outcome.lead.part
  who = lambda r: None if r.member is None else r.member.number
  same = lambda r: (who(r), r.method, r.condition, r.part) == wanted
  return next((r.answer for r in outcome.results if same(r)), None)


def curve(x: list[float], found: list[Any]) -> dict[str, Any]:
  """Estimates over x as a curve, with their intervals where all have one."""
  line = {"x": x, "y": [one.mean for one in found]}
  halves = [one.half for one in found]
  if not np.isfinite(halves).all():
    return line
  low = [one.mean - one.half for one in found]
  return line | {"low": low, "high": [one.mean + one.half for one in found]}


def _values(settings: list[Any], name: str) -> list[Any]:
  """The values of a name that settings have, once each."""
  known = dict.fromkeys(dict(setting).get(name) for setting in settings)
  return [value for value in known if value is not None]


def _places(conditions: tuple[str, ...]) -> dict[str, float]:
  """Where conditions are drawn: at their number where each has one, else side by side."""
  numbers = [re.match(r"[-+]?\d+(\.\d+)?", condition) for condition in conditions]
  if all(numbers):
    return {c: float(n.group()) for c, n in zip(conditions, numbers, strict=True)}
  return {condition: float(i) for i, condition in enumerate(conditions)}


def _axis(metric: Any) -> str:
  return f"{metric.title}, {metric.unit}" if metric.unit else metric.title


def _broken(label: str) -> str:
  # A long label in two lines, so that the margin of a picture stays narrow.
  for sign in (", ", " and ", " + "):
    first, found, rest = label.partition(sign)
    if found and len(label) > 14:
      end = sign.rstrip() if sign == ", " else ""
      return f"{first}{end}\n{'' if end else sign.strip() + ' '}{rest}"
  return label
