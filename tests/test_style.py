"""Style: glyphs of fonts, the shared code, the classic rivals, and the application as a whole."""

import pathlib
import shutil

import helpers
import jax
import jax.numpy as jnp
import made
import matplotlib
import numpy as np
import pytest
from scipy import ndimage

from vae_jax import config as configuration
from vae_jax import data, distributions, vae
from vae_jax.applications.style import beside, showing, writing
from vae_jax.applications.style.asked import asked
from vae_jax.baselines import style_content as classic
from vae_jax.data import glyphs
from vae_jax.evaluation.protocol import Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import styles
from vae_jax.objectives import _distorted, homoencoder
from vae_jax.studies import latent_pictures
from vae_jax.types import Posterior, UserError

FONTS = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
SMALL = {"name": "glyphs", "side": 12, "characters": "ABCabc12"}
FAST = {"limit": 30, "tune": 12, "judge_steps": 60, "map_steps": 10}


@pytest.fixture(scope="module")
def small():
  return data.load({**SMALL, "beside": 2, "pairs": 0.2}, None)


def test_fonts_and_pairs_are_held_out(small):
  train, valid, test = (small.splits[k] for k in ("train", "valid", "test"))
  fonts = [set(part["style"].tolist()) for part in (train, valid, test)]
  assert not fonts[0] & fonts[1]
  new = ~np.isin(test["style"], train["style"])
  assert new.any()
  assert not new.all()
  pair = lambda part: {(a, b) for a, b in zip(part["style"], part["label"], strict=True)}
  assert not pair(train) & pair(test)
  every = pair(train) | pair(valid) | pair(test)
  assert (
    len(every)
    == len(small.spec.styles) * 8
    == sum(len(p["x"]) for p in small.splits.values())
  )
  assert small.spec.classes == tuple("ABCabc12")


def test_a_character_stands_on_the_line_of_its_font_and_in_its_frame(small):
  train = small.splits["train"]
  assert (train["x"][:, [0, -1]] == 0).all()
  height = lambda c: np.array([
    np.flatnonzero(x.any((1, 2))).size for x in train["x"][train["label"] == c]
  ])  # fmt: skip
  assert (height(0).mean(), height(3).mean()) == (
    pytest.approx(8, abs=1.5),
    pytest.approx(6, abs=1.5),
  )


def test_what_is_beside_an_example_is_of_its_font_and_never_a_held_out_pair(small):
  train, test = small.splits["train"], small.splits["test"]
  known = {x.tobytes(): s for x, s in zip(train["x"], train["style"], strict=True)}
  for part in (train, test):
    assert part["beside"].shape == (len(part["x"]), 2, 12, 12, 1)
    assert (part["beside_label"] != part["label"][:, None]).all()
  old = np.isin(test["style"], train["style"])
  for x, style in zip(test["beside"][old], test["style"][old], strict=True):
    assert {known[one.tobytes()] for one in x} == {style}


@pytest.mark.parametrize(
  ("options", "said"),
  [
    ({"path": "nowhere"}, "no such folder"),
    ({"characters": "AA"}, "each of them once"),
    ({"characters": "A\N{CJK UNIFIED IDEOGRAPH-6F22}"}, "0 different fonts"),
    ({"side": 4}, "8 to 256"),
    ({"apart": -1.0}, "0 or more"),
    ({"pairs": 1.0}, r"\[0, 1\)"),
    ({"beside": 4}, "less than half"),
    ({"pairs": 0.9, "beside": 3}, "lower"),
  ],
)
def test_what_is_no_set_of_fonts_is_refused(options, said):
  with pytest.raises(UserError, match=said):
    data.load({**SMALL, **options}, None)


def test_a_folder_of_fonts_and_a_file_that_is_none(tmp_path):
  for name in ("DejaVuSans", "DejaVuSerif", "cmr10", "cmss10", "DejaVuSansMono"):
    shutil.copy(FONTS / f"{name}.ttf", tmp_path)
  shutil.copy(FONTS / "cmr10.ttf", tmp_path / "again.ttf")  # drawn like cmr10
  found = data.load({**SMALL, "path": str(tmp_path), "pairs": 0.0}, None)
  assert len(found.spec.styles) == 5
  assert "1 others" in found.note
  (tmp_path / "b.otf").write_bytes(b"no font")
  with pytest.raises(UserError, match=r"b.otf is no font"):
    data.load({**SMALL, "path": str(tmp_path)}, None)


def test_fonts_that_are_nearly_alike_are_left_out():
  """Each font that stays is far from all before it, and each other one is near one of them."""
  letters, least = "ABCabc12", 0.06
  fonts, _ = glyphs._fonts("", letters, 12, 0.0)
  found, left_out = glyphs._fonts("", letters, 12, least)
  kept: list[glyphs.Font] = []
  gap = lambda a, b: np.square(a.x / 255 - b.x / 255).mean()
  for font in fonts:
    if all(gap(font, other) >= least for other in kept):
      kept.append(font)
  assert [f.name for f in found] == [f.name for f in kept]
  assert 4 <= len(found) < len(fonts)
  assert left_out >= len(fonts) - len(found)


def test_the_product_of_experts_is_the_posterior_of_a_gaussian_model():
  """z ~ N(0, 1), x_k = z + N(0, s²): each posterior and their product are known."""
  s, x = np.array([0.5, 1.0, 2.0]), np.array([0.3, -1.0, 2.0])
  each = Posterior(
    jnp.asarray(x / (1 + s**2))[:, None], jnp.log(s**2 / (1 + s**2))[:, None]
  )
  found = distributions.product(each)
  precision = 1 + (1 / s**2).sum()
  np.testing.assert_allclose(np.exp(-found.logvar), [precision], rtol=1e-5)
  np.testing.assert_allclose(found.mean, [(x / s**2).sum() / precision], rtol=1e-5)
  wide = Posterior(jnp.array([[0.3], [0.0]]), jnp.array([[-1.0], [5.0]]))
  alone = distributions.product(jax.tree.map(lambda v: v[:1], wide))
  np.testing.assert_allclose(distributions.product(wide), alone, rtol=1e-6)


def test_the_homoencoder_does_not_look_at_the_example():
  """The code is of others: x moves the distortion alone, and what is beside it moves the code."""
  spec = data.load(SMALL, None).spec
  config = configuration.resolve({
    "data": SMALL, "model": {"name": "mlp", "hidden": [8], "latents": 3, "condition": "label"},
    "likelihood": {"name": "cross_entropy"}, "objective": {"name": "homoencoder"},
  })  # fmt: skip
  model = vae.build(config, spec)
  params = model.init(jax.random.key(0))
  x = jax.random.uniform(jax.random.key(2), (4, *spec.shape))
  example = {
    "x": x[0],
    "label": jnp.int32(1),
    "beside": x[2:],
    "beside_label": jnp.array([2, 3]),
  }
  hyper = {"beta": 0.5, "vary": 0.0}
  ask = jax.jit(lambda e, key: homoencoder.loss(model, params, e, key, hyper))
  of = lambda e: ask(e, jax.random.key(1))
  one, other = of(example), of({**example, "x": x[1]})
  np.testing.assert_array_equal(one.z, other.z)
  assert one.distortion != other.distortion
  moved = of({**example, "beside": x[:2]})
  assert (moved.z != one.z).any()
  np.testing.assert_allclose(one.loss, one.distortion + 0.5 * one.rate, rtol=1e-6)
  rates = jax.jit(jax.vmap(lambda k: ask(example, k).rate))(
    jax.random.split(jax.random.key(3), 64)
  )
  one_of = lambda x, label: model.posterior(params, {"x": x, "label": label})
  alone = lambda *given: jax.tree.map(lambda v: v[None], one_of(*given))
  q_of = jax.jit(lambda *given: distributions.kl(distributions.product(alone(*given))))
  assert len(np.unique(np.round(rates, 4))) == 3  # one, the other, both
  for i in (2, 3):
    assert np.isclose(rates, q_of(x[i], jnp.int32(i)), rtol=1e-4).any()
  with pytest.raises(UserError, match=r"data\.beside=8"):
    of({"x": x[0], "label": jnp.int32(1)})


@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_pictures_of_a_style_are_distorted_as_scipy_does(amount):
  """One slant, stretch and stroke for all; nothing changes at 0."""
  x = np.random.default_rng(0).uniform(size=(3, 8, 9, 2)).astype(np.float32)
  for seed in range(4):
    key = jax.random.key(seed)
    slant, high, wide, stroke = (
      amount
      * np.asarray(jax.random.uniform(key, (4,), minval=-1.0, maxval=1.0))
      * (0.25, 0.15, 0.15, 0.5)
    )
    found = np.asarray(
      _distorted.distorted(jnp.asarray(x), jax.random.key(seed), jnp.float32(amount))
    )
    i, j = np.meshgrid(np.arange(8) - 3.5, np.arange(9) - 4, indexing="ij")
    at = np.stack([np.exp(high) * i + 3.5, np.exp(wide) * (j + slant * i) + 4])
    for one, other in np.ndindex(3, 2):
      moved = ndimage.map_coordinates(x[one, ..., other], at, order=1, mode="grid-constant")
      light = ndimage.maximum_filter(moved, 3, mode="nearest")
      dark = ndimage.minimum_filter(moved, 3, mode="nearest")
      exact = moved + max(stroke, 0) * (light - moved) + min(stroke, 0) * (moved - dark)
      np.testing.assert_allclose(found[one, ..., other], exact, atol=1e-5)
    assert amount or np.allclose(found, x, atol=1e-6)


def test_the_bilinear_model_finds_what_it_was_made_of():
  """Styles of two numbers: new ones are exact from one example of each, pairs missing or not."""
  rng = np.random.default_rng(0)
  means, basis = rng.uniform(0.4, 0.6, (5, 6)), 0.05 * rng.normal(size=(2, 5, 6))
  whole = lambda count: means + np.tensordot(rng.uniform(-1, 1, (count, 2)), basis, 1)
  bank, new = whole(40), whole(3)
  seen = np.ones(bank.shape[:2], bool)
  fitted = classic.fit_bilinear(bank, seen, bank.mean(0))
  shown = classic.Shown(new[:, :2], np.tile([0, 1], (3, 1)), np.array([2, 3, 4]))
  real = new[np.arange(3), shown.target]
  np.testing.assert_allclose(classic.bilinear(fitted, shown, 2, 1e-9), real, atol=1e-6)
  assert (
    np.abs(classic.bilinear(fitted, shown, 2, 1e6) - bank.mean(0)[[2, 3, 4]]).max() < 1e-4
  )
  near = classic.nearest_style(np.concatenate([bank, new]), np.ones((43, 5), bool), shown)
  np.testing.assert_allclose(near, real)


def test_other_rivals_by_hand():
  x = np.array([[0.0, 0.2], [0.2, 0.4], [0.8, 0.6]])
  label = np.array([0, 0, 1])
  means = classic.class_means(x, label, 3)
  np.testing.assert_allclose(means, [[0.1, 0.3], [0.8, 0.6], x.mean(0)])
  shown = classic.Shown(np.array([[[0.2, 0.3]]]), np.array([[0]]), np.array([1]))
  np.testing.assert_allclose(classic.moved(means, shown), [[0.9, 0.6]])
  np.testing.assert_allclose(classic.averaged(means, shown), [[0.5, 0.45]])
  np.testing.assert_allclose(classic.nearest_item(x, label, shown), [[0.8, 0.6]])


def test_style_is_read_from_the_nearest_real_example_of_the_label():
  x = np.array([[0.0, 0], [1, 1], [0, 1]], np.float32)
  bank = styles.bank(x, np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
  written = np.array([[0.1, 0.2], [0.9, 0.6], [0, 0]])
  assert styles.style_read(written, np.array([0, 0, 1]), bank).tolist() == [0, 1, 1]


def test_variety_of_real_examples_is_one_and_of_means_nothing():
  rng = np.random.default_rng(1)
  label = np.repeat([0, 1], 200)
  features = rng.normal(size=(400, 3)) * [1, 2, 5] + label[:, None]
  unit = styles.spread(features, label)
  assert styles.variety(styles.rows(features, label, unit)) == pytest.approx(1, rel=0.02)
  means = np.stack([features[label == c].mean(0) for c in label])
  assert styles.variety(styles.rows(means, label, unit)) == pytest.approx(0, abs=1e-9)


def opened(dataset, axes=None, condition="label"):
  """A run that was never trained, on real data."""
  config = configuration.resolve({
    "data": {"name": "digits"}, "likelihood": {"name": "cross_entropy"},
    "model": {"name": "mlp", "hidden": [8], "latents": 3, "condition": condition},
    "objective": {"name": "beta"},
  })  # fmt: skip
  model = vae.build(config, dataset.spec)
  found = made.open_with(dataset, model, axes=axes)
  keys = jax.random.split(jax.random.key(0), len(found.members))
  likelihood = vae.build_likelihood(config["likelihood"], dataset.spec)
  params = jax.device_get(jax.vmap(model.init)(keys))
  name = {"name": dataset.name, "seed": 0}
  config = {**found.config, "model": config["model"], "data": found.config["data"] | name}
  return found._replace(params=params, likelihood=likelihood, config=config)


@pytest.fixture(scope="module")
def run(small):
  return opened(small, [{"beta": 0.1, "seed": 0}, {"beta": 1.0, "seed": 0}])


def test_the_application_as_a_whole(run, tmp_path):
  """Every method and rival, a real example that is read right, new pairs apart, an own font."""
  font = tmp_path / "mine.ttf"
  shutil.copy(FONTS / "DejaVuSans.ttf", font)
  given = {**FAST, "input": str(font), "letters": "Ab"}
  report = helpers.evaluated("style", run, given)
  table = next(t for t in report.tables if t.title == "Style right")
  by = {row[table.columns.index("method")]: row for row in table.rows}
  assert by["the real one"][table.columns.index("4 shown")] == 1
  assert {"nearest style", "bilinear", "product of experts", "mean of codes"} <= {*by}
  assert "most probable code" in by
  assert any(t.title.startswith("With ") for t in report.tables)
  assert report.arrays["written.npy"].shape == (1, 8, 12, 12, 1)
  assert report.arrays["mine_written.png"].dtype == np.uint8
  drawn = {"alphabets", "blend", "neighbours", "classes", "samples", "own"}
  assert drawn <= {f.name for f in report.figures}


def test_the_most_probable_code_is_higher_than_all_around_it(run, small):
  """log p(shown|z) + log p(z): above its start's, and above that of random steps away."""
  source = Source(run, {"map_steps": 150, "mask_seed": 1}, jax.random.key(0))
  _, found = asked(source, "test", 6, (3,))
  z = writing.code(source, run, found, 3, writing.SEARCHED)
  start = writing.code(source, run, found, 3, writing.PRODUCT)
  params = jax.tree.map(lambda v: v[1], run.params)

  def joint(z, x, label):
    told = lambda x, y: run.vae.log_likelihood(params, z, {"x": x, "label": y})
    return jax.vmap(told)(x, label).sum() - 0.5 * jnp.sum(z**2)

  ask = jax.jit(jax.vmap(joint))
  of = lambda z: np.asarray(ask(z, found.x[:, :3], found.label[:, :3]))
  best = of(z[1])
  assert (best > of(start[1]) + 0.01).all()
  draw = np.random.default_rng(0)
  for size in (0.02, 0.1, 0.5):
    away = z[1] + size * draw.normal(size=z[1].shape).astype(np.float32)
    assert (of(away) < best + 1e-3).all()


def test_a_decoder_that_writes_the_real_ones_has_no_limit(run, monkeypatch):
  """All right where the real examples are written, none where those of the next style are."""
  source = Source(run, {"mask_seed": 1}, jax.random.key(0))
  examples, found = asked(source, "test", 12, (3,))
  task = Task(source, "test", examples, (), truth=found)
  every = beside.bank(source)
  for moved, said in ((0, " 100.0 %"), (1, " 0.0 %")):
    real = lambda outcome, lead, found, classes, by=moved: every.x[
      (found.style + by) % len(every.x)
    ].reshape(len(found.style), len(classes), *run.spec.shape)
    monkeypatch.setattr(showing, "lettered", real)
    (sentence,) = showing._ceiling(None, None, task)
    assert said in sentence


def test_examples_that_are_a_style_of_their_own():
  """Digits: each is written as another class, and the class mean has no variety."""
  report = helpers.evaluated("style", opened(data.load({"name": "digits"}, None)), FAST)
  variety = helpers.means(report, "variety")
  assert variety["average of the class", "1 shown"] == pytest.approx(0, abs=1e-9)
  assert variety["moved by class means", "1 shown"] > 0.2


def test_a_mixture_with_one_label_is_that_label(run):
  """Weights of the classes that are one-hot write the picture of the class, and others do not."""
  source = Source(run, {}, jax.random.key(0))
  z = np.random.default_rng(0).normal(size=(2, 3, run.vae.latents)).astype(np.float32)
  label, classes = np.array([1, 0, 4]), np.eye(len(run.spec.classes), dtype=np.float32)
  of_label = latent_pictures.under(source, run, z, label)
  np.testing.assert_array_equal(
    latent_pictures.under(source, run, z, classes[label]), of_label
  )
  mixed = latent_pictures.under(source, run, z, (classes[label] + classes[[2, 3, 5]]) / 2)
  assert (np.abs(mixed - of_label).max(axis=(2, 3, 4)) > 1e-4).all()


def test_a_model_that_is_not_told_the_label_is_refused():
  run = opened(data.load({"name": "digits"}, None), condition="none")
  with pytest.raises(UserError, match="condition=label"):
    helpers.evaluated("style", run, FAST)


def test_a_font_that_lacks_the_letters_is_refused(run, tmp_path):
  for settings, said in (
    ({"input": str(tmp_path / "no.ttf")}, "no font"),
    ({"input": str(FONTS / "cmr10.ttf"), "letters": "Z"}, "does not know"),
    ({"input": str(tmp_path / "no.png")}, "no picture"),
  ):
    with pytest.raises(UserError, match=said):
      helpers.evaluated("style", run, {**FAST, **settings})


def test_glyphs_are_drawn_for_a_file_of_ones_own():
  file = (FONTS / "DejaVuSans.ttf").read_bytes()
  assert glyphs.drawn(file, "x", "Aé", 16).shape == (2, 16, 16, 1)
  assert glyphs.drawn(file, "x", "A\N{CJK UNIFIED IDEOGRAPH-6F22}", 16) is None
