"""A figure of every kind, and the contrast of colours, for the tests of pictures and pages."""

import numpy as np

from vae_jax.types import Figure

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 4, 8, 8, 1))


def grid(images=IMAGES, kind="image_grid", **options) -> Figure:
  data = {"images": images, "rows": ["a", "b\nb", "c"], **options}
  return Figure("grid", kind, data, "Pictures & <captions>.")


FIGURES = {
  "image_grid": grid(columns=list("wxyz"), title="β 4 · seed 1"),
  "rgb": grid(RNG.random((3, 4, 8, 8, 3))),
  "nan": grid(np.full((3, 4, 8, 8, 1), np.nan)),
  "sequences": grid(RNG.random((3, 4, 20, 2))),
  "maps": grid(RNG.random((3, 4, 20, 9)), "pairs"),
  "tables": grid(RNG.random((3, 7, 5)), "pairs", columns=list("abcdefg"), title="t"),
  "strips": grid(kind="strips", wide_after=(0, 2)),
  "latent_grid": Figure(
    "plane",
    "latent_grid",
    {
      "images": RNG.random((5, 5, 28, 28, 1)),
      "x": np.linspace(-3, 3, 5),
      "y": np.linspace(3, -3, 5),
      "x_label": "latent 1",
      "y_label": "latent 2",
    },
    "",
  ),
  "lines": Figure(
    "lines",
    "lines",
    {
      "x": np.arange(5),
      "series": {"a": np.arange(5), "b": -np.arange(5)},
      "bands": {"a": (np.arange(5) - 1, np.arange(5) + 1)},
      "x_label": "x",
      "y_label": "y",
    },
    "",
  ),
  "baselines": Figure(
    "baselines",
    "lines",
    {
      "series": {
        **{f"ours {i}": {"x": [0, 1], "y": [i, i + 1]} for i in range(3)},
        **{
          f"baseline {i}": {"x": [0, 1], "y": [i, i], "style": "dashed"} for i in range(5)
        },
        "dots": {"x": [0, 1], "y": [2, 3], "style": "dots", "labels": ["at 0", "at 1"]},
      },
      "x_label": "x",
      "y_label": "y",
      "marks": {"here": 0.5},
    },
    "",
  ),
  "heatmap": Figure(
    "heatmap",
    "heatmap",
    {
      "values": np.append(np.linspace(0, 1, 19), np.nan).reshape(4, 5),
      "rows": list("abcd"),
      "columns": list("vwxyz"),
    },
    "",
  ),
  "bars": Figure(
    "bars",
    "bars",
    {
      "series": {"a": np.arange(3), "b": np.arange(3)},
      "labels": ["1", "2", "3"],
      "x_label": "x",
      "y_label": "y",
      "line": 1.0,
    },
    "",
  ),
  "histogram": Figure(
    "histogram",
    "histogram",
    {
      "series": {"a": RNG.random(50), "b": np.append(RNG.random(9), np.nan)},
      "x_label": "x",
      "marks": {"here": 0.5},
      "words": {"A": 0.2, "B": 0.21},
    },
    "",
  ),
  "scatter": Figure(
    "scatter",
    "scatter",
    {
      "points": RNG.random((9, 2)),
      "labels": np.arange(9) % 2,
      "names": ("a", "b"),
      "x_label": "x",
      "y_label": "y",
    },
    "",
  ),
}


def contrast(a, b) -> float:
  """The contrast of two sRGB colours in [0, 1], 1 to 21: WCAG 2.2, written out."""

  def luminance(color):
    parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in color]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

  low, high = sorted([luminance(a[:3]), luminance(b[:3])])
  return (high + 0.05) / (low + 0.05)
