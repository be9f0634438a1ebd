"""The library in Python: what `fit` and `load` give back, against what is known by other means."""

import subprocess
import sys

import jax
import numpy as np
import pandas
import pytest

import vae_jax
from vae_jax import asking, data, distributions
from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.api import fitting, given, sources
from vae_jax.types import Column, Dataset, Spec, UserError

SMALL = {"steps": 12, "batch_size": 16, "log_every": 6, "eval_every": 6, "quiet": True}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
  """Two members on the digits, and the grey pictures of the test split."""
  folder = tmp_path_factory.mktemp("api") / "run"
  model = vae_jax.fit(
    "digits", folder, latents=3, beta=4, seed=[0, 1], fields={"model": MODEL}, **SMALL
  )
  return model, model._runs[0].dataset.splits["test"]["x"][:7]


MODEL = {"name": "mlp", "hidden": [16]}


def test_import_is_lazy_and_says_what_it_has():
  code = "import sys, vae_jax; print('jax' in sys.modules, 'fit' in dir(vae_jax))"
  out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
  assert out.stdout.strip() == "False True", out.stderr
  with pytest.raises(AttributeError, match="no attribute 'train'"):
    _ = vae_jax.train


def test_a_member_is_its_place_in_the_sweep_without_the_axis(sweep):
  model, x = sweep
  assert len(model) == 2
  assert model.members["seed"].tolist() == [0, 1]
  codes = model.encode(x)
  assert codes.shape == (2, 7, 3)
  np.testing.assert_array_equal(model[1].encode(x), codes[1])
  np.testing.assert_array_equal(model[-1].encode(x), codes[1])
  with pytest.raises(IndexError, match="no member 2"):
    _ = model[2]
  assert "2 members" in repr(model)
  assert "member 1" in repr(model[1])


def test_codes_and_means_are_those_of_the_pure_functions(sweep):
  model, x = sweep
  run = runs.open_run(model.workdir)
  params = jax.tree.map(lambda leaf: leaf[1], run.params)
  q = jax.vmap(lambda one: run.vae.posterior(params, {"x": one, "id": 0}))(x)
  np.testing.assert_allclose(model[1].encode(x), q.mean, atol=1e-5)
  mean = jax.vmap(lambda z: run.vae.mean(params, z))(q.mean)
  np.testing.assert_allclose(model[1].decode(q.mean), mean, atol=1e-5)
  both = model.decode(model.encode(x))
  np.testing.assert_allclose(both[1], mean, atol=1e-5)


def test_scores_are_the_terms_of_training_and_more_samples_are_nearer(sweep):
  model, _ = sweep
  run = runs.open_run(model.workdir)
  expected = asking.elbo(run, run.dataset.splits["test"])["elbo"]
  np.testing.assert_allclose(model.score("test"), expected, rtol=1e-5)
  tighter = model.score("test", samples=20)
  assert (tighter.mean(1) > expected.mean(1)).all()
  with pytest.raises(UserError, match="1 or more"):
    model.score("test", samples=0)


def test_samples_are_means_at_draws_of_the_prior(sweep):
  model, _ = sweep
  x = model.sample(400, seed=3)
  assert x.shape == (2, 400, 8, 8, 1)
  np.testing.assert_array_equal(x[0], model[0].sample(400, seed=3))
  assert (model.sample(4, seed=4) != x[:, :4]).any()
  z = model[0].encode(x[0])  # of what was drawn, and so not all the same
  assert z.std(0).min() > 0
  with pytest.raises(UserError, match="1 or more"):
    model.sample(0)
  with pytest.raises(UserError, match="not conditional"):
    model.sample(2, label=[0, 1])


def test_tables_name_their_rows(sweep):
  model, _ = sweep
  frame = model.latents("test", limit=5)
  assert frame["member"].tolist() == [0] * 5 + [1] * 5
  assert [c for c in frame.columns if c[0] == "z"] == ["z0", "z1", "z2"]
  labels = model._runs[0].dataset.splits["test"]["label"][:5]
  assert frame["label"].tolist()[:5] == [str(label) for label in labels]
  x = model._runs[0].dataset.splits["test"]["x"][:5]
  np.testing.assert_allclose(
    frame[["z0", "z1", "z2"]].to_numpy(), model.encode(x).reshape(10, 3), atol=1e-5
  )
  assert (frame["std0"] > 0).all()


def test_applications_answer_and_their_scores_come_back(sweep, capsys):
  model, _ = sweep
  with pytest.raises(UserError, match="no report yet"):
    model.results()
  found = model.evaluate("reconstruction", samples=4, limit=40)
  assert set(found["application"]) == {"reconstruction"}
  assert {"member", "method", "metric", "mean"} <= set(found.columns)
  pandas.testing.assert_frame_equal(found, model.results())
  assert model.report().name == "report.html"
  assert "vae_jax.load" in model.report().read_text()


@pytest.mark.parametrize(
  ("change", "said"),
  [
    (lambda x: x[..., 0], "channel axis is missing"),
    (lambda x: x * 255, "divide it by 255"),
    (lambda x: x - 0.5, "in [0, 1]"),
    (lambda x: np.ones((7, 1, 8, 8)), "channels come first"),
    (lambda x: x[0], "one example is x[None]"),
    (lambda x: (x * 255).astype(int), "expected uint8"),
    (lambda x: (x > 0.5).astype(np.uint8), "nothing above 1"),
    (lambda x: x * np.nan, "not finite"),
    (lambda x: x.astype(str), "expected numbers"),
    (lambda x: x[:0], "(0, 8, 8, 1)"),
    (lambda x: "tset", "Did you mean 'test'?"),
    (lambda x: {"y": x}, "expected an x"),
    (lambda x: {"x": x, "label": np.arange(3)}, "a row for each"),
    (lambda x: {"x": x, "label": ["ten"] * 7}, "no class 'ten'"),
    (lambda x: {"x": x, "observed": np.ones_like(x)}, "complete rows"),
    (lambda x: pandas.DataFrame({"a": [1.0]}), "give an array"),
  ],
)
def test_what_does_not_fit_is_one_sentence(sweep, change, said):
  model, x = sweep
  with pytest.raises(UserError) as error:
    model.encode(change(x))
  assert said in str(error.value)


def test_codes_that_do_not_fit_are_one_sentence(sweep):
  model, _ = sweep
  for one, z in ((model, np.zeros((4, 2))), (model, np.zeros((3, 4, 3)))):
    with pytest.raises(UserError, match=r"\[N, L\] or \[M, N, L\] with L = 3 and M = 2"):
      one.decode(z)
  with pytest.raises(UserError, match="not finite"):
    model.decode(np.full((1, 3), np.nan))
  with pytest.raises(UserError, match=r"expected numbers \[N, L\] with L = 3\."):
    model[0].decode(np.zeros((2, 4, 3)))


def test_grey_levels_of_both_types_have_the_same_codes(sweep):
  model, _ = sweep
  grey = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
  np.testing.assert_allclose(
    model.encode(grey), model.encode(grey.astype(np.float32) / 255), atol=1e-6
  )


def test_settings_find_their_field_or_name_the_nearest():
  base = {
    "seed": 0,
    "sweep": {},
    "hyper": {"beta": 1.0},
    "model": {"name": "mlp", "hidden": [4], "rate": 1},
    "data": {"name": "digits", "rate": 2},
  }
  plain, swept = fitting._sorted_out(
    base,
    {"beta": [1, 4], "hidden": [8, 8], "seed": np.arange(2), "model": "conv"},
  )
  assert plain == {"model.hidden": [8, 8], "model.name": "conv"}
  assert swept == {"beta": [1, 4], "seed": [0, 1]}
  with pytest.raises(UserError, match="Did you mean 'beta'"):
    fitting._path(base, "betta")
  with pytest.raises(UserError, match=r"model\.rate or data\.rate"):
    fitting._path(base, "rate")


@pytest.mark.slow
def test_static_fields_are_programs_and_members_keep_their_order(tmp_path):
  model = vae_jax.fit(
    "digits", tmp_path, latents=[2, 3], beta=[1, 2], fields={"model": MODEL}, **SMALL
  )
  assert model.members["model.latents"].tolist() == [2, 2, 3, 3]
  assert model[2].encode("test").shape[-1] == 3
  with pytest.raises(UserError, match="ask one of them"):
    model.encode("test")
  assert model.score("test").shape == (4, 250)
  assert model.latents("test", 2)["z2"].isna().tolist() == [True] * 4 + [False] * 4


def test_arrays_lie_in_the_run_directory_and_other_data_is_refused(tmp_path):
  x = np.random.default_rng(0).random((60, 4, 4, 1)).astype(np.float32)
  model = vae_jax.fit(x, tmp_path, latents=2, hidden=[8], **SMALL)
  np.testing.assert_array_equal(np.load(tmp_path / "data.npz")["x"], x)
  assert model.encode(x).shape == (60, 2)  # no sweep, no [M]
  assert model.sample(3).shape == (3, 4, 4, 1)
  with pytest.raises(UserError, match="other data"):
    vae_jax.fit(x + 0.1, tmp_path, latents=2, hidden=[8], **SMALL)
  with pytest.raises(UserError, match="no numbers"):
    vae_jax.fit(np.array([None, {}]), tmp_path / "other")
  moved = tmp_path.with_name("moved")
  tmp_path.rename(moved)
  np.testing.assert_array_equal(vae_jax.load(moved).encode(x), model.encode(x))


def test_sequences_take_a_recurrent_network_by_themselves(tmp_path):
  x = np.random.default_rng(0).normal(size=(60, 5, 2)).astype(np.float32)
  model = vae_jax.fit(x, tmp_path, kind="sequence", hidden=8, latents=2, **SMALL)
  assert model.config["model"]["name"] == "lstm"
  assert model.decode(model.encode(x)).shape == x.shape


def test_a_data_frame_comes_back_in_its_own_units(tmp_path):
  draw = np.random.default_rng(0)
  frame = pandas.DataFrame(
    {
      "age": np.arange(60) % 9 + 20,
      "score": draw.normal(50, 5, 60),
      "city": ["a", "b"] * 30,
    }
  )
  frame.loc[3, "score"] = np.nan
  model = vae_jax.fit(frame, tmp_path, latents=2, hidden=[8], decoder=[], **SMALL)
  assert [c.name for c in model.spec.columns] == ["age", "score", "city"]
  assert model.config["data"]["rate"] == 0
  fields, stored = given.examples(frame, model._runs[0].dataset)
  assert not stored
  kept = model._runs[0].dataset.splits["test"]
  np.testing.assert_allclose(fields["x"], kept["x"], atol=1e-5)
  np.testing.assert_array_equal(fields["observed"], kept["observed"])
  turned = frame[["city", "score", "age"]]  # in any order
  np.testing.assert_array_equal(model.encode(turned), model.encode(frame))
  assert model.decode(model.encode(frame))[:, 0].mean() == pytest.approx(24, abs=3)
  for change, said in (
    ({"age": "old"}, "expected a number"),
    ({"city": "z"}, "'z' in row 0"),
    ({"age": np.inf}, "infinite"),
  ):
    with pytest.raises(UserError, match=said):
      model.encode(frame.astype(object).assign(**change))
  with pytest.raises(UserError, match="no column 'city'"):
    model.encode(frame.drop(columns="city"))


def spec(domain, **more):
  shape = (2,)
  return Spec(shape, "table", domain, **more)


@pytest.mark.parametrize(
  ("domain", "good", "bad", "said"),
  [
    ("binary", [[0, 1]], [[0, 2]], "0 or 1"),
    ("count", [[0, 7]], [[0.5, 1]], "whole numbers"),
    ("category", [[0, 2]], [[0, 3]], "from 0 to 2"),
    ("real", [[-5.5, 2]], [[np.inf, 0]], "not finite"),
  ],
)
def test_each_domain_has_its_rule(domain, good, bad, said):
  about = Dataset("made", spec(domain, categories=3), {"train": {}})
  found, _ = given.examples(np.array(good), about)
  np.testing.assert_array_equal(found["x"], good)
  assert found["x"].dtype == {"binary": bool, "category": np.int32}.get(domain, np.float32)
  with pytest.raises(UserError, match=said):
    given.examples(np.array(bad), about)


def test_columns_are_stored_as_their_loader_stores_them():
  columns = (
    Column("a", shift=3.0, scale=2.0),
    Column("b", "positive", shift=1.0, scale=0.5, unit=4.0),
    Column("c", "category", 2, names=("no", "yes")),
  )
  about = Dataset(
    "made", spec("mixed", columns=columns)._replace(shape=(3,)), {"train": {}}
  )
  found, _ = given.examples(np.array([[5.0, 4.0, 1.0]]), about)
  np.testing.assert_allclose(found["x"], [[1.0, (np.log(2) - 1) / 0.5, 1.0]], rtol=1e-6)
  np.testing.assert_allclose(
    given.own_units(found["x"], about.spec), [[5, 4, 1]], rtol=1e-5
  )
  with pytest.raises(UserError, match="below 0"):
    given.examples(np.array([[5.0, -4.0, 1.0]]), about)
  with pytest.raises(UserError, match="training rows did not have"):
    given.examples(np.array([[5.0, 4.0, 7.0]]), about)


def test_sources_are_told_apart(tmp_path):
  assert sources.named("digits") == ("digits", sources.Data())
  name, found = sources.named(tmp_path)  # a folder of pictures
  settings = configuration.load(name, dict(found.fields))
  assert settings["data"]["name"] == "images"
  assert settings["data"]["path"] == str(tmp_path)
  assert settings["sweep"] == {}
  (tmp_path / "x.csv").write_text("a,b\n1,2\n")
  name, found = sources.named(tmp_path / "x.csv")
  assert (name, found.fields) == ("arrays", {"data.path": str(tmp_path / "x.csv")})
  holes = np.array([[1.0, np.nan], [2.0, 3.0]])
  assert sources.named(holes)[0] == "tables"
  assert sources.named({"x_train": np.zeros((3, 2))})[0] == "arrays"
  for gone in ("gone.csv", "gone.npz"):
    with pytest.raises(UserError, match="There is no file gone"):
      sources.named(gone)


@pytest.mark.slow
def test_a_posterior_that_is_not_gaussian_has_a_code_too(tmp_path):
  model = vae_jax.fit(
    "digits", tmp_path, latents=4, fields={"model": MODEL, "posterior.name": "iaf"}, **SMALL
  )
  assert np.isfinite(model.encode("test")).all()
  assert "std0" not in model.latents("test", 3).columns
  q = distributions  # the point that stands for it
  run = model._runs[0]
  params = jax.tree.map(lambda leaf: leaf[0], run.params)
  x = data.decode(run.dataset.splits["test"]["x"][:2])
  code = jax.vmap(lambda one: q.code(run.vae.posterior(params, {"x": one, "id": 0})))(x)
  np.testing.assert_allclose(model.encode("test")[:2], code, atol=1e-5)
