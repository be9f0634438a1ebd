"""The charts of the sweep's page as SVG: rate against distortion, every score over an axis."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup, escape

from vae_jax.report import curves

WIDTH, HEIGHT = 460, 340
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 12, 40
LABELLED = 12  # settings whose value stands beside their mean
SMALL = (230, 150)  # width and height of one of the small multiples
MARGIN = (42, 8, 8, 20)  # of it: left, right, top, bottom
WORDS = 6  # values of the axis that are named below it
Place = Callable[[Sequence[float]], tuple[float, float]]


class Setting(NamedTuple):
  """Members that differ in the seed alone."""

  label: str  # its value of the axis
  group: int  # of settings that differ in the axis alone
  place: int  # of its value among those of the axis
  members: list[dict[str, Any]]  # those that were not stopped


def settings(
  members: list[dict], axes: list[dict], seeds: tuple[str, ...]
) -> list[Setting]:
  """The settings of members in the order of the first axis.

  Args:
    members: each with "at", its place on every axis, and "ended".
    axes: the first one is that of the charts.
    seeds: names of axes that only repeat a setting.
  """
  others = [i for i, axis in enumerate(axes) if i and axis["name"] not in seeds]
  groups: dict[tuple, int] = {}
  found: dict[tuple, Setting] = {}
  for member in sorted(members, key=lambda member: member["at"][0]):
    rest, place = tuple(member["at"][i] for i in others), member["at"][0]
    group = groups.setdefault(rest, len(groups))
    label = axes[0]["texts"][place]
    setting = found.setdefault((place, *rest), Setting(label, group, place, []))
    setting.members.extend([] if member["ended"] else [member])
  return list(found.values())


def mean(setting: Setting, metric: str) -> float:
  """Over its members; NaN without any, or where one of them is."""
  values = [member["scores"].get(metric, (np.nan,))[0] for member in setting.members]
  return float(np.mean(values)) if values else math.nan


def rate_distortion(members: list[dict], found: list[Setting]) -> Markup:
  """A link for each member, a line through the settings' means, the line of the best −ELBO."""
  points = np.asarray(
    [[_score(m, name) for name in ("rate", "distortion")] for m in members]
  )
  finite = points[np.isfinite(points).all(-1)]
  if not len(finite):
    return Markup("")
  low, high = finite.min(0), finite.max(0)
  margin = 0.06 * np.maximum(high - low, 1e-6 + 1e-3 * np.abs(high))
  low, high = low - margin, high + margin
  size = np.asarray([WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM])

  def at(point: Sequence[float]) -> tuple[float, float]:
    x, y = (np.asarray(point) - low) / (high - low) * size
    return LEFT + x, HEIGHT - BOTTOM - y

  parts = [
    f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="curve" aria-label="Rate against distortion">',
    *_frame(low, high, at),
    *_bound(found, low, high, at),
    *_means(found, at),
  ]
  for member, point in zip(members, points, strict=True):
    if not np.isfinite(point).all():
      continue
    x, y = at(point)
    said = f"{member['name']}: rate {point[0]:.2f}, distortion {point[1]:.2f} nats"
    parts.append(
      f'<a href="#member={member["number"]}" data-member="{member["number"]}"'
      f' aria-label="{escape(said)}"><title>{escape(said)}</title>'
      f'<circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="11"/>'
      f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/></a>'
    )
  # The chosen and the pinned point are drawn last, over their neighbours, by the script.
  rings = '<circle id="there" class="there" r="8"/><circle id="here" class="here" r="8"/>'
  return Markup("".join([*parts, rings, "</svg>"]))


def multiples(
  members: list[dict], found: list[Setting], axis: dict, metrics: dict[str, dict]
) -> list[dict[str, Any]]:
  """A small chart of every score over the axis, all of one size: {"title", "svg"} each."""
  charts = []
  for name, metric in metrics.items():
    values = [_score(member, name) for member in members]
    if np.isfinite(values).sum() >= 2:
      unit = f", {metric['unit']}" if metric["unit"] else ""
      svg = Markup(_multiple(members, found, axis, name, values))
      charts.append({"title": f"{metric['title']}{unit}", "svg": svg})
  return charts


def _multiple(
  members: list[dict], found: list[Setting], axis: dict, name: str, values: list[float]
) -> str:
  (width, height), (left, right, top, bottom) = SMALL, MARGIN
  finite = [value for value in values if math.isfinite(value)]
  low, high = min(finite), max(finite)
  margin = 0.08 * (high - low) or 0.5 + 1e-3 * abs(high)
  low, high, last = low - margin, high + margin, max(1, len(axis["texts"]) - 1)

  def at(point: Sequence[float]) -> tuple[float, float]:
    x = left + 6 + (width - left - right - 12) * point[0] / last
    return x, height - bottom - (height - top - bottom) * (point[1] - low) / (high - low)

  parts = [f'<svg viewBox="0 0 {width} {height}" aria-hidden="true">']
  for tick in curves.ticks(low, high)[:: 1 if len(curves.ticks(low, high)) < 4 else 2]:
    y = at((0, tick))[1]
    parts.append(
      f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>'
      f'<text x="{left - 5}" y="{y:.1f}" dy="0.35em" class="end">{_tick(tick)}</text>'
    )
  step = -(-len(axis["texts"]) // WORDS)
  for place, text in list(enumerate(axis["texts"]))[::step]:
    x = at((place, low))[0]
    parts.append(f'<text x="{x:.1f}" y="{height - 5}" class="middle">{escape(text)}</text>')
  for group in sorted({setting.group for setting in found}):
    own = [(s.place, mean(s, name)) for s in found if s.group == group]
    path = [at(point) for point in own if math.isfinite(point[1])]
    words = " L".join(f"{x:.1f} {y:.1f}" for x, y in path)
    parts += [f'<path class="over" data-group="{group}" d="M{words}"/>'] if path else []
  for member, value in zip(members, values, strict=True):
    if math.isfinite(value):
      x, y = at((member["at"][0], value))
      parts.append(
        f'<circle class="dot" data-member="{member["number"]}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
      )
  return "".join([*parts, "</svg>"])


def _score(member: dict[str, Any], name: str) -> float:
  return member["scores"].get(name, (math.nan,))[0]


def _frame(low: np.ndarray, high: np.ndarray, at: Place) -> list[str]:
  parts = []
  for value in curves.ticks(low[1], high[1]):
    _, y = at((low[0], value))
    parts.append(
      f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
      f'<text x="{LEFT - 6}" y="{y:.1f}" dy="0.35em" class="end">{_tick(value)}</text>'
    )
  for value in curves.ticks(low[0], high[0]):
    x, _ = at((value, low[1]))
    parts.append(
      f'<text x="{x:.1f}" y="{HEIGHT - 24}" class="middle">{_tick(value)}</text>'
    )
  middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
  parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" class="middle">rate, nats</text>')
  turned = f"rotate(-90 11 {(HEIGHT - BOTTOM) / 2})"
  return [
    *parts,
    f'<text x="11" y="{(HEIGHT - BOTTOM) / 2}" class="middle" transform="{turned}">'
    "distortion, nats</text>",
  ]


def _bound(found: list[Setting], low: np.ndarray, high: np.ndarray, at: Place) -> list[str]:
  """The line rate + distortion = the least −ELBO of a setting, within the frame."""
  losses = [mean(setting, "elbo") for setting in found]
  finite = [loss for loss in losses if math.isfinite(loss)]
  least = min(finite, default=math.nan)
  left, right = max(low[0], least - high[1]), min(high[0], least - low[1])
  if not left < right:
    return []
  (x1, y1), (x2, y2) = at((left, least - left)), at((right, least - right))
  return [f'<line class="bound" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>']


def _means(found: list[Setting], at: Place) -> list[str]:
  """A line through the means of the settings that differ in the axis alone, and its values."""
  parts, several = [], len(found) > LABELLED
  for group in sorted({setting.group for setting in found}):
    own = [s for s in found if s.group == group]
    points = [(s.label, (mean(s, "rate"), mean(s, "distortion"))) for s in own]
    places = [(label, at(point)) for label, point in points if np.isfinite(point).all()]
    words = " L".join(f"{x:.1f} {y:.1f}" for _, (x, y) in places)
    parts += [f'<path class="mean" d="M{words}"/>'] if len(places) > 1 else []
    for label, (x, y) in [] if several else places:
      parts.append(f'<text x="{x + 9:.1f}" y="{y - 8:.1f}">{escape(label)}</text>')
  return parts


def _tick(value: float) -> str:
  rounded = round(value, 6)
  return f"{rounded if math.fabs(rounded) > 0 else 0.0:g}".replace("-", "−")
