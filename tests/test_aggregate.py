"""The aggregate posterior against closed forms, brute force and scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from vae_jax import distributions
from vae_jax.metrics import aggregate, information
from vae_jax.types import Posterior, UserError

ONES = jnp.ones
of_all = jax.jit(aggregate.of_all, static_argnames="block")
of_batch = jax.jit(aggregate.of_batch, static_argnames=("examples", "estimator"))


def posteriors(rows, latents, seed=0, scale=1.0):
  """Random q(z|x_n) and a draw of each."""
  rng = np.random.default_rng(seed)
  q = Posterior(
    jnp.asarray(scale * rng.normal(size=(rows, latents)), jnp.float32),
    jnp.asarray(rng.normal(-1.0, 0.5, size=(rows, latents)), jnp.float32),
  )
  noise = jnp.asarray(rng.normal(size=(rows, latents)), jnp.float32)
  return q, distributions.reparameterise(q, noise)


def gaussian_aggregate(correlation, std, rows=12_000, seed=0):
  """mean(x) ~ N(0, R - std^2 I), q(z|x) = N(mean, std^2 I): then q(z) = N(0, R)."""
  rng = np.random.default_rng(seed)
  latents = len(correlation)
  means = rng.multivariate_normal(
    np.zeros(latents), correlation - std**2 * np.eye(latents), rows
  )
  z = means + std * rng.normal(size=means.shape)
  logvars = np.full(means.shape, 2 * np.log(std))
  as_array = lambda values: jnp.asarray(values, jnp.float32)
  return Posterior(as_array(means), as_array(logvars)), as_array(z[:2000])


def brute(q, z, log_weights):
  """log q(z_i) and log q(z_il), with scipy and two loops."""
  std = np.exp(0.5 * np.asarray(q.logvar, float))
  mean, z = np.asarray(q.mean, float), np.asarray(z, float)
  joint, marginals = [], []
  for row, weights in zip(z, np.asarray(log_weights, float), strict=True):
    each = norm.logpdf(row[None], mean, std)
    joint.append(logsumexp(each.sum(1) + weights))
    marginals.append(logsumexp(each + weights[:, None], axis=0))
  return np.asarray(joint), np.asarray(marginals)


def test_the_exact_mixture_is_scipys():
  q, z = posteriors(40, 3)
  found = of_all(q, z, block=7)
  joint, marginals = brute(q, z, np.full((40, 40), -np.log(40)))
  np.testing.assert_allclose(found.joint, joint, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(found.marginals, marginals, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(found.prior, norm.logpdf(z).sum(1), rtol=1e-4)
  own = norm.logpdf(z, q.mean, np.exp(0.5 * q.logvar)).sum(1)
  np.testing.assert_allclose(found.conditional, own, rtol=1e-4, atol=1e-5)


def test_the_block_changes_nothing():
  q, z = posteriors(33, 4)
  whole, parts = (of_all(q, z, block=b) for b in (100, 5))
  for a, b in zip(whole, parts, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_the_three_parts_add_up_to_the_rate_of_the_draws():
  q, z = posteriors(200, 3, scale=2.0)
  found = of_all(q, z)
  parts = aggregate.decompose(found)
  total = np.mean(np.asarray(found.conditional - found.prior))
  np.testing.assert_allclose(sum(parts), total, rtol=1e-4)
  divergence = aggregate.prior_divergence(found)
  np.testing.assert_allclose(total - parts.information, divergence, rtol=1e-4)


def test_a_correlated_gaussian_has_the_total_correlation_of_its_determinant():
  R = np.array([[1.0, 0.7, 0.0], [0.7, 1.0, 0.0], [0.0, 0.0, 1.0]])
  q, z = gaussian_aggregate(R, std=0.5)
  found = of_all(q, z)
  parts = aggregate.decompose(found)
  exact = -0.5 * np.linalg.slogdet(R)[1]
  assert exact > 0.3
  np.testing.assert_allclose(parts.total_correlation, exact, atol=0.03)
  np.testing.assert_allclose(parts.dimension_wise, 0.0, atol=0.03)
  # I(x; z) = H(z) - H(z|x) = 1/2 log |R| - 1/2 log |std^2 I|
  known = 0.5 * np.linalg.slogdet(R)[1] - 3 * np.log(0.5)
  np.testing.assert_allclose(parts.information, known, atol=0.08)
  expected = multivariate_normal(np.zeros(3), R).logpdf(z)
  np.testing.assert_allclose(found.joint.mean(), expected.mean(), atol=0.03)


def test_a_factorised_code_has_no_total_correlation_and_shows_its_shift():
  q, z = gaussian_aggregate(np.eye(2), std=0.6)
  parts = aggregate.decompose(of_all(q, z))
  np.testing.assert_allclose(parts.total_correlation, 0.0, atol=0.02)
  moved = Posterior(q.mean + 1.0, q.logvar)
  found = of_all(moved, z + 1.0)
  # KL(N(1, 1) || N(0, 1)) = 1/2 for each of two latents
  np.testing.assert_allclose(aggregate.prior_divergence(found), 1.0, atol=0.08)


def test_a_collapsed_code_has_none_of_the_three():
  z = jnp.asarray(np.random.default_rng(0).normal(size=(300, 4)), jnp.float32)
  q = Posterior(jnp.zeros((300, 4)), jnp.zeros((300, 4)))
  for part in aggregate.decompose(of_all(q, z)):
    np.testing.assert_allclose(part, 0.0, atol=1e-4)


def test_the_information_is_that_of_the_other_estimator():
  q, z = posteriors(400, 2, scale=2.0)
  parts = aggregate.decompose(of_all(q, z))
  other = information.mutual_information(q.mean, q.logvar, np.random.default_rng(1))
  assert float(parts.information) == pytest.approx(other, abs=0.15)


def test_weighted_is_the_sum_over_the_batch_by_n_and_m():
  weights = aggregate.log_weights("weighted", ONES(5), 100)
  np.testing.assert_allclose(np.exp(weights), np.full((5, 5), 1 / 500), rtol=1e-5)


def test_stratified_weights_add_up_to_one_and_give_each_row_its_own():
  weights = np.exp(aggregate.log_weights("stratified", ONES(5), 100))
  np.testing.assert_allclose(weights.sum(1), 1.0, rtol=1e-6)
  np.testing.assert_allclose(np.diag(weights), 1 / 100, rtol=1e-6)
  odd = [weights[i, (i + 1) % 5] for i in range(5)]
  np.testing.assert_allclose(odd, (100 - 4) / (100 * 4), rtol=1e-6)
  assert np.isclose(weights, 1 / 4).sum() == 5 * 3


@pytest.mark.parametrize("estimator", aggregate.ESTIMATORS)
def test_a_batch_is_scored_as_scipy_does_with_its_weights(estimator):
  q, z = posteriors(6, 3)
  found = of_batch(q, z, ONES(6), 50, estimator)
  joint, marginals = brute(q, z, aggregate.log_weights(estimator, ONES(6), 50))
  np.testing.assert_allclose(found.joint, joint, rtol=1e-4)
  np.testing.assert_allclose(found.marginals, marginals, rtol=1e-4)


def test_the_stratified_density_is_unbiased_and_the_weighted_one_is_not():
  """Mean over many batches of q^(z_0), with x_0 in each of them, against the exact q(z_0)."""
  q, z = posteriors(30, 2)
  exact = np.exp(of_all(q, z).joint[0])
  draw = np.random.default_rng(0)
  others = np.stack([1 + draw.permutation(29)[:7] for _ in range(4000)])
  rows = np.concatenate([np.zeros((4000, 1), int), others], axis=1)

  @jax.jit
  @jax.vmap
  def density(rows):
    batch = Posterior(q.mean[rows], q.logvar[rows])
    of = lambda estimator: of_batch(batch, z[rows], ONES(8), 30, estimator)
    return {name: jnp.exp(of(name).joint[0]) for name in aggregate.ESTIMATORS}

  found = density(rows)
  error = found["stratified"].std() / 4000**0.5
  assert abs(found["stratified"].mean() - exact) < 4 * error
  assert abs(found["weighted"].mean() - exact) > 20 * error


@pytest.mark.parametrize("estimator", aggregate.ESTIMATORS)
def test_rows_that_do_not_count_change_nothing(estimator):
  q, z = posteriors(5, 3)
  at = np.array([1, 2, 5, 6, 8])
  mask = jnp.zeros(9).at[at].set(1.0)
  spread = lambda rows: jnp.full((9, 3), jnp.nan).at[at].set(rows)
  padded = of_batch(Posterior(*map(spread, q)), spread(z), mask, 40, estimator)
  alone = of_batch(q, z, ONES(5), 40, estimator)
  for a, b in zip(alone, padded, strict=True):
    np.testing.assert_allclose(a, b[at], rtol=1e-5)
  for a, b in zip(
    aggregate.decompose(alone), aggregate.decompose(padded, mask), strict=True
  ):
    np.testing.assert_allclose(a, b, rtol=1e-5)


def test_one_row_alone_is_scored():
  q, z = posteriors(1, 2)
  found = of_batch(q, z, ONES(1), 10, "stratified")
  np.testing.assert_allclose(found.joint, found.conditional - np.log(10), rtol=1e-5)


def squared_mmd_exact(mean, variance, latents, kernel_scale):
  """Of N(mean, variance I) and N(0, I) under exp(-|d|^2 / C), by the Gaussian integral."""

  def expected(shift, spread):  # E exp(-|d|^2 / C), d ~ N(shift, spread I)
    ratio = kernel_scale / (kernel_scale + 2 * spread)
    square = latents * shift**2
    return ratio ** (latents / 2) * np.exp(-square / (kernel_scale + 2 * spread))

  within = expected(0.0, 2 * variance) + expected(0.0, 2.0)
  return within - 2 * expected(mean, variance + 1.0)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (0.7, 1.0), (0.0, 0.2)])
def test_the_mmd_is_unbiased_for_the_closed_form(mean, variance):
  latents, bandwidth = 3, 0.8
  draws = np.random.default_rng(0).normal(size=(2, 3000, 12, latents))
  x = jnp.asarray(mean + variance**0.5 * draws[0], jnp.float32)
  y = jnp.asarray(draws[1], jnp.float32)
  of = lambda x, y: aggregate.squared_mmd(x, y, ONES(12), "gaussian", bandwidth)
  found = np.asarray(jax.jit(jax.vmap(of))(x, y))
  exact = squared_mmd_exact(mean, variance, latents, 2 * latents * bandwidth**2)
  assert abs(found.mean() - exact) < 4 * found.std() / 3000**0.5
  assert (exact > 0.02) == (mean != 0.0 or variance != 1.0)


def test_the_inverse_multiquadratic_kernel_by_brute_force():
  x, y = np.random.default_rng(0).normal(size=(2, 5, 2))
  k = lambda a, b: 4 / (4 + ((a - b) ** 2).sum())
  pairs = [(i, j) for i in range(5) for j in range(5)]
  apart = [(i, j) for i, j in pairs if i != j]
  exact = np.mean([k(x[i], x[j]) + k(y[i], y[j]) for i, j in apart])
  exact -= 2 * np.mean([k(x[i], y[j]) for i, j in pairs])
  to = lambda rows: jnp.asarray(rows, jnp.float32)
  found = aggregate.squared_mmd(to(x), to(y), ONES(5), "inverse_multiquadratic")
  np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_what_is_unknown_is_refused_with_what_is_known():
  with pytest.raises(UserError, match="weighted, stratified"):
    aggregate.log_weights("exact", ONES(3), 10)
  with pytest.raises(UserError, match="gaussian, inverse_multiquadratic"):
    aggregate.squared_mmd(ONES((3, 2)), ONES((3, 2)), ONES(3), "cubic")
