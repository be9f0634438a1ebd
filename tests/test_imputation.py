"""Imputation on a model whose answer is known: the conditional mean of a Gaussian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, outcome, scored, tiny

from vae_jax import config as configuration
from vae_jax import data, distributions, report
from vae_jax import run as runs
from vae_jax import vae as models
from vae_jax.applications import imputation
from vae_jax.baselines import em_gaussian, table_imputation
from vae_jax.evaluation.source import Source
from vae_jax.inference import rows
from vae_jax.metrics import imputation as metrics
from vae_jax.metrics.restoration import covered
from vae_jax.metrics.summary import ratio
from vae_jax.objectives import miwae
from vae_jax.training import loop
from vae_jax.types import Column, Posterior, Spec, UserError

D, L, STD = 4, 2, 0.5
W = np.linalg.qr(np.random.default_rng(1).normal(size=(D, L)))[0] * [1.2, 0.6]
COVARIANCE = W @ W.T + STD**2 * np.eye(D)
SMALL = {
  "samples": 200, "imputations": 20, "steps": 50, "forest": "no", "rounds": 1,
  "neighbours": 5,
}  # fmt: skip
BRIEF = SMALL | {"samples": 40, "imputations": 8, "steps": 20}  # where no number is judged


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
  ask = jax.jit(lambda key: rows.impute(linear(), {}, fields, key, settings))
  found = ask(jax.random.key(1))
  for name, tolerance in ((rows.WEIGHED, 0.06), (rows.LAPLACE, 0.03)):
    point, draws = found[name]
    np.testing.assert_allclose(np.asarray(point)[[1, 3]], mean, atol=tolerance)
    np.testing.assert_allclose(np.asarray(draws).std(0)[[1, 3]], std, rtol=0.1)
  # The mode of a Gaussian is its mean, but its draws forget that z is not known.
  np.testing.assert_allclose(np.asarray(found[rows.MAP][0])[[1, 3]], mean, atol=1e-2)
  assert (np.asarray(found[rows.MAP][1]).std(0)[[1, 3]] < std).all()


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
  forest = table_imputation.forest(holes, holes, trees=5, rounds=1, leaf=1)
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


def own_table(tmp_path):
  """Sixty rows of mixed types with two holes of their own, as lines of a file."""
  rng = np.random.default_rng(0)
  lines = [
    f"{v:.3f},{'ab'[int(v > 0)]},{2 * v + 0.1 * e:.3f}" for v, e in rng.normal(size=(60, 2))
  ]
  lines[4] = ",b,1.5"
  lines[7] = "0.4,?,"
  (tmp_path / "mine.csv").write_text("\n".join(["x,which,y", *lines]))
  return lines


def check_written(tmp_path, lines):
  """Every cell is filled in, and what was given is as it was."""
  written = (tmp_path / "reports" / "imputation" / "completed.csv").read_text().splitlines()
  assert written[0] == "x,which,y"  # the file's own columns
  assert len(written) == 61
  for number, line in enumerate(written[1:]):
    assert all(line.split(","))
    given, got = lines[number].split(","), line.split(",")
    for old, new in zip(given, got, strict=True):
      assert new == old or old in ("", "?")  # letter by letter


@pytest.mark.slow
def test_a_run_fills_in_a_users_table_of_mixed_types(tmp_path):
  lines = own_table(tmp_path)
  run = small_run(tmp_path, set="own", path="mine.csv")
  found = evaluated("imputation", run, BRIEF)
  report.save(found, tmp_path)
  check_written(tmp_path, lines)
  at = found.scores.columns.index
  assert {"mse", "wrong", "crps"} <= {row[at("metric")] for row in found.scores.rows}
  methods = {row[at("method")] for row in found.scores.rows}
  assert {"mean", "MICE", "EM Gaussian", *rows.METHODS} <= methods
  assert np.isfinite([row[at("mean")] for row in found.scores.rows]).all()
  assert [v["metric"] for v in found.verdicts] == ["mse"]
  assert (
    found.verdicts[0]["examples"] == 60
  )  # an interval is over rows and not over entries


def test_a_table_without_an_answer_is_filled_in_all_the_same(tmp_path):
  lines = own_table(tmp_path)
  run = small_run(tmp_path, set="own", path="mine.csv", rate=0.0)
  found = evaluated("imputation", run, BRIEF)
  report.save(found, tmp_path)
  check_written(tmp_path, lines)
  assert not found.verdicts
  assert not found.headline
  assert not found.scores.rows
  methods = [row[0] for row in found.tables[0].rows]
  assert {"mean", *rows.METHODS} <= set(methods)
  assert any("nothing is scored" in finding for finding in found.findings)
  # The most careful method's answer is the one that is written.
  asked = outcome("imputation", run, BRIEF)
  careful = next(r for r in asked.results if r.method == rows.LAPLACE)
  completed = imputation.completed(asked.task, careful.answer)
  cells = [float(row[0]) for row in found.arrays["completed.csv"][1:]]
  np.testing.assert_allclose(cells, completed[:, 0], rtol=1e-4)


def made_task(run, **settings):
  given = {**imputation.SETTINGS, **SMALL, **settings}
  return imputation.prepare(Source(run, given, jax.random.key(5)), "test", 1000)


def test_scores_are_of_hidden_entries_in_standard_units(tmp_path):
  task = made_task(small_run(tmp_path))
  truth, spread = task.truth, task.own.scale.spread
  mean = lambda scores, name: ratio(scores[name])
  exact = {"point": truth, "draws": np.stack([truth - 1, truth + 1], 1)}
  found = imputation.score(task, exact, 0)
  assert mean(found, "mse") == 0
  assert mean(found, "covered") == 1
  np.testing.assert_array_equal(found["mse"][:, 1], task.own.hidden.sum(1))
  off = {"point": truth + 2 * spread}
  found = imputation.score(task, off, 0)
  assert mean(found, "mse") == pytest.approx(4, rel=1e-4)
  assert mean(found, "crps") == pytest.approx(2, rel=1e-4)
  observed = ~task.own.hidden
  full = imputation.completed(task, off)
  np.testing.assert_array_equal(full[observed], truth[observed])
  columns, scale = task.own.columns, task.own.scale
  wide = table_imputation.widen(columns, scale, truth)
  again = table_imputation.narrow(columns, scale, wide)
  np.testing.assert_allclose(again, truth, rtol=1e-4)
  average = imputation.baselines(task)["mean"](0)
  assert 0.8 < mean(imputation.score(task, average, 0), "mse") < 1.3
  each = metrics.of_columns(scale, truth, truth + spread, task.own.hidden)
  np.testing.assert_allclose(each, 1, rtol=1e-4)


def test_categories_are_the_most_frequent_draw_and_ordinals_the_median():
  columns = (Column("a"), Column("b", "category", 3, shift=1.0), Column("c", "ordinal", 5))
  draws = np.array([[[0.0, 3, 4], [2.0, 3, 0], [4.0, 1, 1]]])  # [1, 3, 3]
  point = metrics.settle(columns, np.array([[9.0, 2, 2]]), draws)
  np.testing.assert_array_equal(point, [[9, 3, 1]])
  scale = metrics.Scale(np.zeros(3), np.array([2.0, 1, 1]))
  truth = np.array([[5.0, 1, 3]])
  found = metrics.scores(columns, scale, truth, point, np.ones((1, 3), bool), draws)
  assert {name: rows.tolist() for name, rows in found.items() if name != "crps"} == {
    "mse": [[4, 1]], "wrong": [[1, 1]], "shift": [[0.5, 1]], "covered": [[0, 1]],
  }  # fmt: skip


def test_intervals_of_few_draws_hold_what_they_say():
  """A perfect forecaster: K draws and the truth are of one distribution."""
  rng = np.random.default_rng(0)
  for count in (19, 20, 50):
    draws = rng.normal(size=(count, 20000)).astype(np.float32)
    share = float(covered(draws, rng.normal(size=20000).astype(np.float32)).mean())
    assert share == pytest.approx(0.9, abs=0.008), count
  # Between the second and the last but one of 39 lie 36 of 40 ranks, all alike.
  draws = np.arange(1.0, 40.0, dtype=np.float32)[:, None] * np.ones(4, np.float32)
  ends = np.array([1.9, 2.0, 38.0, 38.1], np.float32)
  np.testing.assert_array_equal(covered(draws, ends), [0, 1, 1, 0])


@pytest.mark.slow
def test_several_masks_are_one_run_and_one_report(tmp_path):
  own_table(tmp_path)
  config = tiny(
    data={"name": "tables", "rate": 0.3, "set": "own", "path": "mine.csv"},
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
  both = evaluated("imputation", found, few, seed=8)
  table = both.tables[0]
  assert table.columns[:3] == ("method", "seeds", "Squared error")
  assert len(table.rows) == len(rows.METHODS) + 4
  for method, _, mean, *_ in table.rows:
    values = scored(both, "mse", method=method)
    assert len(values) == 2
    assert mean == pytest.approx(np.mean(values))
  masks = {row[both.scores.columns.index("data.mask_seed")] for row in both.scores.rows}
  assert masks == {0, 3}
  assert both.verdicts[0]["seeds"] == 2
  files = [name for name in both.arrays if name.endswith(".csv")]
  assert files == ["program0_completed.csv", "program1_completed.csv"]
  report.save(both, tmp_path)
  for name in files:
    assert (tmp_path / "reports/imputation" / name).is_file()


def test_a_published_mask_has_no_seed():
  with pytest.raises(UserError, match="leave it at 0"):
    data.load({"name": "tables", "mechanism": "published", "mask_seed": 2}, None)


def test_images_and_full_tables_are_refused(tmp_path):
  config = tiny()
  loop.train(config, str(tmp_path), None, say=lambda line: None)
  run = runs.open_run(str(tmp_path))
  with pytest.raises(UserError, match="needs a table"):
    evaluated("imputation", run)


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
  params = jax.jit(vae.init)(jax.random.key(7))
  x, seen = jnp.zeros(30), jnp.ones(30).at[3].set(0.0)
  means = [
    np.asarray(vae.posterior(params, {"x": x + 1.0, "observed": s}).mean)
    for s in (jnp.ones(30), seen)
  ]
  assert np.abs(means[0] - means[1]).max() > 1e-4
  at = lambda x: vae.log_likelihood(params, jnp.zeros(10), {"x": x, "observed": seen})
  assert at(x) == at(x.at[3].set(9.0))  # what is missing is not scored
  assert at(x) != at(x.at[4].set(9.0))


def test_classic_imputations_are_chosen_on_validation(tmp_path):
  """Of columns that say nothing of one another, the widest neighbourhood and leaf are best."""
  run = small_run(tmp_path, set="own", path=independent(tmp_path))
  task = made_task(run, neighbours=50)
  kinds = lambda task: table_imputation.candidates(task.settings, 0)["kNN"]
  chosen = imputation._tuned(task, "kNN", kinds(task))
  assert chosen.keywords == {"k": 50}
  small = made_task(run, neighbours=5)
  few = imputation._tuned(small, "kNN", kinds(small))
  assert few.keywords == {"k": 5}


def independent(folder):
  rows = np.random.default_rng(0).normal(size=(300, 4))
  lines = [",".join(f"{v:.3f}" for v in row) for row in rows]
  (folder / "noise.csv").write_text("\n".join(["a,b,c,d", *lines]))
  return "noise.csv"
