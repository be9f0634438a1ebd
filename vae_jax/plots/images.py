"""Figures of examples: [H, W, 1 or 3] as an image, [D] or [T, F] as lines or a map."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from vae_jax.plots import _panels as panels
from vae_jax.plots._canvas import DPI, INK, PALETTE, STYLE, Axes, Canvas, colored

TILE = 84  # pixels of an image in a grid, about
LINE = 19  # pixels of a line of small words under one


def image_grid(
  images: np.ndarray,
  rows: Sequence[str] = (),
  columns: Sequence[str] = (),
  title: str = "",
  palette: str = "magma",
  limits: tuple[float, float] | None = None,
  wide_after: Sequence[int] = (),
  under: Sequence[Sequence[str]] = (),
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
    under: words under each image [R][C], in lines of about ten letters; or none.
  """
  images = np.asarray(images, np.float32)
  if not panels.is_image(images.shape[2:]):
    return _small_multiples(images, rows, columns, title, limits)
  scale = max(1, round(TILE / images.shape[3]))
  lines = max((word.count("\n") + 1 for row in under for word in row), default=0)
  below = LINE * lines + 6 * bool(lines)
  rgba = _rgba(images, palette, limits)
  canvas, centres = panels.tiles(rgba, scale, 6, wide_after, below)
  left = 0.12 + 0.068 * max([len(label) for label in rows], default=0)
  fig, ax = _exact(canvas, left, top=0.1 + 0.2 * bool(columns) + 0.24 * bool(title))
  size = _label_size(rows, scale * images.shape[2])
  for label, y in zip(rows, centres[0], strict=False):
    ax.text(-14, y, label, ha="right", va="center", linespacing=1.25, fontsize=size)
  for label, x in zip(columns, centres[1], strict=False):
    ax.text(x, -12, label, ha="center", va="bottom", fontsize=7.5)
  bottom = scale * images.shape[2] / 2 + 4
  for y, row in zip(centres[0], under, strict=False):
    for x, word in zip(centres[1], row, strict=False):
      ax.text(x, y + bottom, word, ha="center", va="top", fontsize=6, linespacing=1.1)
  _title(ax, title, lift=0.24 if columns else 0.08)
  return fig


def _label_size(labels: Sequence[str], pixels: int) -> float:
  """Points of the letters of labels, such that one of several lines is no taller than its row."""
  lines = max((label.count("\n") + 1 for label in labels), default=1)
  usual = STYLE["font.size"]
  return usual if lines == 1 else min(usual, 72 * pixels / DPI / (1.25 * lines))


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
  handles, labels = axes[0].get_legend_handles_labels()
  labels = [label.replace("\n", " ") for label in labels]
  place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.09), "ncols": len(rows)}
  fig.legend(
    handles, labels, **place
  )  # below the axes, however many rows of them there are
  _above(fig, options.get("title", ""))
  return fig


def animation(
  frames: np.ndarray, rows: Sequence[str], given: int = 0, **options: Any
) -> Iterator[Canvas]:
  """Grids of examples [T, R, C, *shape], one for each moment; its number stands above.

  Args:
    frames: [T, R, C, *shape].
    rows: a label for each row.
    given: how many of the first moments every row was given.
    options: of `image_grid`.
  """
  for t, images in enumerate(frames):
    word = "given" if t < given else "goes on"
    title = f"{t + 1} of {len(frames)}" + (f", {word}" if given else "")
    yield image_grid(images, rows, title=title, **options)


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


def _rgba(
  images: np.ndarray, palette: str, limits: tuple[float, float] | None
) -> np.ndarray:
  low, high = panels.value_range(images, limits if limits is not None else (0.0, 1.0))
  unit = np.clip((images - low) / (high - low), 0, 1)
  if images.shape[-1] == 3:
    missing = np.isnan(images).any(-1, keepdims=True)
    unit = np.where(missing, colored(np.asarray(np.nan), palette)[:3], unit)
    return np.concatenate([unit, np.ones_like(unit[..., :1])], -1)
  return colored(unit[..., 0], palette)


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


def _small_multiples(
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  title: str,
  limits: tuple[float, float] | None,
) -> Canvas:
  count_y, count_x = values.shape[:2]
  height = 0.3 + 0.72 * count_y
  fig = Canvas(figsize=(0.9 + 0.95 * count_x, height))
  axes = fig.subplots(count_y, count_x, squeeze=False)
  # Margins in inches: those of matplotlib are shares, and wide ones of a high figure.
  fig.subplots_adjust(0.02, 0.1 / height, 0.99, 1 - 0.35 / height)
  panels.small_multiples(axes, values, rows, columns, limits, PALETTE[0])
  _above(fig, title)
  return fig


def _above(fig: Canvas, title: str) -> None:
  if title:
    fig.suptitle(title, fontsize=9, x=0.02, ha="left")
