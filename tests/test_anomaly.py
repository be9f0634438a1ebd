"""Anomaly detection on scores, lists and models whose answer is known."""

import jax
import jax.numpy as jnp
import made
import numpy as np
import pytest
from helpers import evaluated
from scipy import stats

from vae_jax import data
from vae_jax.baselines import novelty
from vae_jax.data import _normal
from vae_jax.inference import anomaly_scores
from vae_jax.metrics import detection
from vae_jax.types import Posterior, UserError

QUICK = {
  "limit": 60, "tune": 20, "reference": 20, "samples": 2, "weights": 4, "steps": 3,
  "components": 2,
}  # fmt: skip


def rows(score, label):
  return np.stack([np.asarray(score, float), np.asarray(label, float)], -1)


def test_auroc_and_average_precision_are_scikit_learns_with_ties():
  from sklearn.metrics import average_precision_score, roc_auc_score

  rng = np.random.default_rng(0)
  score, label = rng.integers(0, 9, 200), rng.random(200) < 0.3
  given = rows(score, label)
  assert detection.auroc(given) == pytest.approx(roc_auc_score(label, score))
  assert detection.auprc(given) == pytest.approx(average_precision_score(label, score))


def test_a_score_that_says_nothing_is_a_coin_and_the_base_rate():
  constant = rows(np.ones(10), np.arange(10) < 3)
  assert detection.auroc(constant) == 0.5
  assert detection.auprc(constant) == pytest.approx(0.3)
  alone = rows([1, 2], [0, 0])
  assert np.isnan([detection.auroc(alone), detection.auprc(alone)]).all()
  assert np.isnan(detection.auroc(rows([np.nan, 1], [0, 1])))


def test_precision_and_recall_of_a_list():
  flagged = rows([1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0])
  assert detection.precision(flagged) == pytest.approx(2 / 3)
  assert detection.recall(flagged) == pytest.approx(2 / 3)
  assert detection.false_alarms(flagged) == pytest.approx(1 / 3)
  assert np.isnan(detection.precision(rows([0, 0], [0, 1])))


def test_p_values_count_normal_examples_that_score_as_high():
  found = detection.p_values([0.0, 2.0, 9.0, np.nan], np.array([1.0, 2.0, 3.0]))
  np.testing.assert_allclose(found, [1, 3 / 4, 1 / 4, np.nan])


def gaussian_split():
  """The made table: labels by the sign of the first number, "plus" normal."""
  made_data = made.table_data()
  config = {"normal": "plus", "left_out": "", "contamination": 0.0, "seed": 0}
  splits = _normal.apply(made_data.splits, made_data.spec.classes, config, "made")
  return made_data._replace(splits=splits)


def test_train_and_valid_are_normal_and_test_is_both():
  splits = gaussian_split().splits
  assert all((splits[s]["label"] == 1).all() for s in ("train", "valid"))
  np.testing.assert_array_equal(splits["test"]["anomaly"], 1 - splits["test"]["label"])
  assert len(splits["test"]["x"]) == 30


def test_contamination_is_that_share_of_train_and_left_out_is_the_complement():
  config = {"name": "digits", "left_out": "3,4", "contamination": 0.1}
  found = data.load(config, None).splits
  assert found["train"]["anomaly"].mean() == pytest.approx(0.1, abs=0.001)
  assert not found["valid"]["anomaly"].any()
  assert set(found["test"]["label"][found["test"]["anomaly"] == 1]) == {3, 4}
  same = data.load({"name": "digits", "normal": "0,1,2,5,6,7,8,9"}, None).splits
  np.testing.assert_array_equal(same["test"]["anomaly"], found["test"]["anomaly"])


@pytest.mark.parametrize(
  ("config", "words"),
  [
    ({"normal": "3", "left_out": "4"}, "not both"),
    ({"normal": "ten"}, "data.normal is 'ten'"),
    ({"normal": "0,1,2,3,4,5,6,7,8,9"}, "no class for anomalies"),
    ({"contamination": 0.1}, "what an anomaly is"),
    ({"normal": "3", "contamination": 0.99}, "lower it"),
  ],
)
def test_what_is_normal_is_checked(config, words):
  with pytest.raises(UserError, match=words):
    data.load({"name": "digits", **config}, None)


def test_scores_of_the_exact_linear_model_are_its_closed_forms():
  dataset = made.table_data()
  vae, marginal = made.exact_linear(dataset)
  x = jnp.asarray(dataset.splits["test"]["x"][0])
  example = {"x": x, "id": 0}
  params = {"scale": jnp.ones(())}
  q = vae.posterior(params, example)
  eps = anomaly_scores.antithetic(jax.random.key(0), 4000, 2)
  from vae_jax import distributions

  elbo = -anomaly_scores.distortion(vae, params, example, q, eps) - distributions.kl(q)
  assert float(elbo) == pytest.approx(marginal.logpdf(x), abs=0.05)
  exact = anomaly_scores.likelihood_regret(vae, params, example, q, eps, 30, 0.05)
  assert 0 <= float(exact) < 0.01  # the encoder is the posterior: nothing is to gain
  wrong = Posterior(q.mean + 1, q.logvar)
  gap = distributions.kl_between(wrong, q)
  found = anomaly_scores.likelihood_regret(vae, params, example, wrong, eps, 300, 0.1)
  assert float(found) == pytest.approx(float(gap), rel=0.05)


def test_grey_entropy_is_the_least_cross_entropy():
  x = jnp.array([0.0, 0.5, 1.0, 0.2])
  expected = stats.entropy([0.5, 0.5]) + stats.entropy([0.2, 0.8])
  assert float(anomaly_scores.grey_entropy(x)) == pytest.approx(expected, rel=1e-5)


def linear_with_outliers():
  """The exact linear model; test has 30 draws of p(x) and 30 of N(0, 2 Cov)."""
  dataset = made.table_data(labels=False)
  vae, marginal = made.exact_linear(dataset)
  rng, splits = np.random.default_rng(3), {}
  for name, count in (("train", 60), ("valid", 20), ("test", 30)):
    x = rng.multivariate_normal(marginal.mean, marginal.cov, count)
    odd = np.zeros(count, np.int32)
    if name == "test":
      wide = rng.multivariate_normal(marginal.mean, 4 * marginal.cov, count)
      x, odd = np.concatenate([x, wide]), np.repeat([0, 1], count).astype(np.int32)
    splits[name] = {"x": x.astype(np.float32), "anomaly": odd}
  return dataset._replace(splits=splits), vae, marginal


def test_the_model_of_known_density_has_the_auroc_of_that_density():
  dataset, vae, marginal = linear_with_outliers()
  run = made.open_with(dataset, vae)
  settings = {**QUICK, "weights": 400, "samples": 400}
  report = evaluated("anomaly", run, settings)
  fields = dataset.splits["test"]
  exact = detection.auroc(rows(-marginal.logpdf(fields["x"]), fields["anomaly"]))
  table = {(row[0]): row for row in report.tables[0].rows}
  assert table["−log p(x)"][2] == pytest.approx(exact, abs=0.02)
  assert report.headline["method"] == "−log p(x)"
  assert {name for name in novelty.DETECTORS} <= set(table)
  assert any("Base rate of anomalies: 50.0 %" in t.note for t in report.tables)
