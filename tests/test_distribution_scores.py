"""Scores of samples on sets whose answer is known, and in the report of generation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_applications import FEW, bind, cell, nothing, open_with, table_data

from vae_jax.applications import _pictures, generation, reconstruction
from vae_jax.baselines import classifier, pca_gmm, per_pixel
from vae_jax.data import _bits
from vae_jax.metrics import frechet, manifold
from vae_jax.types import Dataset, Posterior, Spec


def test_frechet_is_the_distance_of_gaussians():
  rng = np.random.default_rng(0)
  x = rng.normal(size=(400, 3))
  assert frechet.distance(x, x) == pytest.approx(0, abs=1e-9)
  assert frechet.distance(x, x + np.array([3, 4, 0])) == pytest.approx(25, rel=1e-9)
  # Along one axis (s - t)^2: a set and twice the same set.
  doubled = x * 2
  expected = np.square(x.mean(0)).sum() + np.trace(np.cov(x.T))
  assert frechet.distance(x, doubled) == pytest.approx(expected, rel=1e-9)
  far = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 3)) + 1
  assert frechet.distance(x, far) == pytest.approx(frechet.distance(far, x), rel=1e-6)
  assert np.isnan(frechet.distance(x, np.full((9, 3), np.nan)))
  assert frechet.distance(x[:, :1], x[:, :1] + 2) == pytest.approx(4, rel=1e-9)


def test_manifold_scores_of_copies_and_of_strangers():
  rng = np.random.default_rng(1)
  x = rng.normal(size=(120, 2))
  same = manifold.scores(x, x, 5)
  assert same.precision == same.recall == same.coverage == 1
  assert same.density == pytest.approx(6 / 5)  # k others and itself, / k
  assert manifold.scores(x, x + 100, 5) == (0, 0, 0, 0)
  one = manifold.scores(x, np.repeat(x[:1], 120, 0), 5)  # a collapse onto one example
  assert one.precision == 1
  assert one.recall < 0.1
  assert one.coverage < 0.2
  # Five points on a line, a gap of 1 between two; with k = 1 every ball reaches to the next.
  line = np.arange(5.0)[:, None]
  assert manifold.radii(line, 1).tolist() == [1] * 5
  found = manifold.scores(line, np.array([[0.5], [9.0], [9.5]]), 1)
  assert found.precision == pytest.approx(1 / 3)
  assert found.density == pytest.approx(2 / 3)
  assert found.coverage == pytest.approx(2 / 5)


def test_radii_do_not_depend_on_the_block(monkeypatch):
  x = np.random.default_rng(2).normal(size=(50, 4))
  whole = manifold.scores(x[:30], x[20:], 3)
  monkeypatch.setattr(manifold, "BLOCK", 7)
  np.testing.assert_allclose(manifold.scores(x[:30], x[20:], 3), whole)


def test_a_mixture_finds_two_clouds_and_a_gaussian_does_not():
  rng = np.random.default_rng(0)
  x = np.concatenate([rng.normal(-4, 0.5, (200, 2)), rng.normal(4, 0.5, (200, 2))])
  fitted = pca_gmm.fit(x, 2, 2, seed=0)
  drawn = pca_gmm.sample(fitted, 300, seed=1)
  assert (np.abs(drawn) > 2).all(1).mean() > 0.95
  np.testing.assert_array_equal(drawn, pca_gmm.sample(fitted, 300, seed=1))


def test_per_pixel_draws_have_the_mean_of_each_pixel():
  x = np.tile(np.array([0.0, 0.25, 1.0])[:, None], (50, 1, 1))
  drawn = per_pixel.sample(x, 4000, np.random.default_rng(0))
  assert set(np.unique(drawn)) == {0, 1}
  np.testing.assert_allclose(drawn.mean(0)[:, 0], [0, 0.25, 1], atol=0.03)


def test_features_are_of_a_classifier_that_learned_something():
  rng = np.random.default_rng(0)
  label = np.arange(200) % 2
  x = rng.normal(size=(200, 6)) + 3 * label[:, None]
  key = jax.random.key(0)
  features = classifier.fit_features(x, label, 2, key, 20, 8)(x)
  assert features.shape == (200, 8)
  means = [features[label == k].mean(0) for k in (0, 1)]
  assert np.linalg.norm(means[0] - means[1]) > 1


def images() -> Dataset:
  made = table_data(shape=(4, 4, 1), kind="image")
  splits = {
    name: {**fields, "x": 1 / (1 + np.exp(-fields["x"]))}
    for name, fields in made.splits.items()
  }
  return made._replace(
    spec=Spec((4, 4, 1), "image", "unit", classes=("a", "b")), splits=splits
  )


def test_the_report_has_the_floor_reconstructions_both_samplers_and_baselines():
  data = images()

  def encode(params, x):
    return Posterior(x.reshape(-1), jnp.full(16, -20.0))

  vae = bind(data, encode, lambda params, z: z.reshape(4, 4, 1), 16)
  run = open_with(data, vae)
  settings = {**FEW, "epochs": 2, "features": 8, "components": 2}
  found = generation.evaluate(run, data, jax.random.key(1), settings)
  table = next(t for t in found.tables if "distributed" in t.title)
  names = [row[table.columns.index("examples")] for row in table.rows]
  assert names == [
    "train (floor)",
    "reconstructions",
    "samples of N(0, I)",
    "samples of a mixture",
    "PCA + Gaussian",
    "PCA + mixture",
    "per-pixel Bernoulli",
  ]
  assert cell(table, "÷ floor") == 1
  assert cell(table, "Fréchet", 1) == pytest.approx(0, abs=1e-6)  # an exact reconstruction
  assert cell(table, "precision", 1) == cell(table, "coverage", 1) == 1
  # Codes of [0, 1] data are far from N(0, I); a mixture fitted to them is not.
  assert cell(table, "Fréchet", 3) < cell(table, "Fréchet", 2)
  assert any("mixture over the codes" in text for text in found.findings)


def test_without_labels_it_says_so_and_a_collapse_is_named():
  data = table_data(labels=False)
  found = generation.evaluate(open_with(data, nothing(data)), data, jax.random.key(2), FEW)
  assert any("left out" in text for text in found.findings)
  assert not any("distributed" in t.title for t in found.tables)
  labelled = images()
  report = generation.evaluate(
    open_with(labelled, nothing(labelled)), labelled, jax.random.key(3),
    {**FEW, "epochs": 1, "features": 4, "components": 2},
  )  # fmt: skip
  table = next(t for t in report.tables if "distributed" in t.title)
  rows = [row for row in table.rows if row[table.columns.index("seed")] is not None]
  assert all("0 of 2 COLLAPSED" in row for row in rows)


def test_packed_bits_are_drawn_as_pictures():
  x = np.random.default_rng(3).uniform(size=(6, 8, 8, 1)) > 0.5
  spec = Spec((8, 8, 1), "image", "binary")
  np.testing.assert_array_equal(_pictures.plain(_bits.pack(x), spec), x)
  np.testing.assert_array_equal(_pictures.plain(x, spec), x)
  grey = np.array([[0, 51, 255]], np.uint8)
  drawn = _pictures.plain(grey, Spec((3,), "table", "unit"))
  np.testing.assert_allclose(drawn, [[0, 0.2, 1]], rtol=1e-6)


def test_the_linear_code_of_a_large_split_sees_a_part_of_it(monkeypatch):
  data = table_data()
  run, key = open_with(data, nothing(data)), jax.random.key(4)
  train, test = data.splits["train"]["x"], data.splits["test"]["x"]
  whole = reconstruction._baselines(run, data, test, key)[2]
  np.testing.assert_allclose(whole.mean, train.mean(0), atol=1e-6)
  monkeypatch.setattr(reconstruction, "LARGE", 39)
  monkeypatch.setattr(reconstruction, "FITTED", 14)
  part = reconstruction._baselines(run, data, test, key)[2]
  np.testing.assert_allclose(part.mean, train[::3].mean(0), atol=1e-6)
