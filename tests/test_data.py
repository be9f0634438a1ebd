"""Every dataset holds what its spec says, and what it says is checked."""

import subprocess
import sys

import jax
import numpy as np
import pytest
import scipy.stats
from data_files import config_of

from vae_jax import data, noise, registry
from vae_jax.data import linear_gaussian
from vae_jax.types import Dataset, Spec, UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
  monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "cache"))
  return tmp_path / "cache"


@pytest.mark.parametrize("name", registry.names("data"))
def test_contract(name, tmp_path):
  options = data.options(name)
  assert set(data.COMMON) <= set(options)
  assert all(isinstance(v, int | float | str | bool | tuple) for v in options.values())
  config = {"name": name, **config_of(name, tmp_path)}
  first, again = data.load(config, str(tmp_path)), data.load(config, str(tmp_path))
  assert list(first.splits) == ["train", "valid", "test"]
  assert first.note
  assert first.name in data.describe(first)
  for split, fields in first.splits.items():
    for field, values in fields.items():
      np.testing.assert_array_equal(values, again.splits[split][field])
    x = _examples(first, fields)
    assert x.shape[1:] == first.spec.shape
    assert x.dtype == (np.int32 if first.spec.domain == "category" else np.float32)


def _examples(dataset, fields):
  """x as a model is given it."""
  x = data.decode(fields["x"])
  if dataset.transform is None:
    return np.asarray(x)
  keys = jax.random.split(jax.random.key(0), len(x))
  return np.asarray(jax.vmap(lambda key, x: dataset.transform(key, {"x": x})["x"])(keys, x))


@pytest.mark.parametrize(
  "name",
  [
    n
    for n in registry.names("data")
    if n not in ("melodies", "features", "series", "glyphs")
  ],  # own splits
)
def test_held_out_examples_are_not_in_train(name, tmp_path):
  made = data.load({"name": name, "valid": 5, **config_of(name, tmp_path)}, str(tmp_path))
  assert len(made.splits["valid"]["x"]) == 5
  train, valid = (
    {row.tobytes() for row in made.splits[s]["x"]} for s in ("train", "valid")
  )
  assert not train & valid
  with pytest.raises(UserError, match=r"data\.valid is 1e\+06"):
    data.load({"name": name, "valid": 1e6, **config_of_again(name)}, str(tmp_path))


def config_of_again(name):
  return {
    "arrays": {"path": "own.npz"},
    "tfds": {"set": "toy"},
    "images": {"path": "own"},
  }.get(name, {})


@pytest.mark.parametrize("name", ["digits", "idx", "arrays", "tfds"])
def test_binarisation_is_one_thing_everywhere(name, tmp_path):
  config = {"name": name, **config_of(name, tmp_path)}
  grey = data.load(config, str(tmp_path))
  static = data.load({**config, "binarise": "static"}, str(tmp_path))
  dynamic = data.load({**config, "binarise": "dynamic"}, str(tmp_path))
  assert grey.spec.domain == "unit"
  assert static.spec.domain == dynamic.spec.domain == "binary"
  level = np.asarray(data.decode(grey.splits["train"]["x"]))
  np.testing.assert_array_equal(static.splits["train"]["x"], level >= 0.5)
  with pytest.raises(UserError, match="MNIST alone"):
    data.load({**config, "binarise": "larochelle"}, str(tmp_path))
  with pytest.raises(UserError, match="none, static"):
    data.load({**config, "binarise": "Static"}, str(tmp_path))


def test_dynamic_binarisation_has_the_grey_level_as_its_mean():
  made = data.load({"name": "digits", "binarise": "dynamic"}, None)
  example = {"x": made.splits["train"]["x"][0], "id": np.int32(0)}
  keys = jax.vmap(lambda epoch: noise.key(0, epoch, "data", 0))(np.arange(4000))
  drawn = np.asarray(jax.vmap(lambda key: made.transform(key, example)["x"])(keys))
  assert set(np.unique(drawn)) == {0.0, 1.0}
  error = np.sqrt(example["x"] * (1 - example["x"]) / 4000)
  assert np.all(np.abs(drawn.mean(0) - example["x"]) <= 4.5 * error)


def test_digits_are_exact_stratified_and_the_same_for_every_seed():
  import sklearn.datasets

  made = data.load({"name": "digits"}, None)
  other = data.load({"name": "digits", "seed": 3}, None)
  assert [len(made.splits[s]["x"]) for s in made.splits] == [1297, 250, 250]
  every = np.concatenate([v["x"] for v in made.splits.values()]).reshape(-1, 64) * 16
  raw = sklearn.datasets.load_digits().data
  np.testing.assert_array_equal(every[np.lexsort(every.T)], raw[np.lexsort(raw.T)])
  for split, fields in made.splits.items():
    np.testing.assert_array_equal(fields["x"], other.splits[split]["x"])
    share = np.bincount(fields["label"], minlength=10) / len(fields["label"])
    assert np.all(np.abs(share - 0.1) < 0.01)


def test_the_linear_gaussian_is_the_one_it_says():
  config = {"name": "linear_gaussian", "dims": 6, "latents": 3, "n": 40_000, "noise": 0.3}
  made, truth = data.load(config, None), linear_gaussian.truth({"dims": 6, "noise": 0.3})
  x = made.splits["train"]["x"]
  np.testing.assert_allclose(
    np.linalg.svd(truth.weights, compute_uv=False), [3, 2, 1], rtol=1e-12
  )
  exact = scipy.stats.multivariate_normal(truth.bias, truth.covariance)
  np.testing.assert_allclose(truth.evidence(x), exact.logpdf(x), rtol=1e-9)
  entropy, error = exact.entropy(), np.sqrt(6 / 2 / len(x))
  assert abs(truth.evidence(x).mean() + entropy) < 4.5 * error
  np.testing.assert_allclose(np.cov(x.T), truth.covariance, atol=0.3)
  residual = x - made.splits["train"]["latent"] @ truth.weights.T - truth.bias
  np.testing.assert_allclose(residual.std(), 0.3, rtol=0.01)
  for wrong in ({"latents": 11}, {"noise": 0.0}, {"n": 1}):
    with pytest.raises(UserError, match=f"data.{next(iter(wrong))} is"):
      data.load({"name": "linear_gaussian", **wrong}, None)


def test_what_a_dataset_says_is_checked():
  good = data.load({"name": "digits"}, None)
  fields = good.splits["train"]
  for change, match in (
    ({"x": fields["x"] * 2}, r"has [12]\.\d+ in row \d+; expected values in \[0, 1\]"),
    ({"x": fields["x"][1:]}, "'label' has 1297 rows and 'x' has 1296"),
    ({"x": fields["x"][:, 1:]}, r"\(7, 8, 1\) and the spec says"),
    ({"label": fields["label"] + 1}, r"'label' has 10 in row \d+"),
    ({"label": fields["label"].astype(float)}, "'label' is float64"),
    ({"mask": fields["label"]}, "rename it"),
    ({"x": fields["x"].astype(np.int32)}, "int32 for category"),
  ):
    splits = {**good.splits, "train": {**fields, **change}}
    with pytest.raises(UserError, match=match):
      data._check.dataset(good._replace(splits=splits))
  table = Dataset("t", Spec((2,), "table", "real"), {})
  with pytest.raises(UserError, match="no split test, train, valid"):
    data._check.dataset(table)
  wrong = good._replace(transform=lambda key, example: {**example, "x": example["x"] * 3})
  with pytest.raises(UserError, match="after its transform"):
    data._check.transformed(wrong, data.decode)


def test_importing_data_imports_nothing_heavy():
  heavy = ["tensorflow", "tensorflow_datasets", "grain", "sklearn", "matplotlib"]
  names = ", ".join(f"vae_jax.data.{n}" for n in registry.names("data"))
  code = f"import sys, {names}; print([m for m in {heavy} if m in sys.modules])"
  done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
  assert done.stdout.strip() == "[]", done.stderr
