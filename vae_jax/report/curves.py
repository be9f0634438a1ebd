"""Training curves as inline SVG: they take the page's colours, in the light and in the dark."""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup, escape

from vae_jax.training import sweep

WIDTH, HEIGHT = 330, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 26
SHOWN = 8  # members; more lines than that say nothing
QUANTITIES = (
  ("elbo", "ELBO, nats"),
  ("rate", "rate, nats"),
  ("distortion", "distortion, nats"),
)
TICKS = 5


class Line(NamedTuple):
  """One member on one split."""

  color: int  # its place among those that are drawn
  split: str
  step: np.ndarray
  value: np.ndarray


def drawn(members: list[dict[str, Any]]) -> list[int]:
  """The places of the members that get a line, SHOWN at most, in their order.

  One of each setting comes first, and of more settings than SHOWN those that lie evenly among
  them. What room is left goes to the next seed of each setting.
  """
  settings: dict[str, list[int]] = {}
  for place, row in enumerate(members):
    settings.setdefault(str(sweep.setting(row)), []).append(place)
  each = list(settings.values()) or [[0]]  # of a run that does not say: the first one
  evenly = np.linspace(0, len(each) - 1, min(SHOWN, len(each))).round().astype(int)
  turns = itertools.zip_longest(*(each[i] for i in evenly))
  places = [place for turn in turns for place in turn if place is not None]
  return sorted(places[:SHOWN])


def charts(history: list[dict[str, Any]], shown: list[int]) -> list[dict[str, Any]]:
  """A chart for each quantity that was logged: {"title", "svg"}.

  Args:
    history: rows of metrics.jsonl; a number that is no number is a gap in the line.
    shown: the members that get a line, in the legend's order.
  """
  found = []
  for name, title in QUANTITIES:
    lines = _lines(history, name, shown)
    if lines:
      found.append({"title": title, "svg": Markup(_chart(lines, title))})
  return found


def legend(names: list[str], shown: list[int]) -> list[dict[str, Any]]:
  """The members that get a line, with the class of their colour."""
  return [{"name": names[m], "color": f"c{i}"} for i, m in enumerate(shown)]


def _lines(history: list[dict], name: str, shown: list[int]) -> list[Line]:
  found = []
  for color, member in enumerate(shown):
    for split in ("train", "valid"):
      rows = [
        (row["step"], _number(row[name]))
        for row in history
        if row.get("member") == member and row.get("split") == split and name in row
      ]
      if any(math.isfinite(value) for _, value in rows):
        found.append(Line(color, split, *np.asarray(rows, float).T))
  return found


def _number(value: Any) -> float:
  try:
    return float(value)
  except (TypeError, ValueError):
    return math.nan


def _bounds(lines: list[Line]) -> tuple[float, float]:
  # The first steps are far off and would press the rest flat: the curve enters the frame
  # from outside, where the axis begins at the 5 % or ends at the 95 % that matter.
  values = np.concatenate([line.value[np.isfinite(line.value)] for line in lines])
  low, high = np.quantile(values, [0.0, 1.0])
  inner = np.quantile(values, [0.05, 0.95])
  reach = max(inner[1] - inner[0], 1e-9 + 1e-3 * abs(inner[1]))
  low, high = max(low, inner[0] - 0.6 * reach), min(high, inner[1] + 0.6 * reach)
  margin = 0.06 * max(high - low, 1e-9 + 1e-3 * abs(high))
  return float(low - margin), float(high + margin)


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
  """Round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten."""
  raw = (high - low) / count
  power = 10.0 ** math.floor(math.log10(raw))
  step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
  first = math.ceil(low / step)
  return [i * step for i in range(first, math.floor(high / step) + 1)]


def _label(value: float) -> str:
  if abs(value) >= 10_000:
    return f"{value / 1000:g}k".replace("-", "−")
  return f"{round(value, 6):g}".replace("-", "−")


def _chart(lines: list[Line], title: str) -> str:
  low, high = _bounds(lines)
  last = max(float(line.step.max()) for line in lines)
  x = lambda step: LEFT + (WIDTH - LEFT - RIGHT) * step / last
  y = lambda value: TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)
  clip = f"clip-{title.split(chr(44))[0].lower()}"
  parts = [
    f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)} over steps">',
    f'<clipPath id="{clip}"><rect x="{LEFT}" y="{TOP - 4}" width="{WIDTH - LEFT - RIGHT + 4}"'
    f' height="{HEIGHT - TOP - BOTTOM + 4}"/></clipPath>',
  ]
  for value in ticks(low, high):
    at = f"{y(value):.1f}"
    parts.append(
      f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
    )
    parts.append(
      f'<text x="{LEFT - 6}" y="{at}" dy="0.35em" class="end">{_label(value)}</text>'
    )
  for value in ticks(0, last, 4):
    middle = "end" if x(value) > WIDTH - 20 else "middle"
    parts.append(
      f'<text x="{x(value):.1f}" y="{HEIGHT - 8}" class="{middle}">{_label(value)}</text>'
    )
  parts.append(f'<g clip-path="url(#{clip})">')
  for line in sorted(lines, key=lambda line: line.split):
    path = _path(line, x, y)
    parts.append(f'<path class="{line.split} c{line.color}" d="{path}"/>')
  return "".join([*parts, "</g></svg>"])


def _path(line: Line, x: Any, y: Any) -> str:
  """An SVG path with a gap where a value is missing; a lone point is a short dash."""
  words, pen = [], "M"
  for step, value in zip(line.step, line.value, strict=True):
    if not math.isfinite(value):
      pen = "M"
      continue
    words.append(f"{pen}{x(step):.1f} {min(max(y(value), -500), 900):.1f}")
    pen = "L"
  if len(words) == 1:
    words.append("h3")
  return "".join(words)
