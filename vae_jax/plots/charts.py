"""Numbers as pictures: curves, bars, distributions, points, matrices."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_jax.plots import _panels as panels
from vae_jax.plots._canvas import INK, Axes, Canvas, axes, colored, colors, finish, ink_on

FILLED = 3  # histograms that are filled: more of them hide one another
ROWS = 6  # of words in a histogram
# Theories, bounds and baselines: neighbours differ in grey and in pattern, the first twelve
# in one of them at least.
GREYS = ("#3a3942", "#6b6974", "#8f8d98")
PATTERNS = ((0, (5, 2.5)), (0, (1.2, 1.6)), (0, (7, 2, 1.2, 2)), (0, (2.4, 1.4)))


def lines(
  series: dict[str, Any],
  x_label: str,
  y_label: str,
  x: np.ndarray | None = None,
  bands: dict[str, tuple[np.ndarray, np.ndarray]] | None = None,
  title: str = "",
  log: str = "",
  ticks: Sequence[float] | dict[str, float] = (),
  marks: dict[str, float] | None = None,
  square: bool = False,
) -> Canvas:
  """Curves by name, over one x or each over its own, with what is known of their error.

  Args:
    series: by name either values [N] over the common `x`, or a dict with "x" and "y" [N] and,
      where wanted, "low" and "high" [N] (the interval), "bars" (True: the interval as error
      bars, not as a band), "points" [P, 2] (drawn as dots in the colour of the curve),
      "labels" [N] (words beside the places of the curve), "style" ("solid"; "dashed": a
      theory, a bound or a baseline, each in a grey and a pattern of its own; "dots": no line).
    x_label: of the axis.
    y_label: of the axis.
    x: [N], of the series that are arrays.
    bands: (low, high) by name, of the series that are arrays.
    title: above everything.
    log: the axes on a logarithmic scale: "", "x", "y" or "xy".
    ticks: where x has its ticks, or a dict of their labels and places; chosen without them.
    marks: vertical lines by name, at their x.
    square: a square picture, for a curve of one quantity against another.
  """
  fig, ax = axes(*((4.6, 3.9) if square else (6.0, 2.9)), title)
  spans, palette = [], iter(colors(len(series)))
  greys = zip(itertools.cycle(GREYS), itertools.cycle(PATTERNS), strict=False)
  for name, values in series.items():
    line = dict(values) if isinstance(values, dict) else {"x": x, "y": values}
    if name in (bands or {}):
      line |= {"low": bands[name][0], "high": bands[name][1]}
    bound = line.get("style") == "dashed"
    color, pattern = next(greys) if bound else (next(palette), "-")
    _line(ax, name, line, color, pattern)
    spans += [(line["low"], line["high"])] if "low" in line else []
  if "x" in log:
    ax.set_xscale("log")
  if "y" in log:
    ax.set_yscale("log")
  else:
    _frame(ax, spans)
  if len(ticks):
    named = (
      ticks if isinstance(ticks, dict) else {f"{v:g}".replace("-", "−"): v for v in ticks}
    )
    ax.set_xticks(list(named.values()), list(named))
    ax.minorticks_off()
  _marked(ax, marks or {})
  return finish(fig, ax, x_label, y_label, legend=len(series) > 1)


def _marked(ax: Axes, marks: dict[str, float]) -> None:
  """Vertical lines by name, at their x."""
  for name, at in marks.items():
    ax.axvline(at, color=INK, linewidth=0.8, linestyle=(0, (2, 3)))
    place = {"xytext": (2, -1), "textcoords": "offset points", "fontsize": 7}
    ax.annotate(name, (at, 1), xycoords=ax.get_xaxis_transform(), va="top", **place)


def _line(ax: Axes, name: str, line: dict[str, Any], color: str, pattern: Any) -> None:
  """One series of `lines`."""
  x, y = np.asarray(line["x"], float), np.asarray(line["y"], float)
  style = line.get("style", "solid")
  dotted = style == "dots" or "points" in line or line.get("bars") or len(x) == 1
  form = {"color": color, "marker": "o" if dotted else "", "markersize": 4.5}
  form["linestyle"] = "" if style == "dots" else pattern
  ax.plot(x, y, label=name, linewidth=1.4 if style == "dashed" else 1.8, **form)
  if "points" in line:
    dots = np.asarray(line["points"], float).reshape(-1, 2)
    ax.plot(*dots.T, ".", color=color, markersize=6, alpha=0.55, markeredgewidth=0)
  for word, *at in zip(line.get("labels", [""] * len(x)), x, y, strict=True):
    ax.annotate(word, at, (5, 4), textcoords="offset points", fontsize=7, color=color)
  if "low" not in line:
    return
  low, high = np.asarray(line["low"], float), np.asarray(line["high"], float)
  if line.get("bars"):
    ax.vlines(x, low, high, color=color, linewidth=1.4)
  else:
    ax.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)


def _frame(ax: Axes, spans: list[tuple[Any, Any]]) -> None:
  """Lines stay readable where one band is many times wider than the others: it leaves the frame.

  Two seeds that differ have such a band. The frame goes past the lines by their own range, or by
  twice the lower median of the bands' half widths where that is more.
  """
  y = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.lines])
  half = np.concatenate([np.subtract(high, low) / 2 for low, high in spans] or [[]])
  y, half = y[np.isfinite(y)], half[np.isfinite(half)]
  if not len(y) or not len(half):
    return
  room = max(np.ptp(y), 2 * np.sort(half)[(len(half) - 1) // 2])
  low, high = ax.get_ylim()
  if room:
    ax.set_ylim(max(low, y.min() - room), min(high, y.max() + room))


def heatmap(
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  x_label: str = "",
  y_label: str = "",
  title: str = "",
  palette: str = "viridis",
  limits: tuple[float, float] | None = None,
  form: str = ".2g",
) -> Canvas:
  """A matrix [R, C] as colours, with a label for each row and column and its numbers in it.

  Args:
    values: [R, C]; a NaN is a cell of its own colour without a number.
    rows: [R] labels; the first row is on top.
    columns: [C] labels.
    x_label: of the columns.
    y_label: of the rows.
    title: above everything.
    palette: a colormap.
    limits: the values of its ends; the finite extremes of the values without.
    form: how a number is written in its cell; empty, or more than 20 columns: no numbers.
  """
  values = np.asarray(values, float)
  count_y, count_x = values.shape
  side = 0.42 if count_x <= 20 else 0.2
  fig, ax = axes(1.6 + side * max(count_x, 4), 0.9 + 0.26 * max(count_y, 3), title)
  low, high = panels.value_range(values, limits)
  unit = np.clip((values - low) / (high - low), 0, 1)
  ax.imshow(colored(unit, palette), aspect="auto", interpolation="none")
  for (i, j), value in np.ndenumerate(values):
    if form and count_x <= 20 and np.isfinite(value):
      text = format(value, form).replace("-", "−")
      place = {"ha": "center", "va": "center", "fontsize": 6.5}
      ax.text(j, i, text, color=ink_on(colored(unit[i, j], palette)[:3]), **place)
  every = max(1, count_x // 24)
  long = max(map(len, columns), default=0) * 0.07 > side  # an inch has about 14 letters
  turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if long else {}
  ax.set_xticks(np.arange(count_x)[::every], list(columns)[::every], **turned)
  ax.set_yticks(np.arange(count_y), list(rows))
  ax.tick_params(length=0)
  for spine in ax.spines.values():
    spine.set_visible(False)
  ax.set(xlabel=x_label, ylabel=y_label)
  return fig


def bars(
  series: dict[str, np.ndarray],
  labels: Sequence[str],
  x_label: str,
  y_label: str,
  line: float | None = None,
  title: str = "",
) -> Canvas:
  """Bars [N] side by side for each name, over labels [N]; `line` is a dashed threshold."""
  count = len(labels)
  fig, ax = axes(min(7.5, max(3.6, 1.0 + 0.34 * count)), 2.5, title)
  width = 0.82 / len(series)
  for i, (name, values) in enumerate(series.items()):
    at = np.arange(count) + (i - (len(series) - 1) / 2) * width
    ax.bar(at, values, width * 0.94, color=colors(len(series))[i], label=name, linewidth=0)
  if line is not None:
    ax.axhline(line, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
  every = max(1, count // 24)
  ax.set_xticks(np.arange(count)[::every], list(labels)[::every])
  ax.tick_params(axis="x", length=0)
  return finish(fig, ax, x_label, y_label, legend=len(series) > 1)


def histogram(
  series: dict[str, np.ndarray],
  x_label: str,
  y_label: str = "share",
  title: str = "",
  marks: dict[str, float] | None = None,
  words: dict[str, float] | None = None,
) -> Canvas:
  """The distribution of each [N] as a share of its own number, on common bins.

  Args:
    series: values [N] by name.
    x_label: of the axis.
    y_label: of the axis.
    title: above everything.
    marks: vertical lines by name, at their x.
    words: short words and their x, in rows one below the other so that neighbours stay apart.
  """
  fig, ax = axes(6.0, 2.7, title)
  finite = {k: np.asarray(v)[np.isfinite(v)] for k, v in series.items()}
  edges = np.histogram_bin_edges(np.concatenate(list(finite.values())), bins=40)
  for color, (name, values) in zip(colors(len(series)), finite.items(), strict=True):
    share = np.histogram(values, edges)[0] / max(1, len(values))
    if len(series) <= FILLED:
      ax.stairs(share, edges, color=color, fill=True, alpha=0.16, linewidth=0)
    ax.stairs(share, edges, color=color, linewidth=1.6, label=name)
  _marked(ax, marks or {})
  for i, (word, at) in enumerate(sorted((words or {}).items(), key=lambda item: item[1])):
    place = (at, 0.86 - 0.09 * (i % ROWS))
    centred = {"ha": "center", "va": "center", "fontsize": 7}
    ax.annotate(word, place, xycoords=ax.get_xaxis_transform(), **centred)
  return finish(fig, ax, x_label, y_label, legend=len(series) > 1)


def scatter(
  points: np.ndarray,
  labels: np.ndarray | None,
  names: Sequence[str],
  x_label: str,
  y_label: str,
  title: str = "",
) -> Canvas:
  """Points [N, 2] in the colour of their label [N] (an index into names)."""
  fig, ax = axes(5.2, 4.6, title)
  if labels is None:
    labels, names = np.zeros(len(points), int), ("",)
  chosen = colors(len(names))
  ax.scatter(*points.T, s=5, c=[chosen[i] for i in labels], alpha=0.75, linewidths=0)
  for name, color in zip(names, chosen, strict=True):
    ax.scatter([], [], s=26, color=color, label=name, linewidths=0)
  ax.set_aspect("equal", adjustable="datalim")
  ax.set(xlabel=x_label, ylabel=y_label)
  if len(names) > 1:
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.1)
  return fig
