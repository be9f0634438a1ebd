"""How examples are laid out in a picture: image tiles, and line panels for what is no image.

Numbers and axes in, no import of matplotlib: `charts` and `images` own the figures and call these.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np


def is_image(shape: tuple[int, ...]) -> bool:
  """Whether an example is [H, W, C]."""
  return len(shape) == 3


def is_map(shape: tuple[int, ...]) -> bool:
  """Whether an example [T, F] has too many features for lines."""
  return len(shape) == 2 and shape[1] > 6


def value_range(
  values: np.ndarray, limits: tuple[float, float] | None = None
) -> tuple[float, float]:
  """The limits given, or the finite extremes of the values; never empty."""
  if limits is not None:
    return limits
  finite = values[np.isfinite(values)]
  low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
  return low, high if high > low else low + 1.0


def tiles(
  rgba: np.ndarray, scale: int, gap: int, wide_after: Sequence[int] = (), below: int = 0
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
  """Images [R, C, H, W, 4] as one picture with transparent gaps.

  Args:
    rgba: the images.
    scale: pixels of the picture per pixel of an image, along each side.
    gap: pixels between images.
    wide_after: columns after which the gap is four times as wide.
    below: further pixels under each row.

  Returns:
    The picture [., ., 4], and the centres of its rows and of its columns in pixels.
  """
  count_y, count_x, height, width = rgba.shape[:4]
  height, width = height * scale, width * scale
  extra = np.cumsum([0] + [3 * gap * (i in wide_after) for i in range(count_x - 1)])
  tops = np.arange(count_y) * (height + gap + below)
  lefts = np.arange(count_x) * (width + gap) + extra
  picture = np.zeros((tops[-1] + height + below, lefts[-1] + width, 4))
  large = rgba.repeat(scale, 2).repeat(scale, 3)
  for i, top in enumerate(tops):
    for j, left in enumerate(lefts):
      picture[top : top + height, left : left + width] = large[i, j]
  return picture, (tops + height / 2, lefts + width / 2)


def small_multiples(
  axes: np.ndarray,
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  limits: tuple[float, float] | None,
  color: str,
) -> None:
  """Examples [R, C, D] or [R, C, T, F], each in its own axes of [R, C], on one scale."""
  low, high = value_range(values, limits)
  for (i, j), ax in np.ndenumerate(axes):
    if is_map(values.shape[2:]):
      ax.imshow(values[i, j].T, aspect="auto", cmap="magma", vmin=low, vmax=high)
      ax.axis("off")
    else:
      _lines(ax, values[i, j], color)
      _bare(ax, (low, high))
    if j == 0 and rows:
      place = {"transform": ax.transAxes, "ha": "right", "va": "center"}
      ax.text(-0.12, 0.5, rows[i], **place)
    if i == 0 and len(columns):
      ax.set_title(columns[j], fontsize=7.5, pad=3)


def overlaid(
  axes: np.ndarray,
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  limits: tuple[float, float] | None,
  colors: Sequence[str],
) -> None:
  """Each example and its reconstructions in one axes: values [R, N, D] or [R, N, T, F]."""
  bounds = value_range(values, limits)
  for i, ax in enumerate(axes):
    if i >= values.shape[1]:
      ax.axis("off")
      continue
    for row, (name, color) in enumerate(zip(rows, colors, strict=False)):
      _lines(ax, values[row, i], color, label=name, alpha=1.0 if row else 0.55)
    _bare(ax, bounds)
    ax.set_title(columns[i] if len(columns) else "", fontsize=7.5, pad=3)


def _lines(
  ax: Any, x: np.ndarray, color: str, label: str | None = None, **style: Any
) -> None:
  for i, feature in enumerate(x.reshape(len(x), -1).T):
    # One entry in the legend for all features of an example.
    ax.plot(feature, color=color, linewidth=1.3, label=None if i else label, **style)


def _bare(ax: Any, limits: tuple[float, float]) -> None:
  margin = 0.06 * (limits[1] - limits[0])
  ax.set(xticks=[], yticks=[], ylim=(limits[0] - margin, limits[1] + margin))
  for side in ("left", "bottom"):
    ax.spines[side].set_alpha(0.35)
