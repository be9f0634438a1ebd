"""The one place that knows matplotlib: its Figure objects, the style, the file that is written.

There is no global state and no window. A picture is a white card with dark ink, as no ink is
legible both on a white page and on a dark one. A card looks the same on both, in a paper and in
an image viewer. All text has a contrast of 4.5 to 1 or more against the card, and all lines
have 3 to 1.
"""

import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

DPI = 160
CARD = "#ffffff"
INK = "#3a3942"
# At least 4.5 to 1 against the card, because labels beside points have the colour of a curve.
PALETTE = ("#2f6fbd", "#c0540d", "#157f72", "#7d50c2", "#bd3350", "#876a0c", "#40801f")
PALETTE += ("#8a5537", "#5b6b7d", "#0f7ba6")
MISSING = "#b7c4d6"  # a value that is not there: no palette of the reports has this colour
STYLE = {
  "font.size": 8.5,
  "font.family": "sans-serif",
  "figure.facecolor": CARD,
  "axes.facecolor": CARD,
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
  "legend.labelcolor": INK,
  "lines.linewidth": 1.8,
  "lines.solid_capstyle": "round",
}


def write(
  kind: Callable[..., Canvas], data: dict[str, Any], path: str | pathlib.Path
) -> None:
  """Writes `kind(**data)` as a PNG."""
  with matplotlib.rc_context(STYLE):
    canvas = kind(**data)
    FigureCanvasAgg(canvas)
    canvas.savefig(path, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.1)


def write_animation(
  canvases: Callable[[], Iterable[Canvas]], path: str | pathlib.Path, milliseconds: int
) -> None:
  """Writes pictures of one size, one after the other, as an animated PNG that starts again."""
  from PIL import Image

  pictures = []
  with matplotlib.rc_context(STYLE):
    for canvas in canvases():
      found = FigureCanvasAgg(canvas)
      canvas.set_dpi(DPI)
      found.draw()
      pictures.append(Image.fromarray(np.asarray(found.buffer_rgba())).convert("RGB"))
  first, *others = pictures
  options = {"save_all": True, "append_images": others, "duration": milliseconds, "loop": 0}
  first.save(path, format="PNG", **options)


def colored(unit: np.ndarray, palette: str) -> np.ndarray:
  """Numbers in [0, 1] as colours [..., 4]; NaN has a colour of its own, so that it is seen."""
  return matplotlib.colormaps[palette].with_extremes(bad=MISSING)(unit)


def luminance(rgb: Any) -> Any:
  """The relative luminance of sRGB colours [..., 3] in [0, 1], in [0, 1]; WCAG 2.2."""
  rgb = np.asarray(rgb, float)
  linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
  return linear @ np.asarray([0.2126, 0.7152, 0.0722])


def ink_on(rgb: Any) -> str:
  """Black or white, whichever has the higher contrast on a colour [3]: 4.58 to 1 at least."""
  # 1.05 / (v + 0.05) and (v + 0.05) / 0.05 are equal at v = 0.179.
  return "black" if luminance(rgb) > 0.179 else "white"


def axes(width: float, height: float, title: str) -> tuple[Canvas, Axes]:
  fig = Canvas(figsize=(width, height))
  ax = fig.add_subplot()
  ax.set_title(title, loc="left", pad=8)
  return fig, ax


def finish(fig: Canvas, ax: Axes, x_label: str, y_label: str, legend: bool) -> Canvas:
  ax.set(xlabel=x_label, ylabel=y_label)
  ax.grid(axis="y", color=INK, alpha=0.18, linewidth=0.6)
  ax.set_axisbelow(True)
  if legend:
    # Long enough to show the pattern of a dashed line.
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.4)
  return fig


def colors(count: int) -> list[str]:
  return [PALETTE[i % len(PALETTE)] for i in range(count)]
