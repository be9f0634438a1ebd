"""Pictures: what is drawn, and that all of it can be read."""

import itertools

import matplotlib.colors
import matplotlib.image
import matplotlib.text
import numpy as np
import pytest
from drawings import FIGURES, contrast

from vae_jax import plots
from vae_jax.plots import _canvas
from vae_jax.types import Figure

WHITE = (1.0, 1.0, 1.0)


def over(color, alpha, card=WHITE):
  """A colour of some opacity on the card."""
  rgba = matplotlib.colors.to_rgba(color)
  alpha = rgba[3] * (1.0 if alpha is None else alpha)
  return [alpha * c + (1 - alpha) * w for c, w in zip(rgba[:3], card, strict=True)]


def drawn(name):
  figure = FIGURES[name]
  with matplotlib.rc_context(_canvas.STYLE):
    return plots.KINDS[figure.kind](**figure.data)


def test_the_measure_itself():
  assert contrast((0, 0, 0), WHITE) == pytest.approx(21)
  grey = (0x77 / 255,) * 3  # the known grey that just fails on white
  assert contrast(grey, WHITE) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("name", FIGURES)
def test_every_kind_is_an_opaque_white_card(name, tmp_path):
  plots.draw(FIGURES[name], tmp_path / "x.png")
  pixels = matplotlib.image.imread(tmp_path / "x.png")
  assert pixels.shape[0] > 100
  assert pixels.shape[1] > 100
  if pixels.shape[2] == 4:
    assert pixels[..., 3].min() == 1
  border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
  assert (border[:, :3] == 1).all()


@pytest.mark.parametrize("name", FIGURES)
def test_text_has_the_contrast_that_aa_asks_for(name):
  """4.5 to 1 against the card, which is the same on a light page and on a dark one."""
  fig = drawn(name)
  words = [t for t in fig.findobj(matplotlib.text.Text) if t.get_text().strip()]
  cells = [t for ax in fig.axes for t in ax.texts] if name == "heatmap" else []
  assert words
  assert fig.get_facecolor() == (1, 1, 1, 1)
  for text in set(words) - set(cells):
    color = over(text.get_color(), text.get_alpha())
    assert contrast(color, WHITE) >= 4.5, text.get_text()


def test_numbers_on_colours_have_it_too():
  fig = drawn("heatmap")
  (ax,) = fig.axes
  shades = np.asarray(ax.images[0].get_array())
  assert len(ax.texts) == 19
  for text in ax.texts:
    x, y = map(int, text.get_position())
    assert contrast(matplotlib.colors.to_rgb(text.get_color()), shades[y, x]) >= 4.5


@pytest.mark.parametrize("name", ["lines", "baselines", "bars", "scatter"])
def test_what_is_drawn_has_three_to_one(name):
  fig = drawn(name)
  (ax,) = fig.axes
  colors = [over(line.get_color(), line.get_alpha()) for line in ax.lines]
  colors += [over(patch.get_facecolor(), 1) for patch in ax.patches if name == "bars"]
  points = ax.collections if name == "scatter" else []  # elsewhere they are bands
  colors += [over(color, 1) for one in points for color in one.get_facecolor()]
  assert colors
  for color in [*colors, *map(matplotlib.colors.to_rgb, _canvas.PALETTE)]:
    assert contrast(color, WHITE) >= 3


def test_baselines_are_told_apart_by_grey_and_by_pattern():
  (ax,) = drawn("baselines").axes
  own = [line for line in ax.lines if str(line.get_label()).startswith("baseline")]
  looks = [(line.get_color(), str(line._unscaled_dash_pattern)) for line in own]
  assert len(set(looks)) == 5
  for (grey, pattern), (other, another) in itertools.pairwise(looks):
    assert grey != other
    assert pattern != another
  legend = ax.get_legend()
  assert [t.get_text() for t in legend.get_texts()] == [
    *(f"ours {i}" for i in range(3)), *(f"baseline {i}" for i in range(5)), "dots",
  ]  # fmt: skip
  shown = [
    (h.get_color(), str(h._unscaled_dash_pattern)) for h in legend.legend_handles[3:8]
  ]
  assert shown == looks


def test_one_wide_band_does_not_press_the_lines_together():
  """The frame is that of the lines and of the usual band, and holds every line."""
  x, y = np.arange(3), {"a": np.asarray([1.0, 2.0, 3.0]), "b": np.asarray([2.0, 2.5, 2.0])}
  bands = {"a": (y["a"] - 0.5, y["a"] + 0.5), "b": (y["b"] - 90, y["b"] + 90)}
  shown = lambda bands: plots.KINDS["lines"](y, "β", "nats", x=x, bands=bands).axes[0]
  low, high = shown(bands).get_ylim()
  assert -5 < low <= 1 < 3 <= high < 9
  usual = {name: (values - 0.5, values + 0.5) for name, values in y.items()}
  low, high = shown(usual).get_ylim()
  assert low <= 0.5
  assert high >= 3.5


@pytest.mark.parametrize("channels", [1, 3])
def test_a_missing_pixel_has_a_colour_of_its_own(channels, tmp_path):
  images = np.ones((1, 1, 2, 2, channels))
  images[0, 0, 0, 0] = np.nan
  data = {"images": images, "palette": "gray"}
  plots.draw(Figure("one", "image_grid", data, ""), tmp_path / "x.png")
  pixels = matplotlib.image.imread(tmp_path / "x.png")[..., :3]
  missing = np.abs(pixels - matplotlib.colors.to_rgb(_canvas.MISSING)).max(-1) < 0.01
  place = np.argwhere(missing)
  assert (np.ptp(place, axis=0) + 1).tolist() == [plots.TILE // 2] * 2


def test_a_pixel_of_an_image_is_a_square_of_the_file(tmp_path):
  image = np.ones((1, 1, 4, 4, 1))
  image[0, 0, 1, 2] = 0
  data = {"images": image, "palette": "gray"}
  plots.draw(Figure("one", "image_grid", data, ""), tmp_path / "x.png")
  pixels = matplotlib.image.imread(tmp_path / "x.png")
  black = np.argwhere(pixels[..., :3].max(-1) < 0.5)
  side = plots.TILE // 4
  assert (np.ptp(black, axis=0) + 1).tolist() == [side, side]


def test_labels_of_several_lines_fit_their_rows():
  """A sweep over many fields names a row in as many lines."""
  label = (
    "seed 0\nbatch_size 128\ninitial lecun_normal\nlearning_rate warmup_cosine\nema True"
  )
  with matplotlib.rc_context(_canvas.STYLE):
    canvas = plots.KINDS["image_grid"](np.zeros((3, 4, 28, 28, 1)), rows=[label] * 3)
    boxes = [text.get_window_extent() for text in canvas.axes[0].texts]
  assert len(boxes) == 3
  assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))
