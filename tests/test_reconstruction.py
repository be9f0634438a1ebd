"""Reconstruction on models whose answer is known, and on what it must not do."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, scored
from made import (
  SIZE,
  bind,
  exact_linear,
  identity,
  nothing,
  open_with,
  table_data,
)
from scipy import stats

from vae_jax import asking, report
from vae_jax.baselines import pca
from vae_jax.likelihoods import Likelihood
from vae_jax.metrics import fidelity
from vae_jax.metrics.comparison import estimate_of
from vae_jax.metrics.summary import ratio
from vae_jax.types import Column, Posterior, Spec, UserError

SMALL = {"samples": 8, "limit": 20}


def ask(run, settings=SMALL):
  return evaluated("reconstruction", run, settings)


def one(found, metric, **known):
  values = scored(found, metric, **known)
  assert len(values) == 1, (metric, known, values)
  return values[0]


def absent(found):
  return {row[found.scores.columns.index("metric")] for row in found.scores.rows}


def with_holes(share=0.3):
  """The table with some entries missing: x holds 0 there, as `data.tables` has it."""
  data, rng = table_data(), np.random.default_rng(3)
  for fields in data.splits.values():
    fields["observed"] = rng.random(fields["x"].shape) > share
    fields["x"] = np.where(fields["observed"], fields["x"], 0).astype(np.float32)
  return data


def test_identity_is_rebuilt_without_error():
  data = table_data()
  found = ask(open_with(data, identity(data)))
  assert one(found, "mse", method="VAE") == 0
  assert one(found, "psnr", method="VAE") == np.inf
  assert one(found, "other", method="VAE") > 1
  assert scored(found, "mse", active=f"{SIZE} of {SIZE}") == [0]
  assert one(found, "mse", method=f"PCA, {SIZE} numbers") < 1e-10  # as many as x has
  average = data.splits["train"]["x"].mean(0)
  expected = np.square(data.splits["test"]["x"] - average).mean()
  assert one(found, "mse", method="average example") == pytest.approx(expected, rel=1e-5)


def test_the_nll_of_the_exact_posterior_is_the_evidence():
  data = table_data()
  vae, evidence = exact_linear(data)
  found = ask(open_with(data, vae), {"samples": 5, "limit": 30})
  truth = -evidence.logpdf(data.splits["test"]["x"])
  np.testing.assert_allclose(found.arrays["scores/nll/VAE"][0], truth, rtol=1e-4)
  assert one(found, "nll") == pytest.approx(truth.mean(), rel=1e-4)
  assert one(found, "ess") == pytest.approx(5, rel=1e-3)
  elbo = one(found, "elbo")
  assert elbo == pytest.approx(-one(found, "rate") - one(found, "distortion"))
  assert one(found, "gap") == pytest.approx(-elbo - truth.mean(), abs=1e-3)
  assert one(found, "bits") == pytest.approx(-elbo / SIZE / np.log(2))
  assert "NLL (K=5), nats" in found.tables[0].columns
  assert "gaussian, a density" in found.tables[0].note  # bits of it may be below 0


def test_the_nll_depends_neither_on_the_chunk_nor_on_the_other_examples():
  data = table_data()
  vae, _ = exact_linear(data)
  off = vae._replace(
    posterior=lambda params, e: Posterior(vae.posterior(params, e).mean + 0.3, jnp.zeros(2))
  )
  run = open_with(data, off)
  small = ask(run, {"samples": 7, "limit": 6, "chunk": 2}).arrays
  large = ask(run, {"samples": 7, "limit": 30, "chunk": 7}).arrays
  rows = np.searchsorted(large["nll_id"], small["nll_id"])
  name = "scores/nll/VAE"
  np.testing.assert_allclose(small[name], large[name][:, rows], rtol=1e-5)
  assert (large[name] <= -np.log(1e-30)).all()


def test_collapse_stands_beside_every_score():
  data = table_data()
  found = ask(open_with(data, nothing(data)))
  assert one(found, "rate") == 0
  assert any(finding.startswith("COLLAPSED") for finding in found.findings)
  columns = found.scores.columns
  ours = [r for r in found.scores.rows if r[columns.index("method")] == "VAE"]
  assert {row[columns.index("active")] for row in ours} == {"0 of 2 COLLAPSED"}


def test_a_deterministic_autoencoder_has_no_elbo():
  data = table_data()
  found = ask(open_with(data, identity(data), objective="autoencoder"))
  assert "beta" not in found.scores.columns
  assert one(found, "distortion", method="autoencoder") is not None
  assert not absent(found) & {"rate", "elbo", "bits", "nll", "gap", "ess", "bytes"}
  # What it is held by in place of the ELBO, and against PCA.
  assert found.headline["metric"] == "Distortion"
  assert [v["metric"] for v in found.verdicts] == ["mse"]


def test_a_number_that_is_no_likelihood_is_not_called_one():
  data = table_data()
  run = open_with(data, identity(data))
  run = run._replace(likelihood=run.likelihood._replace(proper=False))
  assert isinstance(run.likelihood, Likelihood)
  found = ask(run)
  assert not absent(found) & {"nll", "bits"}
  assert "iw" in absent(found)
  assert "not a likelihood" in found.tables[0].note


def test_seeds_are_averaged_and_settings_are_rows():
  data = table_data()
  axes = {"beta": [0.5, 1.0, 2.0, 4.0], "seed": [0, 1]}
  run = open_with(data, identity(data), axes=axes)
  found = ask(run)
  nats = found.tables[0]
  assert nats.columns[:3] == ("β", "method", "seeds")
  assert [row[:3] for row in nats.rows] == [[b, "VAE", 2] for b in axes["beta"]]
  pair = scored(found, "elbo", beta=0.5)
  assert nats.rows[0][nats.columns.index("ELBO, nats")] == pytest.approx(np.mean(pair))
  labels = next(f for f in found.figures if f.name == "chosen").data["rows"]
  assert labels[0] == "original"
  assert labels[-1] == "PCA"
  assert len(labels) == 5
  assert "on validation" in found.findings[0]


def test_a_nan_is_counted_and_shown():
  data = table_data()
  run = open_with(data, identity(data), axes={"seed": [0, 1]})
  broken = run._replace(params={"scale": np.array([1, np.nan], np.float32)})
  found = ask(broken)
  assert np.isnan(one(found, "elbo", seed=1))
  assert scored(found, "elbo", active="NaN")
  assert any("scores are NaN" in finding for finding in found.findings)


def test_squared_errors_are_of_what_is_observed_alone():
  """A model that rebuilds every row by 1 everywhere, on a table with holes."""
  data = with_holes()
  encode = lambda params, x: Posterior(x[:2], jnp.zeros(2))
  ones = bind(data, encode, lambda params, z: jnp.ones(SIZE) + 0 * z[0], 2)
  found = ask(open_with(data, ones))
  test = data.splits["test"]
  expected = np.square(test["x"] - 1)[test["observed"]].mean()
  assert one(found, "mse", method="VAE") == pytest.approx(expected, rel=1e-5)
  train = data.splits["train"]
  average = np.where(train["observed"], train["x"], np.nan)
  average = np.nanmean(average, 0)
  expected = np.square(test["x"] - average)[test["observed"]].mean()
  # The mean by EM is not quite that of what is observed.
  assert one(found, "mse", method="average example") == pytest.approx(expected, rel=0.02)
  bits, dims = found.arrays["scores/bits/VAE"][0].T
  np.testing.assert_array_equal(dims, test["observed"].sum(1))
  assert one(found, "bits") == pytest.approx(bits.sum() / dims.sum())


def test_categories_have_no_distance_and_counts_have_that_of_their_logarithm():
  columns = (Column("a"), Column("b", "category", 3), Column("c", "count"))
  spec = Spec((3,), "table", "mixed", columns=columns)
  x, y = jnp.array([1.0, 2.0, 7.0]), jnp.array([3.0, 0.0, 0.0])
  total, count = fidelity.squares(spec, x, y, jnp.ones(3))
  assert count == 2
  assert total == pytest.approx(4 + np.log(8) ** 2)
  total, count = fidelity.squares(spec, x, y, jnp.array([1.0, 1.0, 0.0]))
  assert (total, count) == (4, 1)


def test_bits_are_for_each_number_that_is_there():
  words = Spec((4,), "sequence", "category", 9, symbols=("<pad>", "<eos>", "a"))
  x = np.array([[2, 2, 1, 0], [1, 0, 0, 0]])
  assert fidelity.dimensions(words, {"x": x, "id": np.arange(2)}).tolist() == [3, 1]
  picture = Spec((2, 2, 3), "image", "unit")
  seen = np.ones((1, 2, 2, 1))
  seen[0, 0, 0] = 0
  fields = {"x": np.zeros((1, 2, 2, 3)), "observed": seen, "id": np.arange(1)}
  assert fidelity.dimensions(picture, fields).tolist() == [9]


def test_the_elbo_of_a_bound_of_many_samples_is_of_one():
  """MIWAE's own loss is the bound of 20 draws; its ELBO is that of one, as everybody's."""
  data = table_data()
  vae, _ = exact_linear(data)
  off = vae._replace(
    posterior=lambda params, e: Posterior(vae.posterior(params, e).mean + 0.5, jnp.zeros(2))
  )
  plain = ask(open_with(data, off))
  run = open_with(data, off, objective="miwae")
  run.config["objective"]["samples"] = 20
  several = ask(run)
  for metric in ("elbo", "rate", "distortion", "gap"):
    assert one(several, metric) == pytest.approx(one(plain, metric), rel=1e-5)
  assert asking.terms(run, data.splits["test"])["elbo"].mean() > one(several, "elbo") + 0.3


def test_a_ratio_has_the_interval_of_its_rows():
  """Rows of one error each, repeated: an interval over entries would be far too narrow."""
  rng = np.random.default_rng(0)
  each, count = rng.exponential(size=400), rng.integers(1, 20, 400)
  rows = np.stack([each * count, count], 1)
  assert ratio(rows) == pytest.approx((each * count).sum() / count.sum())
  assert np.isnan(ratio(np.zeros((3, 2))))
  found = estimate_of(ratio, rows[None])
  residual = count * (each - ratio(rows)) / count.mean()
  linear = stats.t.ppf(0.975, 399) * residual.std(ddof=1) / 20
  assert found.half == pytest.approx(linear, rel=0.15)


@pytest.mark.parametrize(
  ("settings", "word"),
  [
    ({"splitt": "test"}, "split"),
    ({"split": "holdout"}, "holdout"),
    ({"limit": "many"}, "limit"),
    ({"limit": 0}, "at least 1"),
    ({"palette": "jet"}, "magma"),
  ],
)
def test_settings_are_checked_first(settings, word):
  data = table_data()
  with pytest.raises(UserError, match=word):
    ask(open_with(data, identity(data)), settings)


def test_pca_rebuilds_what_lies_in_its_plane():
  rng = np.random.default_rng(0)
  x = (rng.normal(size=(60, 2)) @ rng.normal(size=(2, 6)) + 3).reshape(60, 2, 3)
  fitted = pca.fit(x, 2)
  np.testing.assert_allclose(pca.rebuild(fitted, x), x, atol=1e-4)
  assert np.ptp(pca.rebuild(fitted, x, 0), axis=0).max() < 1e-5  # the mean, for every row
  assert pca.sample(fitted, 5, rng).shape == (5, 2, 3)
  assert len(pca.fit(x[:3], 4).std) == 3
  with pytest.raises(UserError, match="there are 1"):
    pca.fit(x[:1], 2)


def test_pca_of_a_table_with_holes_finds_its_plane():
  """Rows in a plane: three numbers of six tell the rest, also those that are missing."""
  rng = np.random.default_rng(0)
  x = (rng.normal(size=(300, 2)) @ rng.normal(size=(2, 6)) + 3).astype(np.float32)
  seen = (rng.random(x.shape) > 0.4).astype(np.float32)
  seen[:, 5] = 0  # never seen: no part of a code
  fitted = pca.fit_seen(np.where(seen > 0, x, 99), seen, 2)
  rebuilt = pca.rebuild_seen(fitted, np.where(seen > 0, x, 99), seen)
  enough = seen.sum(1) >= 3
  gap = (rebuilt - x)[enough][:, :5]
  assert np.abs(gap).mean() < 0.05
  assert not rebuilt[:, 5].any()
  whole = np.ones_like(seen)
  np.testing.assert_allclose(
    pca.rebuild_seen(pca.fit_seen(x, whole, 2), x, whole),
    pca.rebuild(pca.fit(x, 2), x),
  )


@pytest.mark.parametrize(
  ("shape", "kind", "labels"),
  [((5, 5, 3), "image", True), ((12, 2), "sequence", False), ((6,), "table", False)],
)
def test_every_kind_of_example_is_drawn(shape, kind, labels, tmp_path):
  data = table_data(shape, kind, labels)
  found = ask(open_with(data, identity(data)))
  report.save(found, tmp_path)
  names = {figure.name for figure in found.figures}
  assert {"chosen", "median", "worst", "rates", "errors"} <= names
  for name in names:
    path = tmp_path / "figures" / f"reconstruction_{name}.png"
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_a_code_of_two_numbers_is_drawn_as_a_plane():
  data = table_data()
  vae, _ = exact_linear(data)
  plane = next(f for f in ask(open_with(data, vae)).figures if f.name == "codes")
  assert plane.data["points"].shape == (30, 2)
  assert set(plane.data["labels"]) == {0, 1}
