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
  if not _is_image(images.shape[2:]):
    return _panels(images, rows, columns, title, limits)
  scale = max(1, round(TILE / images.shape[3]))
  canvas, centres = _tiles(images, scale, palette, limits, wide_after)
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
  if _is_image(images.shape[2:]) or _is_map(images.shape[2:]):
    return image_grid(images, rows, columns, **options)
  return _overlaid(images, rows, columns, options.get("title", ""), options.get("limits"))


def strips(images: np.ndarray, **options: Any) -> Canvas:
  """A path through the latent space in each row, [R, C, *shape]."""
  return image_grid(images, **options)


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
  """What the decoder says over a plane: images [len(y), len(x), *shape], first row on top."""
  images = np.asarray(images, np.float32)
  if not _is_image(images.shape[2:]):
    rows, columns = [f"{v:.1f}" for v in y], [f"{v:.1f}" for v in x]
    return _panels(images, rows, columns, title or f"{x_label} × {y_label}", limits)
  scale = max(1, round(TILE * 0.7 / images.shape[3]))
  canvas, (across, along) = _tiles(images, scale, palette, limits, (), gap=0)
  fig, ax = _exact(canvas, 0.75, top=0.1 + 0.24 * bool(title), bottom=0.55)
  every = max(1, len(x) // 6)
  for value, centre in list(zip(x, along, strict=True))[::every]:
    ax.text(centre, canvas.shape[0] + 12, f"{value:.2g}", ha="center", va="top")
  for value, centre in list(zip(y, across, strict=True))[::every]:
    ax.text(-12, centre, f"{value:.2g}", ha="right", va="center")
  middle = canvas.shape[1] / 2, canvas.shape[0] / 2
  ax.text(middle[0], canvas.shape[0] + 48, x_label, ha="center", va="top")
  ax.text(-76, middle[1], y_label, ha="center", va="center", rotation=90)
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


def _is_image(shape: tuple[int, ...]) -> bool:
  return len(shape) == 3


def _is_map(shape: tuple[int, ...]) -> bool:
  return len(shape) == 2 and shape[1] > 6


def _colors(count: int) -> list[str]:
  return [PALETTE[i % len(PALETTE)] for i in range(count)]


def _range(values: np.ndarray, limits: tuple[float, float] | None) -> tuple[float, float]:
  if limits is not None:
    return limits
  finite = values[np.isfinite(values)]
  low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
  return low, high if high > low else low + 1.0


def _rgba(
  images: np.ndarray, palette: str, limits: tuple[float, float] | None
) -> np.ndarray:
  low, high = _range(images, limits if limits is not None else (0.0, 1.0))
  unit = np.clip((images - low) / (high - low), 0, 1)
  if images.shape[-1] == 3:
    return np.concatenate([unit, np.ones_like(unit[..., :1])], -1)
  return matplotlib.colormaps[palette](unit[..., 0])  # NaN is transparent: it is seen


def _tiles(
  images: np.ndarray,
  scale: int,
  palette: str,
  limits: tuple[float, float] | None,
  wide_after: Sequence[int],
  gap: int = 6,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
  """One RGBA picture of all tiles, and the centres of its rows and columns in pixels."""
  count_y, count_x, height, width = images.shape[:4]
  height, width = height * scale, width * scale
  extra = np.cumsum([0] + [3 * gap * (i in wide_after) for i in range(count_x - 1)])
  tops = np.arange(count_y) * (height + gap)
  lefts = np.arange(count_x) * (width + gap) + extra
  canvas = np.zeros((tops[-1] + height, lefts[-1] + width, 4))
  tiles = _rgba(images, palette, limits).repeat(scale, 2).repeat(scale, 3)
  for i, top in enumerate(tops):
    for j, left in enumerate(lefts):
      canvas[top : top + height, left : left + width] = tiles[i, j]
  return canvas, (tops + height / 2, lefts + width / 2)


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


def _line(ax: Axes, x: np.ndarray, color: str, **options: Any) -> None:
  """One example that is no image: [D] or [T, F] as lines, or a heat map of many features."""
  for column in x.reshape(len(x), -1).T:
    ax.plot(column, color=color, linewidth=1.3, **options)
    options.pop("label", None)  # one entry in the legend for all features


def _bare(ax: Axes, limits: tuple[float, float]) -> None:
  margin = 0.06 * (limits[1] - limits[0])
  ax.set(xticks=[], yticks=[], ylim=(limits[0] - margin, limits[1] + margin))
  for side in ("left", "bottom"):
    ax.spines[side].set_alpha(0.35)


def _panels(
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  title: str,
  limits: tuple[float, float] | None,
) -> Canvas:
  """Small multiples of examples [R, C, D] or [R, C, T, F]."""
  count_y, count_x = values.shape[:2]
  fig = Canvas(figsize=(0.9 + 0.95 * count_x, 0.3 + 0.72 * count_y))
  low, high = _range(values, limits)
  for i, ax in enumerate(fig.subplots(count_y, count_x, squeeze=False).ravel()):
    row, column = divmod(i, count_x)
    if _is_map(values.shape[2:]):
      ax.imshow(values[row, column].T, aspect="auto", cmap="magma", vmin=low, vmax=high)
      ax.axis("off")
    else:
      _line(ax, values[row, column], PALETTE[0])
    _bare(ax, (low, high)) if not _is_map(values.shape[2:]) else None
    if column == 0 and rows:
      ax.text(-0.1, 0.5, rows[row], transform=ax.transAxes, ha="right", va="center")
    if row == 0 and columns:
      ax.set_title(columns[column], fontsize=7.5, pad=3)
  fig.suptitle(title, fontsize=9, x=0.02, ha="left") if title else None
  return fig


def _overlaid(
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  title: str,
  limits: tuple[float, float] | None,
) -> Canvas:
  """Each example's original and reconstructions in one panel, [R, N, D] or [R, N, T, F]."""
  across = min(5, values.shape[1])
  down = -(-values.shape[1] // across)
  fig = Canvas(figsize=(1.55 * across, 0.4 + 1.15 * down))
  axes = fig.subplots(down, across, squeeze=False).ravel()
  for i, ax in enumerate(axes):
    if i >= values.shape[1]:
      ax.axis("off")
      continue
    for name, example, color in zip(rows, values[:, i], (INK, *PALETTE), strict=False):
      _line(ax, example, color, label=name, alpha=0.55 if color == INK else 1.0)
    _bare(ax, _range(values, limits))
    ax.set_title(columns[i] if len(columns) else "", fontsize=7.5, pad=3)
  fig.legend(
    *axes[0].get_legend_handles_labels(),
    loc="lower center",
    ncols=len(rows),
    bbox_to_anchor=(0.5, -0.06),
  )
  fig.suptitle(title, fontsize=9, x=0.02, ha="left") if title else None
  return fig
