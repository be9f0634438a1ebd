"""Reconstruction on models whose answer is known, and on what it must not do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made import (
  SIZE,
  cell,
  exact_linear,
  identity,
  nothing,
  open_with,
  table_data,
)

from vae_jax import report
from vae_jax.applications import _members, reconstruction
from vae_jax.baselines import pca
from vae_jax.likelihoods import Likelihood
from vae_jax.types import Posterior, UserError

KEY = jax.random.key(0)
SMALL = {"samples": 8, "limit": 20}


def test_identity_is_rebuilt_without_error():
  data = table_data()
  report = reconstruction.evaluate(open_with(data, identity(data)), data, KEY, SMALL)
  errors = report.tables[1]
  assert cell(errors, "mse") == 0
  assert cell(errors, "psnr") == np.inf
  assert cell(errors, "mse, another's code") > 1
  assert cell(errors, "active") == f"{SIZE} of {SIZE}"
  assert cell(errors, "mse", 1) < 1e-10  # PCA with as many numbers as x has


def test_the_nll_of_the_exact_posterior_is_the_evidence():
  data = table_data()
  vae, evidence = exact_linear(data)
  run = open_with(data, vae)
  report = reconstruction.evaluate(run, data, KEY, {"samples": 5, "limit": 30})
  truth = -evidence.logpdf(data.splits["test"]["x"])
  np.testing.assert_allclose(report.arrays["nll"][0], truth, rtol=1e-4)
  nats = report.tables[0]
  assert cell(nats, "nll (K=5)") == pytest.approx(truth.mean(), rel=1e-4)
  assert cell(nats, "ess") == pytest.approx(5, rel=1e-3)
  assert cell(nats, "elbo") == pytest.approx(-cell(nats, "rate") - cell(nats, "distortion"))
  assert cell(nats, "bits/dim") == pytest.approx(-cell(nats, "elbo") / SIZE / np.log(2))


def test_the_nll_depends_neither_on_the_chunk_nor_on_the_other_examples():
  data = table_data()
  vae, _ = exact_linear(data)
  off = vae._replace(
    posterior=lambda params, e: Posterior(vae.posterior(params, e).mean + 0.3, jnp.zeros(2))
  )
  run = open_with(data, off)
  small = reconstruction.evaluate(run, data, KEY, {"samples": 7, "limit": 6, "chunk": 2})
  large = reconstruction.evaluate(run, data, KEY, {"samples": 7, "limit": 30, "chunk": 7})
  rows = np.searchsorted(large.arrays["nll_id"], small.arrays["nll_id"])
  np.testing.assert_allclose(small.arrays["nll"], large.arrays["nll"][:, rows], rtol=1e-5)
  assert (large.arrays["nll"] <= -np.log(1e-30)).all()


def test_collapse_stands_beside_every_score():
  data = table_data()
  report = reconstruction.evaluate(open_with(data, nothing(data)), data, KEY, SMALL)
  assert cell(report.tables[0], "rate") == 0
  assert any(finding.startswith("COLLAPSED") for finding in report.findings)
  for table in report.tables:
    rows = [row for row in table.rows if row[table.columns.index("seed")] is not None]
    assert all("0 of 2 COLLAPSED" in row for row in rows), table.title


def test_a_deterministic_autoencoder_has_no_elbo():
  data = table_data()
  run = open_with(data, identity(data), objective="autoencoder")
  nats, _, sizes = reconstruction.evaluate(run, data, KEY, SMALL).tables
  assert "beta" not in nats.columns
  assert cell(nats, "distortion") is not None
  absent = ["rate", "elbo", "± elbo", "bits/dim", "nll (K=8)", "gap", "ess"]
  assert [cell(nats, name) for name in absent] == [None] * len(absent)
  assert cell(sizes, "rate bytes") is None


def test_a_number_that_is_no_likelihood_is_not_called_one():
  data = table_data()
  run = open_with(data, identity(data))
  run = run._replace(likelihood=run.likelihood._replace(proper=False))
  assert isinstance(run.likelihood, Likelihood)
  nats = reconstruction.evaluate(run, data, KEY, SMALL).tables[0]
  assert not any(name.startswith("nll") or name == "bits/dim" for name in nats.columns)
  assert "not a likelihood" in nats.note


def test_members_are_rows_and_seeds_are_averaged():
  data = table_data()
  axes = {"beta": [0.5, 1.0, 2.0, 4.0], "seed": [0, 1]}
  run = open_with(data, identity(data), axes=axes)
  report = reconstruction.evaluate(run, data, KEY, SMALL)
  nats = report.tables[0]
  assert nats.columns[:2] == ("beta", "seed")
  assert [row[:2] for row in nats.rows[:3]] == [[0.5, 0], [0.5, 1], [1.0, 0]]
  seeds = next(t for t in report.tables if "across seeds" in t.title)
  assert seeds.columns[:2] == ("beta", "n")
  assert [row[:2] for row in seeds.rows] == [[b, 2] for b in axes["beta"]]
  pair = [cell(nats, "elbo", 0), cell(nats, "elbo", 1)]
  assert cell(seeds, "elbo") == pytest.approx(np.mean(pair))
  assert cell(seeds, "± elbo") == pytest.approx(np.std(pair, ddof=1))
  assert _members.shown(run) == [0, 4, 6]
  labels = report.figures[0].data["rows"]
  assert labels == ["original", "β 0.5\nseed 0", "β 2\nseed 0", "β 4\nseed 0", "PCA"]


def test_a_nan_is_counted_and_shown():
  data = table_data()
  run = open_with(data, identity(data), axes={"seed": [0, 1]})
  broken = run._replace(params={"scale": np.array([1, np.nan], np.float32)})
  report = reconstruction.evaluate(broken, data, KEY, SMALL)
  assert np.isnan(cell(report.tables[0], "elbo", 1))
  assert cell(report.tables[0], "active", 1) == "NaN"
  assert any("30 of 60 scores are NaN" in finding for finding in report.findings)


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
    reconstruction.evaluate(open_with(data, identity(data)), data, KEY, settings)


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


@pytest.mark.parametrize(
  ("shape", "kind", "labels"),
  [((5, 5, 3), "image", True), ((12, 2), "sequence", False), ((6,), "table", False)],
)
def test_every_kind_of_example_is_drawn(shape, kind, labels, tmp_path):
  data = table_data(shape, kind, labels)
  run = open_with(data, identity(data))
  found = reconstruction.evaluate(run, data, KEY, SMALL)
  report.save(found, tmp_path)
  for figure in found.figures:
    path = tmp_path / "figures" / f"{found.application}_{figure.name}.png"
    assert path.read_bytes()[:4] == b"\x89PNG"


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
