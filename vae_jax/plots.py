"""Pictures from arrays: one function per `Figure.kind`, and `draw`, which writes the PNG.

The only file that imports matplotlib, through Figure objects: there is no global state and
no window. Backgrounds are transparent and the ink is a middle grey, so that one picture is
legible on a white page and on a dark one.

Examples are drawn as what they are: [H, W, 1 or 3] as an image, [D] or [T, F] as lines, or
as a heat map where F is large.
"""

import pathlib
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from vae_jax import types
from vae_jax.report import _panels as panels

DPI = 160
INK = "#7b7b85"  # between 4.0 and 4.6 to 1 against both white and the report's dark page
PALETTE = ("#3d7fc9", "#e2793a", "#2a9d8f", "#9a6bd0", "#cf4b64", "#b8922b", "#5fa844")
PALETTE += ("#a06a4c", "#6f7f92", "#3aaed8")
TILE = 84  # pixels of an image in a grid, about
STYLE = {
  "font.size": 8.5,
  "font.family": "sans-serif",
  "text.color": INK,
  "axes.edgecolor": INK,
  "axes.labelcolor": INK,
  "axes.linewidth": 0.7,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "axes.titlesize": 9,
  "axes.titlecolor": INK,
  "xtick.color": INK,
  "ytick.color": INK,
  "xtick.major.width": 0.7,
  "ytick.major.width": 0.7,
  "legend.frameon": False,
  "lines.linewidth": 1.8,
  "lines.solid_capstyle": "round",
}


def draw(figure: types.Figure, path: str | pathlib.Path) -> None:
  """Writes a figure of a report as a PNG with a transparent background."""
  with matplotlib.rc_context(STYLE):
    canvas = globals()[figure.kind](**figure.data)
    FigureCanvasAgg(canvas)
    canvas.savefig(
      path, format="png", dpi=DPI, transparent=True, bbox_inches="tight", pad_inches=0.04
    )


def image_grid(
  images: np.ndarray,
  rows: Sequence[str] = (),
  columns: Sequence[str] = (),
  title: str = "",
  palette: str = "magma",
  limits: tuple[float, float] | None = None,
  wide_after: Sequence[int] = (),
) -> Canvas:
  """Examples [R, C, *shape] in rows and columns, with labels beside and above.

  Args:
    images: [R, C, *shape].
    rows: a label for each row, or none.
    columns: a label for each column, or none.
    title: above everything.
    palette: a colormap for grey images; RGB stays as it is.
    limits: the values of the darkest and the lightest colour; (0, 1) for images in [0, 1].
    wide_after: columns after which the gap is wide.
  """
  images = np.asarray(images, np.float32)
  if not panels.is_image(images.shape[2:]):
    return _small_multiples(images, rows, columns, title, limits)
  scale = max(1, round(TILE / images.shape[3]))
  canvas, centres = panels.tiles(_rgba(images, palette, limits), scale, 6, wide_after)
  left = 0.12 + 0.068 * max([len(label) for label in rows], default=0)
  fig, ax = _exact(canvas, left, top=0.1 + 0.2 * bool(columns) + 0.24 * bool(title))
  for label, y in zip(rows, centres[0], strict=False):
    ax.text(-14, y, label, ha="right", va="center", linespacing=1.25)
  for label, x in zip(columns, centres[1], strict=False):
    ax.text(x, -12, label, ha="center", va="bottom", fontsize=7.5)
  _title(ax, title, lift=0.24 if columns else 0.08)
  return fig


def pairs(
  images: np.ndarray, rows: Sequence[str], columns: Sequence[str] = (), **options: Any
) -> Canvas:
  """Originals in the first row above their reconstructions [R, N, *shape]; lines overlaid."""
  images = np.asarray(images, np.float32)
  if panels.is_image(images.shape[2:]) or panels.is_map(images.shape[2:]):
    return image_grid(images, rows, columns, **options)
  across = min(5, images.shape[1])
  down = -(-images.shape[1] // across)
  fig = Canvas(figsize=(1.55 * across, 0.4 + 1.15 * down))
  axes = fig.subplots(down, across, squeeze=False).ravel()
  panels.overlaid(axes, images, rows, columns, options.get("limits"), (INK, *PALETTE))
  handles = axes[0].get_legend_handles_labels()
  fig.legend(*handles, loc="lower center", ncols=len(rows), bbox_to_anchor=(0.5, -0.06))
  _above(fig, options.get("title", ""))
  return fig


strips = image_grid  # a path through the latent space in each row


def latent_grid(
  images: np.ndarray,
  x: np.ndarray,
  y: np.ndarray,
  x_label: str,
  y_label: str,
  title: str = "",
  palette: str = "magma",
  limits: tuple[float, float] | None = None,
) -> Canvas:
  """What the decoder says over a plane: images [len(y), len(x), *shape].

  x grows to the right and y falls from the first row, which is on top, to the last.
  """
  images = np.asarray(images, np.float32)
  if not panels.is_image(images.shape[2:]):
    rows, columns = [f"{v:.1f}" for v in y], [f"{v:.1f}" for v in x]
    return _small_multiples(
      images, rows, columns, title or f"{x_label} × {y_label}", limits
    )
  scale = max(1, round(TILE * 0.7 / images.shape[3]))
  gap = 0 if images.shape[3] > 16 else 3  # small images have no dark border of their own
  canvas, (across, along) = panels.tiles(_rgba(images, palette, limits), scale, gap)
  fig, ax = _exact(canvas, 0.75, top=0.1 + 0.24 * bool(title), bottom=0.55)
  for value in np.arange(np.ceil(x.min()), np.floor(x.max()) + 1):
    at = np.interp(value, x, along), np.interp(-value, -y, across)
    label = f"{value:.0f}".replace("-", "−")
    ax.text(at[0], canvas.shape[0] + 12, label, ha="center", va="top")
    ax.text(-14, at[1], label, ha="right", va="center")
  middle = canvas.shape[1] / 2, canvas.shape[0] / 2
  ax.text(middle[0], canvas.shape[0] + 48, x_label, ha="center", va="top")
  ax.text(-64, middle[1], y_label, ha="center", va="center", rotation=90)
  _title(ax, title)
  return fig


def lines(
  x: np.ndarray,
  series: dict[str, np.ndarray],
  x_label: str,
  y_label: str,
  bands: dict[str, tuple[np.ndarray, np.ndarray]] | None = None,
  title: str = "",
) -> Canvas:
  """Curves [N] over x [N] by name, with a band (low, high) where one is given."""
  fig, ax = _axes(6.0, 2.9, title)
  for color, (name, values) in zip(_colors(len(series)), series.items(), strict=True):
    ax.plot(x, values, color=color, label=name)
    if name in (bands or {}):
      ax.fill_between(x, *bands[name], color=color, alpha=0.18, linewidth=0)
  return _finish(fig, ax, x_label, y_label, legend=len(series) > 1)


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
  fig, ax = _axes(min(7.5, max(3.6, 1.0 + 0.34 * count)), 2.5, title)
  width = 0.82 / len(series)
  for i, (name, values) in enumerate(series.items()):
    at = np.arange(count) + (i - (len(series) - 1) / 2) * width
    ax.bar(at, values, width * 0.94, color=_colors(len(series))[i], label=name, linewidth=0)
  if line is not None:
    ax.axhline(line, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
  every = max(1, count // 24)
  ax.set_xticks(np.arange(count)[::every], list(labels)[::every])
  ax.tick_params(axis="x", length=0)
  return _finish(fig, ax, x_label, y_label, legend=len(series) > 1)


def histogram(
  series: dict[str, np.ndarray], x_label: str, y_label: str = "share", title: str = ""
) -> Canvas:
  """The distribution of each [N] as a share of its own number, on common bins."""
  fig, ax = _axes(6.0, 2.7, title)
  finite = {k: np.asarray(v)[np.isfinite(v)] for k, v in series.items()}
  edges = np.histogram_bin_edges(np.concatenate(list(finite.values())), bins=40)
  for color, (name, values) in zip(_colors(len(series)), finite.items(), strict=True):
    share = np.histogram(values, edges)[0] / max(1, len(values))
    ax.stairs(share, edges, color=color, fill=True, alpha=0.16, linewidth=0)
    ax.stairs(share, edges, color=color, linewidth=1.6, label=name)
  return _finish(fig, ax, x_label, y_label, legend=len(series) > 1)


def scatter(
  points: np.ndarray,
  labels: np.ndarray | None,
  names: Sequence[str],
  x_label: str,
  y_label: str,
  title: str = "",
) -> Canvas:
  """Points [N, 2] in the colour of their label [N] (an index into names)."""
  fig, ax = _axes(5.2, 4.6, title)
  if labels is None:
    labels, names = np.zeros(len(points), int), ("",)
  colors = _colors(len(names))
  ax.scatter(*points.T, s=5, c=[colors[i] for i in labels], alpha=0.75, linewidths=0)
  for name, color in zip(names, colors, strict=True):
    ax.scatter([], [], s=26, color=color, label=name, linewidths=0)
  ax.set_aspect("equal", adjustable="datalim")
  ax.set(xlabel=x_label, ylabel=y_label)
  if len(names) > 1:
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.1)
  return fig


def _rgba(
  images: np.ndarray, palette: str, limits: tuple[float, float] | None
) -> np.ndarray:
  low, high = panels.value_range(images, limits if limits is not None else (0.0, 1.0))
  unit = np.clip((images - low) / (high - low), 0, 1)
  if images.shape[-1] == 3:
    return np.concatenate([unit, np.ones_like(unit[..., :1])], -1)
  return matplotlib.colormaps[palette](unit[..., 0])  # NaN is transparent: it is seen


def _exact(
  pixels: np.ndarray, left: float, top: float, bottom: float = 0.05
) -> tuple[Canvas, Axes]:
  """An axes in which a pixel of the picture is a pixel of the file; margins in inches."""
  height, width = pixels.shape[0] / DPI, pixels.shape[1] / DPI
  size = left + width + 0.05, top + height + bottom
  fig = Canvas(figsize=size)
  box = (left / size[0], bottom / size[1], width / size[0], height / size[1])
  ax = fig.add_axes(box)
  ax.imshow(pixels, interpolation="none", aspect="auto")
  ax.axis("off")
  return fig, ax


def _title(ax: Axes, title: str, lift: float = 0.08) -> None:
  if title:
    ax.annotate(
      title,
      (0, 1),
      (0, lift * 72),
      xycoords="axes fraction",
      textcoords="offset points",
      fontsize=9,
    )


def _axes(width: float, height: float, title: str) -> tuple[Canvas, Axes]:
  fig = Canvas(figsize=(width, height))
  ax = fig.add_subplot()
  ax.set_title(title, loc="left", pad=8)
  return fig, ax


def _finish(fig: Canvas, ax: Axes, x_label: str, y_label: str, legend: bool) -> Canvas:
  ax.set(xlabel=x_label, ylabel=y_label)
  ax.grid(axis="y", color=INK, alpha=0.18, linewidth=0.6)
  ax.set_axisbelow(True)
  if legend:
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.4)
  return fig


def _colors(count: int) -> list[str]:
  return [PALETTE[i % len(PALETTE)] for i in range(count)]


def _small_multiples(
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  title: str,
  limits: tuple[float, float] | None,
) -> Canvas:
  count_y, count_x = values.shape[:2]
  fig = Canvas(figsize=(0.9 + 0.95 * count_x, 0.3 + 0.72 * count_y))
  axes = fig.subplots(count_y, count_x, squeeze=False)
  panels.small_multiples(axes, values, rows, columns, limits, PALETTE[0])
  _above(fig, title)
  return fig


def _above(fig: Canvas, title: str) -> None:
  if title:
    fig.suptitle(title, fontsize=9, x=0.02, ha="left")
