"""Scores of samples on sets whose answer is known, and in the report of generation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, means
from made import bind, open_with, table_data
from test_generation import FEW

from vae_jax.applications.generation import MIXTURE, PRIOR, REBUILT, TRAIN
from vae_jax.baselines import classifier, pca_gmm, per_pixel
from vae_jax.data import _bits
from vae_jax.evaluation import pictures
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


def test_the_influence_of_an_example_is_how_the_distance_changes_with_its_weight():
  rng = np.random.default_rng(3)
  x, y = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=(60, 4)) + 1
  x[:, 3] = 0  # a feature that never fires
  found = frechet.influence(x, y)
  assert found.mean() == pytest.approx(frechet.distance(x, y), rel=1e-9)

  def weighted(weights):
    means = [np.average(v, axis=0, weights=weights) for v in (x, y)]
    covs = [np.cov(v, rowvar=False, aweights=weights, ddof=0) for v in (x, y)]
    cross = np.sqrt(np.maximum(np.linalg.eigvals(covs[0] @ covs[1]).real, 0)).sum()
    return np.square(means[0] - means[1]).sum() + sum(map(np.trace, covs)) - 2 * cross

  for n in (0, 7, 31):
    step, one = 1e-5, np.eye(60)[n]
    slope = (
      weighted((1 - step) / 60 + step * one) - weighted((1 + step) / 60 - step * one)
    ) / (2 * step)
    assert found[n] - found.mean() == pytest.approx(slope, rel=0.03)
  assert np.isnan(frechet.influence(x, np.full_like(y, np.nan))).all()


def test_the_spread_of_the_influence_is_the_error_of_the_distance():
  rng = np.random.default_rng(4)
  draw = lambda: (rng.normal(size=(400, 3)), rng.normal(size=(400, 3)) * 1.6 + 0.5)
  many = [frechet.distance(*draw()) for _ in range(300)]
  each = frechet.influence(*draw())
  assert each.std() / 20 == pytest.approx(np.std(many), rel=0.15)


def test_manifold_scores_of_copies_and_of_strangers():
  rng = np.random.default_rng(1)
  x = rng.normal(size=(120, 2))
  mean = lambda *sets: manifold.Scores(*(v.mean() for v in manifold.scores(*sets)))
  same = mean(x, x, 5)
  assert same.precision == same.recall == same.coverage == 1
  assert same.density == pytest.approx(6 / 5)  # k others and itself, / k
  assert mean(x, x + 100, 5) == (0, 0, 0, 0)
  one = mean(x, np.repeat(x[:1], 120, 0), 5)  # a collapse onto one example
  assert one.precision == 1
  assert one.recall < 0.1
  assert one.coverage < 0.2
  # Five points on a line, a gap of 1 between two; with k = 1 every ball reaches to the next.
  line = np.arange(5.0)[:, None]
  assert manifold.radii(line, 1).tolist() == [1] * 5
  found = mean(line, np.array([[0.5], [9.0], [9.5]]), 1)
  assert found.precision == pytest.approx(1 / 3)
  assert found.density == pytest.approx(2 / 3)
  assert found.coverage == pytest.approx(2 / 5)


def test_radii_do_not_depend_on_the_block(monkeypatch):
  x = np.random.default_rng(2).normal(size=(50, 4))
  whole = manifold.scores(x[:30], x[20:], 3)
  monkeypatch.setattr(manifold, "BLOCK", 7)
  for part, one in zip(manifold.scores(x[:30], x[20:], 3), whole, strict=True):
    np.testing.assert_array_equal(part, one)


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


def rebuilding(data):
  """A code that is the image itself."""
  encode = lambda params, x: Posterior(x.reshape(-1), jnp.full(16, -20.0))
  return bind(data, encode, lambda params, z: z.reshape(4, 4, 1), 16)


def test_the_report_has_the_floor_reconstructions_both_samplers_and_baselines():
  data = images()
  settings = {**FEW, "epochs": 2, "features": 8}
  found = evaluated("generation", open_with(data, rebuilding(data)), settings, 1)
  table = found.tables[0]
  assert "distributed" in table.title
  assert [row[table.columns.index("method")] for row in table.rows] == [
    "samples of the prior",
    "samples of a mixture",
    "reconstructions",
    "train (floor)",
    "PCA + Gaussian",
    "PCA + mixture",
    "per-pixel Bernoulli",
  ]
  of = {name: means(found, name) for name in ("frechet", "floor", "precision", "coverage")}
  assert of["floor"][TRAIN, ""] == pytest.approx(1)
  assert of["frechet"][REBUILT, ""] == pytest.approx(0, abs=1e-6)  # exact
  assert of["precision"][REBUILT, ""] == of["coverage"][REBUILT, ""] == 1
  # Codes of [0, 1] data are far from N(0, I); a mixture fitted to them is not.
  assert of["frechet"][MIXTURE, ""] < of["frechet"][PRIOR, ""]
  assert any(text.startswith("Samples of a mixture against") for text in found.findings)
  # Neither the reconstructions nor the floor, whose distances are least, is chosen or a rival.
  (verdict,) = found.verdicts
  assert verdict["method"] == MIXTURE
  assert verdict["baseline"].startswith("P")
  marked = {table.rows[row][table.columns.index("method")] for row, _ in table.marks}
  assert not marked & {REBUILT, TRAIN}


def test_the_choice_of_how_to_sample_is_made_on_validation():
  data = images()
  low = {**data.splits["valid"], "x": 0 * data.splits["valid"]["x"]}
  data = data._replace(splits={**data.splits, "valid": low})
  # Of N(0, I) the decoder makes what validation holds, of codes of train what test holds.
  vae = rebuilding(data)._replace(
    mean=lambda params, z: jnp.where(z.min() < 0, 0.0, z).reshape(4, 4, 1)
  )
  settings = {**FEW, "epochs": 2, "features": 8}
  found = evaluated("generation", open_with(data, vae), settings, 1)
  assert means(found, "frechet")[MIXTURE, ""] < means(found, "frechet")[PRIOR, ""]
  assert found.headline["method"] == PRIOR


def test_packed_bits_are_drawn_as_pictures():
  x = np.random.default_rng(3).uniform(size=(6, 8, 8, 1)) > 0.5
  spec = Spec((8, 8, 1), "image", "binary")
  np.testing.assert_array_equal(pictures.plain(_bits.pack(x), spec), x)
  np.testing.assert_array_equal(pictures.plain(x, spec), x)
  grey = np.array([[0, 51, 255]], np.uint8)
  drawn = pictures.plain(grey, Spec((3,), "table", "unit"))
  np.testing.assert_allclose(drawn, [[0, 0.2, 1]], rtol=1e-6)
