"""Metrics against closed forms, scipy and brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, sem

from vae_jax import distributions
from vae_jax.metrics import image, importance, latent, neighbours, summary
from vae_jax.types import Posterior

KEY = jax.random.key(0)


def linear_gaussian(exact: bool):
  """x = W z + b + noise, with its exact evidence and a weight under q(z|x).

  The exact posterior is not diagonal in general; with orthogonal columns of W it is.
  """
  rng = np.random.default_rng(0)
  W = np.linalg.qr(rng.normal(size=(5, 2)))[0] * np.array([1.5, 0.7])
  b, std, x = rng.normal(size=5), 0.4, rng.normal(size=5)
  precision = 1 + (W**2).sum(0) / std**2
  mean = (x - b) @ W / std**2 / precision
  q = Posterior(
    jnp.asarray(mean, jnp.float32), jnp.asarray(-np.log(precision), jnp.float32)
  )
  if not exact:
    q = Posterior(q.mean + 0.2, q.logvar + 0.3)
  likelihood = lambda z: distributions.log_prob(
    Posterior(jnp.asarray(b) + jnp.asarray(W) @ z, jnp.full(5, 2 * np.log(std))),
    jnp.asarray(x),
  )

  def log_weight(key):
    z = distributions.sample(q, key)
    prior = distributions.log_prob(distributions.standard(2), z)
    return likelihood(z) + prior - distributions.log_prob(q, z)

  evidence = multivariate_normal(b, W @ W.T + std**2 * np.eye(5)).logpdf(x)
  return log_weight, evidence


def test_exact_posterior_gives_the_exact_evidence_with_no_variance():
  log_weight, evidence = linear_gaussian(exact=True)
  found = importance.estimate(log_weight, KEY, samples=7, chunk=3)
  np.testing.assert_allclose(found.log_evidence, evidence, rtol=1e-5)
  np.testing.assert_allclose(found.ess, 7, rtol=1e-4)
  assert found.std_error < 1e-2


def test_a_wrong_posterior_converges_within_its_standard_error():
  log_weight, evidence = linear_gaussian(exact=False)
  found = jax.jit(lambda key: importance.estimate(log_weight, key, 20_000, 1000))(KEY)
  assert abs(found.log_evidence - evidence) < 4 * found.std_error
  assert 0 < found.std_error < 0.02
  assert 1 < found.ess < 20_000


def test_the_standard_error_is_the_spread_of_repeated_estimates():
  log_weight, _ = linear_gaussian(exact=False)
  many = jax.jit(
    jax.vmap(lambda key: importance.estimate(log_weight, key, 200, 200)),
  )(jax.random.split(KEY, 400))
  np.testing.assert_allclose(many.std_error.mean(), many.log_evidence.std(), rtol=0.15)


@pytest.mark.parametrize("chunk", [1, 4, 9, 100])
def test_the_chunk_changes_nothing(chunk):
  log_weight, _ = linear_gaussian(exact=False)
  whole = importance.estimate(log_weight, KEY, samples=9, chunk=9)
  found = importance.estimate(log_weight, KEY, samples=9, chunk=chunk)
  np.testing.assert_allclose(np.asarray(found), np.asarray(whole), rtol=1e-5)


def test_weights_are_added_as_scipy_adds_them():
  log_w = np.random.default_rng(1).normal(-500, 30, 12).astype(np.float32)
  tally = importance.add(importance.empty(), jnp.asarray(log_w[:5]), jnp.ones(5, bool))
  tally = importance.add(tally, jnp.append(log_w[5:], 99.0), jnp.arange(8) < 7)
  found = importance.finish(tally)
  np.testing.assert_allclose(found.log_evidence, logsumexp(log_w) - np.log(12), rtol=1e-6)
  ess = np.exp(2 * logsumexp(log_w.astype(float)) - logsumexp(2 * log_w.astype(float)))
  np.testing.assert_allclose(found.ess, ess, rtol=1e-3)


def test_one_sample_has_no_error_and_a_nan_is_kept():
  assert jnp.isnan(importance.estimate(lambda key: jnp.zeros(()), KEY, 1).std_error)
  assert jnp.isnan(importance.estimate(lambda key: jnp.nan, KEY, 3).log_evidence)


def test_active_units_and_collapse():
  rng = np.random.default_rng(0)
  means = rng.normal(size=(2000, 3)) * np.sqrt([1.0, 0.02, 0.005])
  np.testing.assert_allclose(latent.activity(means), [1, 0.02, 0.005], rtol=0.1)
  assert latent.active_units(means).tolist() == [True, True, False]
  assert latent.verdict(means) == "2 of 3"
  assert latent.verdict(0.01 * means) == "0 of 3 COLLAPSED"
  assert latent.collapsed(np.ones((10, 2)))
  assert latent.verdict(np.full((4, 2), np.nan)) == "NaN"
  assert not latent.collapsed(np.full((4, 2), np.nan))


def test_rates_add_up_to_the_divergence():
  rng = np.random.default_rng(0)
  q = Posterior(rng.normal(size=(50, 4)), rng.normal(size=(50, 4)))
  each = jax.vmap(distributions.kl)(Posterior(*(jnp.asarray(v, jnp.float32) for v in q)))
  np.testing.assert_allclose(latent.rates(*q).sum(), each.mean(), rtol=1e-5)
  assert latent.rates(np.zeros((3, 2)), np.zeros((3, 2))).tolist() == [0, 0]


def test_mean_and_error():
  values = np.random.default_rng(0).normal(size=30)
  found = summary.mean_and_error(values)
  np.testing.assert_allclose(found, (values.mean(), sem(values)))
  masked = summary.mean_and_error(np.append(values, 1e9), np.arange(31) < 30)
  assert masked == found
  assert np.isnan(summary.mean_and_error([1.0, np.nan]).mean)
  assert np.isnan(summary.mean_and_error([1.0]).error)
  assert np.isnan(summary.mean_and_error([]).mean)
  assert summary.mean_and_error([np.inf, 1.0]).mean == np.inf


def test_units():
  assert summary.bits_per_dimension(784 * np.log(2), 784) == pytest.approx(1)
  assert summary.bytes_of(8 * np.log(2)) == pytest.approx(1)


def test_squared_error_and_psnr():
  x = np.random.default_rng(0).random((3, 4, 4, 1))
  assert image.squared_error(x, x).tolist() == [0, 0, 0]
  np.testing.assert_allclose(image.squared_error(x, x + 0.1), 0.01, rtol=1e-5)
  np.testing.assert_allclose(image.psnr([0.01, 0.01], peak=2.0), 20 + 20 * np.log10(2))
  assert image.psnr(0.0) == np.inf


def test_nearest_is_brute_force_and_a_copy_is_at_distance_zero():
  rng = np.random.default_rng(0)
  queries, points = rng.random((7, 3, 2)), rng.random((50, 3, 2))
  queries[3] = points[41]
  distances = cdist(queries.reshape(7, -1), points.reshape(50, -1))
  found = neighbours.nearest(queries, points, block=8)
  assert found.index.tolist() == distances.argmin(-1).tolist()
  np.testing.assert_allclose(found.distance, distances.min(-1), atol=1e-6)
  assert found.distance[3] == 0


def test_mean_pairwise_distance():
  points = np.random.default_rng(0).normal(size=(20, 3))
  found = neighbours.pairwise(points, block=6)
  assert found.mean() == pytest.approx(pdist(points).mean(), rel=1e-5)
  without = [pdist(np.delete(points, n, 0)).mean() for n in range(20)]  # the jackknife
  np.testing.assert_allclose(found, 20 * found.mean() - 19 * np.array(without), rtol=1e-4)
  assert np.isnan(neighbours.pairwise(points[:2])).all()
