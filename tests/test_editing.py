"""Editing: steps in codes, the judges, the scores of edits, and the application as a whole."""

import jax
import made
import numpy as np
import PIL.Image
import pytest
from helpers import evaluated, means, outcome

from vae_jax import data, plots, report
from vae_jax.applications.editing import spaces, traits
from vae_jax.baselines import autoencoder, judges
from vae_jax.evaluation.source import Source
from vae_jax.inference import attribute_vectors as vectors
from vae_jax.inputs import photographs
from vae_jax.metrics import editing, strokes
from vae_jax.types import Dataset, Factor, Spec, UserError

FAST = {"limit": 40, "tune": 20, "judge_steps": 120, "pairs": 6, "steps": 5}


def test_strokes_have_the_width_and_the_slant_that_they_were_drawn_with():
  for width in (1, 2, 4):
    x = np.zeros((40, 20, 1))
    x[2:38, 8 : 8 + width] = 1
    exact = 2 * 36 * width / (2 * (36 + width))  # both ends of the stroke are edges, too
    assert strokes.thickness(x) == pytest.approx(exact, rel=0.02)
  upright = np.zeros((21, 41, 1))
  upright[:, 20] = 1
  assert strokes.slant(upright) == pytest.approx(0, abs=1e-9)
  for shear in (-1, 0, 1):
    x = np.zeros((21, 41, 1))
    x[np.arange(21), 20 - shear * (np.arange(21) - 10)] = 1
    assert strokes.slant(x) == pytest.approx(shear)
  assert strokes.slant(np.stack([upright, upright])).shape == (2,)


def test_scores_of_edits_are_known():
  rows = np.array([[1, 1], [0, 1], [1, 0], [1, 1]], float)
  assert editing.flip_rate(rows) == pytest.approx(2 / 3)
  assert np.isnan(editing.flip_rate(rows[2:3]))
  a = np.array([[1.0, 0], [0, 2.0]])
  np.testing.assert_allclose(
    editing.cosine(a, np.array([[2.0, 0], [1.0, 1.0]])), [1, 2**-0.5]
  )
  np.testing.assert_array_equal(editing.recognised(a, a[::-1]), [0, 0])
  np.testing.assert_array_equal(editing.recognised(3 * a, a), [1, 1])
  line = np.array([[0.0, 0], [1, 0], [3, 0], [4, 0]])
  corner = np.array([[0.0, 0], [3, 0], [3, 4]])
  assert editing.path_length(line) == pytest.approx(1)
  assert editing.path_length(corner) == pytest.approx(7 / 5)
  assert np.isnan(editing.path_length(line[[0, 1, 0]]))
  assert editing.jump(line) == pytest.approx(2 / (4 / 3))
  grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), -1).reshape(-1, 2)
  where = editing.region(grid, 4)
  np.testing.assert_array_equal(
    editing.inside(where, np.array([[2.0, 2.5], [2, 9], [np.nan, 0]])), [1, 0, 0]
  )


def codes():
  """Two groups that differ by d, with noise that is wide along another direction."""
  rng = np.random.default_rng(0)
  value = np.arange(4000) % 2
  shape = np.array([[1.0, 0.0], [2.0, 0.5]])
  z = rng.normal(size=(4000, 2)) @ shape + value[:, None] * np.array([1.0, 1.0])
  return z, value, shape.T @ shape


def test_steps_are_those_of_the_gaussians_that_codes_come_from():
  z, value, covariance = codes()
  own, target = np.array([0, 1]), np.array([1, 0])
  step = vectors.mean_difference(z, value, own, target)
  np.testing.assert_allclose(step, [[1, 1], [-1, -1]], atol=0.15)
  # The normal of the best linear classifier of two Gaussians is Σ⁻¹ d.
  normal = np.linalg.solve(covariance, np.ones(2))
  probe = vectors.linear_probe(z, value, own, target)
  exact = normal * (normal @ np.ones(2)) / (normal @ normal)
  np.testing.assert_allclose(probe, [exact, -exact], atol=0.15)
  wide = np.concatenate([z[value == 0], 3 * z[value == 1]])
  sides = np.repeat([0, 1], 2000)
  some = z[value == 0][:5]
  moved = some + vectors.gaussian_map(wide, sides, np.zeros(5, int), np.ones(5, int), some)
  to, of = wide[sides == 1], wide[sides == 0]
  exact = to.mean(0) + to.std(0) / of.std(0) * (some - of.mean(0))
  np.testing.assert_allclose(moved, exact)
  several = vectors.linear_probe(
    np.eye(3)[np.arange(60) % 3] * 5, np.arange(60) % 3, np.array([0]), np.array([2])
  )
  np.testing.assert_allclose(several, [[-5, 0, 5]], atol=1e-3)


def test_judges_tell_what_they_were_taught():
  rng = np.random.default_rng(0)
  x = rng.uniform(0, 0.4, (600, 8, 8, 1)).astype(np.float32)
  side, row = rng.integers(0, 2, 600), rng.integers(0, 3, 600)
  for i in range(600):
    x[i, 2 * row[i] : 2 * row[i] + 2, 4 * side[i] : 4 * side[i] + 4] += 0.6
  judge = judges.attributes(
    x[:500], [side[:500], row[:500]], [2, 3], jax.random.key(0), 300
  )
  found = judge.probabilities(x[500:])
  assert [p.shape for p in found] == [(100, 2), (100, 3)]
  np.testing.assert_allclose(found[1].sum(-1), 1, rtol=1e-5)
  assert (found[0].argmax(-1) == side[500:]).mean() > 0.95
  assert (found[1].argmax(-1) == row[500:]).mean() > 0.95
  embed = judges.identity(x[:500], None, jax.random.key(0), 160)
  again = np.asarray(judges.view(x[500:], jax.random.key(1)))
  assert editing.recognised(embed(again), embed(x[500:])).mean() > 0.9
  big = rng.uniform(size=(2, 64, 70, 3)).astype(np.float32)
  np.testing.assert_allclose(
    judges.reduced(big)[0, 0, 0], big[0, :2, :2].mean((0, 1)), rtol=1e-5
  )


def test_the_autoencoder_finds_a_plane():
  rng = np.random.default_rng(0)
  x = (rng.normal(size=(640, 2)) @ rng.normal(size=(2, 12))).reshape(640, 3, 4).astype("f")
  encode, decode = autoencoder.fit(x, 2, jax.random.key(0), 150)
  rebuilt = decode(encode(x))
  assert rebuilt.shape == x.shape
  assert np.square(rebuilt - x).mean() < 0.05 * x.var()


def blocks(factors=()):
  """8 x 8 drawings whose class is where a block lies, as a data set of two classes."""
  rng = np.random.default_rng(1)
  x = rng.uniform(0, 0.3, (300, 8, 8, 1)).astype(np.float32)
  x[:, [0, -1]] = 0
  label = (np.arange(300) % 2).astype(np.int32)
  for i in range(300):
    x[i, 2:6, 4 * label[i] : 4 * label[i] + 4] += 0.5
  fields = {"x": x, "label": label}
  if factors:
    fields["factors"] = rng.integers(0, 2, (300, len(factors))).astype(np.int32)
  cut = {"train": slice(0, 200), "valid": slice(200, 240), "test": slice(240, 300)}
  splits = {name: {k: v[rows] for k, v in fields.items()} for name, rows in cut.items()}
  spec = Spec((8, 8, 1), "image", "unit", classes=("left", "right"), factors=factors)
  return Dataset("blocks", spec, splits, "Made for a test.")


@pytest.fixture(scope="module")
def found():
  """The identity as a model, asked with pictures of one's own."""
  drawn = blocks()
  run = made.open_with(drawn, made.identity(drawn), axes={"beta": [1.0, 4.0]})
  return outcome("editing", run, FAST)


def test_the_identity_edits_as_the_pixel_average_does(found):
  by = {}
  for one in found.results:
    by.setdefault((one.method, one.condition), one)
  assert found.conditions == ("left or right", "slant", "thickness")
  for condition in found.conditions:
    ours, theirs = by["mean difference", condition], by["pixel average", condition]
    np.testing.assert_allclose(ours.answer["x"], theirs.answer["x"], atol=1e-5)
    np.testing.assert_allclose(
      ours.scores["identity"], theirs.scores["identity"], atol=1e-4
    )
  one = by["mean difference", "left or right"]
  x, truth = one.answer["x"], found.task.truth
  np.testing.assert_allclose(x[:, spaces.ALPHAS.index(0.0)], truth.x, atol=1e-6)
  assert (truth.target[0] == 1 - truth.value[0]).all()
  assert editing.flip_rate(one.scores["flip"]) > 0.9
  assert (one.scores["psnr"] == 50).all()
  nearest = by["nearest item", "left or right"].answer["x"][:, -1]
  train = {image.tobytes() for image in traits.pixels(found.task.source, "train")}
  assert all(image.tobytes() in train for image in nearest)


def test_the_report_has_strips_with_their_numbers_and_the_trade(found):
  from vae_jax.applications import editing as application

  extra = application.further(found)
  figures = {figure.name: figure for figure in extra.figures}
  strip = figures["strip_0"].data
  assert strip["images"].shape == (6, 6, 8, 8, 1)
  assert all(
    word.startswith("p ") and "\nid " in word for row in strip["under"] for word in row
  )
  assert strip["under"][0][3].endswith("id 1.00")  # the reconstruction with itself
  trade = figures["trade"].data["series"]["left or right"]
  assert trade["labels"] == ["β 1", "β 4"]
  assert np.all(np.asarray(trade["low"]) <= trade["y"])
  assert any("judge is right" in said for said in extra.findings)
  morph = figures["morphs"].data["images"]
  np.testing.assert_allclose(morph[0], morph[2], atol=1e-5)  # the identity fades, too
  canvas = plots.image_grid(**strip)
  assert "p 0" in "".join(t.get_text() for t in canvas.axes[0].texts)


def test_a_collapsed_model_changes_nothing():
  drawn = blocks()
  run = made.open_with(drawn, made.nothing(drawn))
  scored = evaluated("editing", run, {**FAST, "attributes": "left or right"})
  key = ("mean difference", "left or right")
  assert means(scored, "identity")[key] == pytest.approx(1)
  assert not means(scored, "flip")[key] > 0
  assert any("COLLAPSED" in said for said in scored.findings)


def test_pictures_of_ones_own_are_edited_and_joined(tmp_path):
  drawn = blocks()
  run = made.open_with(drawn, made.identity(drawn))
  rng = np.random.default_rng(0)
  for name, size in (("a.png", (8, 8)), ("b.jpg", (20, 30, 3))):
    PIL.Image.fromarray(rng.integers(0, 255, size, dtype=np.uint8)).save(tmp_path / name)
  given = {
    "input": str(tmp_path),
    "from": str(tmp_path / "a.png"),
    "to": str(tmp_path / "b.jpg"),
  }
  scored = evaluated("editing", run, {**FAST, **given, "attributes": "left or right"})
  files = {k: v for k, v in scored.arrays.items() if k.endswith(".png")}
  assert sorted(files) == ["a_left_or_right.png", "b_left_or_right.png", "morph.png"]
  assert files["a_left_or_right.png"].shape == (128, 6 * 128, 1)
  assert files["morph.png"].shape == (3 * 128, 5 * 128, 1)
  report.save(scored, tmp_path / "run")
  with PIL.Image.open(tmp_path / "run" / "reports" / "editing" / "morph.png") as picture:
    np.testing.assert_array_equal(np.asarray(picture), files["morph.png"][..., 0])
  first = files["morph.png"][:128, :128, 0][::16, ::16]
  with PIL.Image.open(tmp_path / "a.png") as picture:
    np.testing.assert_array_equal(first, np.asarray(picture))


def test_what_does_not_fit_is_a_sentence(tmp_path):
  drawn = blocks()
  run = made.open_with(drawn, made.identity(drawn))
  ask = lambda **settings: evaluated("editing", run, {**FAST, **settings})
  with pytest.raises(
    UserError, match="'smile'; this data has left or right, slant, thickness"
  ):
    ask(attributes="smile")
  PIL.Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
  with pytest.raises(UserError, match="A morph has two ends"):
    ask(**{"from": str(tmp_path / "a.png")})
  with pytest.raises(UserError, match="no picture and no folder of pictures"):
    ask(input=str(tmp_path / "gone"))
  (tmp_path / "c.png").write_bytes(b"no picture")
  with pytest.raises(UserError, match=r"c\.png cannot be read"):
    ask(input=str(tmp_path))
  table = made.table_data()
  with pytest.raises(UserError, match="editing needs images"):
    evaluated("editing", made.open_with(table, made.identity(table)), FAST)


def test_arrays_of_ones_own_are_pictures_too(tmp_path):
  x = np.random.default_rng(0).integers(0, 255, (3, 8, 8), dtype=np.uint8)
  np.save(tmp_path / "x.npy", x)
  spec = Spec((8, 8, 1), "image", "unit")
  given = photographs.read(str(tmp_path / "x.npy"), spec, 5)
  np.testing.assert_allclose(given.x[..., 0], x / 255, rtol=1e-6)
  assert given.names == ["image_0", "image_1", "image_2"]
  with pytest.raises(UserError, match="at most 2"):
    photographs.read(str(tmp_path / "x.npy"), spec, 2)


def test_attributes_of_a_table_are_traits():
  factors = (
    Factor("hat", (0.0, 1.0)),
    Factor("size", (1.0, 2.0, 5.0)),
    Factor("same", (1.0,)),
  )
  drawn = blocks((factors[0], factors[1]))
  run = made.open_with(drawn, made.identity(drawn))
  source = Source(run, {"attributes": "", "mask_seed": 1}, jax.random.key(0))
  known = traits.known(source)
  assert [trait.name for trait, _ in known] == ["left or right", "hat", "size"]
  assert [trait.words for trait, _ in known[1:]] == [("no", "yes"), ("low", "high")]
  held = data.load({"name": "digits"}, None)
  rest = {k: v[held.splits["train"]["label"] < 9] for k, v in held.splits["train"].items()}
  some = held._replace(splits={**held.splits, "train": rest})
  source = Source(made.open_with(some, made.identity(some)), source.settings, source.key)
  assert [t.name for t, _ in traits.known(source)] == [
    "slant",
    "thickness",
  ]  # 9 is held out
  np.testing.assert_array_equal(traits.who(source), rest["label"])
  several = traits.targets(np.arange(1000) % 7, traits.Trait("x", tuple("abcdefg")), 0)
  assert (several != np.arange(1000) % 7).all()
  assert len(np.unique(several)) == 7
