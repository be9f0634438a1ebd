"""Pictures from arrays: one function per `Figure.kind`, and `draw`, which writes the PNG."""

import pathlib

import numpy as np

from vae_jax import types
from vae_jax.plots import _canvas
from vae_jax.plots.charts import bars, heatmap, histogram, lines, scatter
from vae_jax.plots.images import (
  TILE,
  animation,
  image_grid,
  latent_grid,
  pairs,
  strips,
)

KINDS = {
  kind.__name__: kind
  for kind in (bars, heatmap, histogram, image_grid, latent_grid, lines, pairs, scatter)
} | {"strips": strips}

MILLISECONDS = 160  # of a moment of an animation

__all__ = [
  "KINDS",
  "TILE",
  "animation",
  "bars",
  "colormap",
  "draw",
  "heatmap",
  "histogram",
  "image_grid",
  "latent_grid",
  "lines",
  "pairs",
  "scatter",
  "strips",
]


def draw(figure: types.Figure, path: str | pathlib.Path) -> None:
  """Writes a figure of a report as a PNG: dark ink on a white card.

  The kind "animation" becomes an animated PNG, which every browser plays.
  """
  if figure.kind == "animation":
    _canvas.write_animation(lambda: animation(**figure.data), path, MILLISECONDS)
    return
  _canvas.write(KINDS[figure.kind], figure.data, path)


def colormap(palette: str) -> np.ndarray:
  """The 256 colours of a palette, uint8 [256, 3]."""
  return np.round(255 * _canvas.colored(np.arange(256) / 255, palette)[:, :3]).astype(
    np.uint8
  )
