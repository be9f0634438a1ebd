"""Imputation on a model whose answer is known: the conditional mean of a Gaussian."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny

from vae_jax import config as configuration
from vae_jax import data, distributions, evaluating, report
from vae_jax import run as runs
from vae_jax import vae as models
from vae_jax.applications import _imputation, imputation
from vae_jax.baselines import em_gaussian, table_imputation
from vae_jax.objectives import miwae
from vae_jax.training import loop
from vae_jax.types import Posterior, Spec, UserError

D, L, STD = 4, 2, 0.5
W = np.linalg.qr(np.random.default_rng(1).normal(size=(D, L)))[0] * [1.2, 0.6]
COVARIANCE = W @ W.T + STD**2 * np.eye(D)
SMALL = {"samples": 200, "imputations": 20, "steps": 50, "forest": "no", "rounds": 3}


def linear():
  """x = W z + N(0, STD^2) with the exact posterior of a full row as its encoder."""
  gain = W / STD**2 / (1 + (W**2).sum(0) / STD**2)
  logvar = -np.log(1 + (W**2).sum(0) / STD**2)

  def log_likelihood(params, z, example):
    q = Posterior(jnp.asarray(W, jnp.float32) @ z, jnp.full(D, 2 * np.log(STD)))
    each = distributions.log_prob
    one = jax.vmap(lambda m, v, x: each(Posterior(m[None], v[None]), x[None]))
    return jnp.sum(example["observed"] * one(q.mean, q.logvar, example["x"]))

  vae = models.VAE(
    init=lambda key: {},
    posterior=lambda params, e: Posterior(
      e["x"] @ jnp.asarray(gain, jnp.float32), jnp.asarray(logvar, jnp.float32)
    ),
    log_likelihood=log_likelihood,
    sample=lambda params, z, key: (
      jnp.asarray(W, jnp.float32) @ z + STD * jax.random.normal(key, (D,))
    ),
    mean=lambda params, z: jnp.asarray(W, jnp.float32) @ z,
    prior=models.standard_prior(L),
    latents=L,
    mode=lambda params, z: z,
    decodes=lambda params: params,
  )
  return vae


def example():
  seen = np.array([1.0, 0.0, 1.0, 0.0])
  x = np.array([0.9, 0.0, -0.4, 0.0])
  inside = COVARIANCE[np.ix_([0, 2], [0, 2])]
  cross = COVARIANCE[np.ix_([1, 3], [0, 2])]
  mean = cross @ np.linalg.solve(inside, x[[0, 2]])
  spread = COVARIANCE[np.ix_([1, 3], [1, 3])] - cross @ np.linalg.solve(inside, cross.T)
  fields = {"x": jnp.asarray(x, jnp.float32), "observed": jnp.asarray(seen, jnp.float32)}
  return fields, mean, np.sqrt(np.diag(spread))


def test_weighted_draws_give_the_conditional_mean_of_a_gaussian():
  fields, mean, std = example()
  settings = {**imputation.SETTINGS, "samples": 4000, "imputations": 4000}
  ask = jax.jit(lambda key: imputation.impute(linear(), {}, fields, key, settings))
  found = ask(jax.random.key(1))
  for name, tolerance in ((imputation.WEIGHED, 0.06), (imputation.LAPLACE, 0.03)):
    point, draws = found[name]
    np.testing.assert_allclose(np.asarray(point)[[1, 3]], mean, atol=tolerance)
    np.testing.assert_allclose(np.asarray(draws).std(0)[[1, 3]], std, rtol=0.1)
  # The mode of a Gaussian is its mean, but its draws forget that z is not known.
  np.testing.assert_allclose(np.asarray(found[imputation.MAP][0])[[1, 3]], mean, atol=1e-2)
  assert (np.asarray(found[imputation.MAP][1]).std(0)[[1, 3]] < std).all()


def test_the_bound_is_the_evidence_and_splits_exactly():
  fields, _, _ = example()
  inside = COVARIANCE[np.ix_([0, 2], [0, 2])]
  x = np.asarray(fields["x"])[[0, 2]]
  evidence = -0.5 * (x @ np.linalg.solve(inside, x) + np.linalg.slogdet(inside)[1]
                     + 2 * np.log(2 * np.pi))  # fmt: skip
  terms = jax.jit(lambda key: miwae.loss(linear(), {}, fields, key, {}, 5000))(
    jax.random.key(2)
  )
  # The encoder is that of a full row and too narrow here: its weights have heavy tails.
  np.testing.assert_allclose(-terms.loss, evidence, atol=0.1)
  np.testing.assert_allclose(terms.rate + terms.distortion, terms.loss, rtol=1e-5)

  def bound(samples):
    keys = jax.random.split(jax.random.key(samples), 300)
    one = lambda key: -miwae.loss(linear(), {}, fields, key, {}, samples).loss
    return jax.vmap(one)(keys).mean()

  assert bound(1) < bound(8) < evidence + 0.05
  assert np.isfinite(terms.z).all()


def test_em_recovers_the_gaussian_and_its_conditional_mean():
  rng = np.random.default_rng(0)
  x = rng.multivariate_normal(np.arange(D), COVARIANCE, 3000)
  holes = np.where(rng.random(x.shape) < 0.3, np.nan, x)
  found = em_gaussian.fit(holes, ridge=0.0)
  np.testing.assert_allclose(found.mean, np.arange(D), atol=0.1)
  np.testing.assert_allclose(found.covariance, COVARIANCE, atol=0.12)
  true = em_gaussian.Gaussian(np.arange(D, dtype=float), COVARIANCE)
  row = np.array([[0.9, np.nan, 1.6, np.nan]])
  _, mean, std = example()
  filled = em_gaussian.conditional(true, row)
  np.testing.assert_allclose(filled.mean[0, [1, 3]], np.array([1, 3]) + mean, rtol=1e-6)
  np.testing.assert_allclose(filled.std[0], [0, std[0], 0, std[1]], atol=1e-9)
  drawn = em_gaussian.draws(true, row, 4000, rng)
  np.testing.assert_allclose(drawn.std(0)[0], [0, std[0], 0, std[1]], rtol=0.1, atol=1e-6)
  assert em_gaussian.conditional(true, np.full((1, D), np.nan)).mean[0] == pytest.approx(
    np.arange(D)
  )


def test_baselines_fill_in_what_they_should():
  rng = np.random.default_rng(0)
  x = rng.multivariate_normal(np.zeros(D), COVARIANCE, 200)
  holes = np.where(rng.random(x.shape) < 0.2, np.nan, x)
  gap = np.isnan(holes)
  error = {}
  for name in ("average", "neighbours", "mice"):
    filled = getattr(table_imputation, name)(holes, holes)
    np.testing.assert_array_equal(filled[~gap], holes[~gap])
    error[name] = np.square(filled - x)[gap].mean()
  assert error["mice"] < error["average"]
  forest = table_imputation.forest(holes, holes, trees=5, rounds=1)
  assert np.isfinite(forest).all()


def small_run(tmp_path, **parts):
  config = tiny(
    data={"name": "tables", "rate": 0.3, **parts},
    model={"name": "table", "latents": 3, "hidden": [8], "decoder": [4]},
    likelihood={"name": "mixed"},
    objective={"name": "miwae", "samples": 4},
  )
  loop.train(config, str(tmp_path), str(tmp_path), say=lambda line: None)
  return runs.open_run(str(tmp_path))


def test_a_run_fills_in_a_users_table_of_mixed_types(tmp_path):
  rng = np.random.default_rng(0)
  rows = [
    f"{v:.3f},{'ab'[int(v > 0)]},{2 * v + 0.1 * e:.3f}" for v, e in rng.normal(size=(60, 2))
  ]
  rows[4] = ",b,1.5"
  rows[7] = "0.4,?,"
  (tmp_path / "mine.csv").write_text("\n".join(["x,which,y", *rows]))
  run = small_run(tmp_path, set="own", path="mine.csv")
  found = imputation.evaluate(run, run.dataset, jax.random.key(4), SMALL)
  report.save(found, tmp_path)
  written = (tmp_path / "reports" / "imputation" / "completed.csv").read_text().splitlines()
  assert written[0] == "row,x,which,y"
  assert len(written) == 61
  for number, line in enumerate(written[1:]):
    assert all(line.split(","))
    given, got = rows[number].split(","), line.split(",")[1:]
    for i in (0, 2):
      if given[i]:
        assert float(got[i]) == pytest.approx(float(given[i]), abs=1e-4)
    assert got[1] == given[1] or given[1] == "?"
  table = found.tables[0]
  assert {"mse", "wrong", "crps"} <= set(table.columns)
  methods = [row[table.columns.index("method")] for row in table.rows]
  assert {"mean", "MICE", "EM Gaussian", imputation.ONCE, imputation.LAPLACE} <= set(
    methods
  )
  assert not any("NaN" in str(cell) for row in table.rows for cell in row)


def test_scores_are_of_hidden_entries_in_standard_units(tmp_path):
  run = small_run(tmp_path)
  settings = {**imputation.SETTINGS, **SMALL}
  task = _imputation.prepare(run, run.dataset, jax.random.key(5), settings)
  truth, hidden = task.truth, task.examples["hidden"]
  exact = _imputation.Answer(None, "exact", truth, np.stack([truth - 1, truth + 1]), 0.0)
  scored = _imputation.score(task, exact)
  assert scored.mse.mean == 0
  assert scored.covered == 1
  off = _imputation.score(task, exact._replace(point=truth + 2 * task.spread, draws=None))
  assert off.mse.mean == pytest.approx(4, rel=1e-4)
  assert off.crps == pytest.approx(2, rel=1e-4)
  observed = ~hidden
  np.testing.assert_array_equal(off.completed[observed], truth[observed])
  wide = _imputation.widen(task.columns, task.center, task.spread, truth)
  np.testing.assert_allclose(_imputation.narrow(task, wide), truth, rtol=1e-4)
  average = table_imputation.average(task.known, task.rows)
  answer = _imputation.Answer(None, "mean", _imputation.narrow(task, average), None, 0.0)
  assert 0.8 < _imputation.score(task, answer).mse.mean < 1.3


def test_several_masks_are_one_run_and_one_report(tmp_path):
  config = tiny(
    data={"name": "tables", "rate": 0.3},
    model={"name": "table", "latents": 2, "hidden": [8], "decoder": []},
    likelihood={"name": "mixed"},
    objective={"name": "miwae", "samples": 2},
    sweep=[{"data.mask_seed": 0}, {"data.mask_seed": 3}],
  )
  loop.train(config, str(tmp_path), str(tmp_path), say=lambda line: None)
  found = runs.open_runs(str(tmp_path))
  seen = [run.dataset.splits["test"]["observed"] for run in found]
  assert (seen[0] != seen[1]).any()
  few = {**SMALL, "samples": 20, "imputations": 5, "steps": 5, "rounds": 1}
  report_ = imputation.compare(found, found[0].dataset, jax.random.key(8), few)
  means, single = report_.tables[:2]
  assert means.columns[:4] == ("method", "masks", "mse", "± mse")
  at = single.columns.index
  for method, masks, mean, spread, *_ in means.rows:
    values = [row[at("mse")] for row in single.rows if row[at("method")] == method]
    if method == "nothing missing":
      assert mean is None
      continue
    assert (masks, len(values)) == (2, 2)
    assert mean == pytest.approx(np.mean(values))
    assert spread == pytest.approx(np.std(values, ddof=1))
  masks = {row[at("data.mask_seed")] for row in single.rows if row[at("method")] == "MICE"}
  assert masks == {0, 3}
  assert "over 2 masks" in report_.findings[0]
  assert {"program0_completed.csv", "program1_completed.csv"} <= set(report_.arrays)
  evaluating.evaluate(str(tmp_path), ["imputation"], {k: str(v) for k, v in few.items()})
  saved = json.loads((tmp_path / "reports/imputation/report.json").read_text())
  assert [table["title"] for table in saved["tables"]] == [t.title for t in report_.tables]
  alone = imputation.compare(found[:1], found[0].dataset, jax.random.key(9), few)
  assert alone.tables[0].title == single.title
  assert "completed.csv" in alone.arrays


def test_a_published_mask_has_no_seed():
  with pytest.raises(UserError, match="leave it at 0"):
    data.load({"name": "tables", "mechanism": "published", "mask_seed": 2}, None)


def test_images_and_full_tables_are_refused(tmp_path):
  config = tiny()
  loop.train(config, str(tmp_path), None, say=lambda line: None)
  run = runs.open_run(str(tmp_path))
  with pytest.raises(UserError, match="needs a table"):
    imputation.evaluate(run, run.dataset, jax.random.key(6), {})


def test_the_objective_has_an_option_and_the_model_sees_the_mask():
  config = tiny(
    objective={"name": "miwae", "samples": 7},
    data={"name": "tables"},
    model={"name": "table", "latents": 10},
    likelihood={"name": "gaussian"},
  )
  assert config["objective"] == {"name": "miwae", "samples": 7}
  with pytest.raises(UserError, match="samples"):
    configuration.resolve({**config, "objective": {"name": "miwae", "sampels": 7}})
  spec = data.load(config["data"], None).spec
  assert isinstance(spec, Spec)
  vae = models.build(config, spec)
  params = vae.init(jax.random.key(7))
  x, seen = jnp.zeros(30), jnp.ones(30).at[3].set(0.0)
  means = [
    np.asarray(vae.posterior(params, {"x": x + 1.0, "observed": s}).mean)
    for s in (jnp.ones(30), seen)
  ]
  assert np.abs(means[0] - means[1]).max() > 1e-4
  at = lambda x: vae.log_likelihood(params, jnp.zeros(10), {"x": x, "observed": seen})
  assert at(x) == at(x.at[3].set(9.0))  # what is missing is not scored
  assert at(x) != at(x.at[4].set(9.0))
