"""The one place that knows matplotlib: its Figure objects, the style, the file that is written.

There is no global state and no window. Backgrounds are transparent and the ink is a middle
grey, so that one picture is legible on a white page and on a dark one.
"""

import pathlib
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

DPI = 160
INK = "#7b7b85"  # between 4.0 and 4.6 to 1 against both white and the report's dark page
PALETTE = ("#3d7fc9", "#e2793a", "#2a9d8f", "#9a6bd0", "#cf4b64", "#b8922b", "#5fa844")
PALETTE += ("#a06a4c", "#6f7f92", "#3aaed8")
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


def write(
  kind: Callable[..., Canvas], data: dict[str, Any], path: str | pathlib.Path
) -> None:
  """Writes `kind(**data)` as a PNG with a transparent background."""
  with matplotlib.rc_context(STYLE):
    canvas = kind(**data)
    FigureCanvasAgg(canvas)
    canvas.savefig(
      path, format="png", dpi=DPI, transparent=True, bbox_inches="tight", pad_inches=0.04
    )


def colored(unit: np.ndarray, palette: str) -> np.ndarray:
  """Numbers in [0, 1] as colours [..., 4]; NaN is transparent, so that it is seen."""
  return matplotlib.colormaps[palette](unit)


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
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.4)
  return fig


def colors(count: int) -> list[str]:
  return [PALETTE[i % len(PALETTE)] for i in range(count)]
