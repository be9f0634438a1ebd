"""Every family: it sums to one, its mean and samples are its own, scipy agrees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from vae_jax import registry
from vae_jax.likelihoods.beta_binomial import beta_binomial
from vae_jax.likelihoods.categorical import categorical
from vae_jax.likelihoods.continuous_bernoulli import continuous_bernoulli
from vae_jax.likelihoods.cross_entropy import cross_entropy
from vae_jax.likelihoods.gaussian import gaussian
from vae_jax.likelihoods.mixed import mixed
from vae_jax.likelihoods.multinomial import multinomial
from vae_jax.types import Column, Spec, UserError

SPEC = Spec((1,), "table", "real", categories=4)
REAL = np.linspace(-30, 30, 200_001)
UNIT = np.linspace(0, 1, 20_001)
LEVELS = np.arange(256) / 255


def case(name, theta, grid, **options):
  return pytest.param(
    registry.find("likelihoods", name)(SPEC, **options), jnp.array([theta]), grid, id=name
  )


CASES = [
  case("bernoulli", [0.7], np.array([0.0, 1.0])),
  case("continuous_bernoulli", [2.5], UNIT),
  case("continuous_bernoulli", [-8.0], UNIT),
  case("continuous_bernoulli", [1e-4], UNIT),
  case("gaussian", [0.7], REAL, std=1.3),
  case("gaussian", [0.7, 0.4], REAL, scale="shared"),
  case("gaussian", [0.7, -0.4], REAL, scale="predicted", std=0.5),
  case("discretised_logistic", [0.4, -2.0], LEVELS),
  case("discretised_logistic", [1.2, -1.0], LEVELS),
  case("discretised_logistic", [0.4, -0.5], LEVELS, scale="predicted"),
  case("beta_binomial", [-1.0, 0.5], LEVELS),
  case("binned", [1.0, -1.0, 0.5, 0.3, 2.0, -0.1, 0.7], LEVELS, width=100, single=3),
  case("beta_binomial", [3.0, 2.0], LEVELS),
  case(
    "logistic_mixture", [1.0, -1.0, 0.5, 0.3, 0.2, -0.1, -0.5, 0.6], LEVELS, components=2
  ),
]


@pytest.mark.parametrize(("family", "theta", "grid"), CASES)
def test_sums_to_one_and_owns_its_mean(family, theta, grid):
  log_prob = jax.vmap(lambda x: family.log_prob(theta, x[None]))(
    jnp.asarray(grid, jnp.float32)
  )
  mass = np.exp(np.asarray(log_prob, np.float64))
  total = integrate.trapezoid if family.is_density else lambda y, x: np.sum(y)
  np.testing.assert_allclose(total(mass, grid), 1.0, atol=2e-4)
  np.testing.assert_allclose(family.mean(theta)[0], total(mass * grid, grid), atol=2e-3)


@pytest.mark.parametrize(("family", "theta", "grid"), CASES)
def test_samples_have_its_mean(family, theta, grid):
  keys = jax.random.split(jax.random.key(0), 50_000)
  draws = np.asarray(jax.vmap(lambda k: family.sample(theta, k))(keys))
  error = 5 * draws.std() / len(draws) ** 0.5 + 1e-6
  assert abs(draws.mean() - float(family.mean(theta)[0])) < error
  assert draws.min() >= grid.min()
  assert draws.max() <= grid.max()


def test_gaussian_is_scipys_with_its_constant():
  family = gaussian(SPEC, std=0.3)
  got = family.log_prob(jnp.array([[0.2], [1.0]]), jnp.array([0.5, 0.1]))
  expected = stats.norm.logpdf([0.5, 0.1], [0.2, 1.0], 0.3).sum()
  np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_unit_gaussian_is_half_the_squared_error_and_its_constant():
  family = gaussian(SPEC)
  x, mean = jnp.array([0.5, 0.1, 0.9]), jnp.array([0.2, 1.0, 0.3])
  half = 0.5 * jnp.sum((x - mean) ** 2)
  np.testing.assert_allclose(
    -family.log_prob(mean[:, None], x), half + 1.5 * np.log(2 * np.pi), rtol=1e-6
  )


def test_cross_entropy_says_that_it_is_no_likelihood():
  family = cross_entropy(SPEC)
  logits, x = jnp.array([2.0, -1.0, 30.0]), jnp.array([0.3, 0.9, 1.0])
  p = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
  expected = np.sum(x * np.log(p) + (1 - x) * np.log1p(-p))
  np.testing.assert_allclose(family.log_prob(logits[:, None], x), expected, rtol=1e-5)
  assert not family.proper


def test_categorical_and_multinomial_are_scipys():
  logits = jnp.array([[0.1, 2.0, -1.0, 0.5]])
  family = categorical(SPEC)
  shares = np.asarray(jax.nn.softmax(logits[0]))
  np.testing.assert_allclose(
    family.log_prob(logits, jnp.array([1])), np.log(shares[1]), rtol=1e-6
  )
  counts = jnp.array([3.0, 0.0, 2.0, 1.0])
  bag = multinomial(SPEC, total=6)
  got = bag.log_prob(logits.T, counts)
  np.testing.assert_allclose(
    got, stats.multinomial.logpmf(counts, 6, shares / shares.sum()), rtol=1e-5
  )
  drawn = bag.sample(logits.T, jax.random.key(0))
  assert drawn.sum() == 6
  np.testing.assert_allclose(bag.mean(logits.T), 6 * shares, rtol=1e-6)


@pytest.mark.parametrize("theta", [[0.0, 0.0], [-3.0, 1.0], [4.0, 5.0], [-6.9, -6.9]])
def test_beta_binomial_is_scipys(theta):
  family, n = beta_binomial(SPEC, levels=17), 16
  k, exact = np.arange(17), stats.betabinom(n, *np.exp(theta))
  log_prob = jax.vmap(lambda x: family.log_prob(jnp.array([theta]), x[None]))
  np.testing.assert_allclose(log_prob(k / n), exact.logpmf(k), rtol=1e-4, atol=2e-4)
  np.testing.assert_allclose(
    family.mean(jnp.array([theta]))[0], exact.mean() / n, rtol=1e-5
  )
  below = family.below(np.array([theta] * 18))(np.arange(18))
  np.testing.assert_allclose(below, np.append(0, exact.cdf(k)), atol=1e-12)
  with pytest.raises(UserError, match="at least 2"):
    beta_binomial(SPEC, levels=1)


def test_a_table_of_categories_has_shares_and_another_has_none():
  columns = Column("a", "category", 3), Column("b", "ordinal", 4)
  family = mixed(SPEC._replace(shape=(2,), columns=columns))
  theta = jnp.array([[0.3, -1.0, 2.0, 0.5], [0.4, 0.1, -0.2, 0.9]])
  shares = np.exp(family.log_shares(theta))
  np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-5)
  for i, x in ((0, [2.0, 0.0]), (1, [0.0, 3.0])):
    each = family.each(theta, jnp.array(x))
    np.testing.assert_allclose(np.log(shares[i, int(x[i])]), each[i], rtol=1e-5)
  assert family.symbols == 4
  assert shares[0, 3] == 0
  assert mixed(SPEC._replace(shape=(2,), columns=(*columns[:1], Column("x")))).below is None


@pytest.mark.parametrize("logit", [0.0, 1e-4, 0.2999, 0.3001, 5.0, -40.0])
def test_continuous_bernoulli_has_finite_and_smooth_gradients(logit):
  family = continuous_bernoulli(SPEC)
  gradient = jax.grad(lambda t: family.log_prob(jnp.array([[t]]), jnp.array([0.4])))(logit)
  mean = family.mean(jnp.array([[logit]]))[0]
  np.testing.assert_allclose(gradient, 0.4 - mean, atol=2e-4)  # an exponential family


@pytest.mark.parametrize("logit", [0.0, 0.3001, -0.3001, 5.0, 95.0, -95.0, -1e4])
def test_the_mean_of_the_continuous_bernoulli_rises_by_its_variance(logit):
  """d mean / d l is the variance, 1 / 4 sinh(l/2)^2 less than 1 / l^2, also of far logits."""
  family = continuous_bernoulli(SPEC)
  gradient = jax.grad(lambda t: family.mean(jnp.array([[t]]))[0])(logit)
  half = np.clip(np.abs(np.float64(logit)) / 2, 0, 300)
  variance = 1 / logit**2 - 1 / (4 * np.sinh(half) ** 2) if logit else 1 / 12
  np.testing.assert_allclose(gradient, variance, rtol=2e-3)


def test_the_optimal_scale_is_the_one_no_other_beats():
  """Of its own example, and with the gradient of the scale gone, as it is where it is best."""
  optimal = gaussian(SPEC, scale="optimal")
  theta, x = jnp.array([[0.2], [0.5], [-1.0]]), jnp.array([0.0, 0.9, -0.4])
  stds = np.linspace(0.05, 2.0, 4000)
  each = [stats.norm.logpdf(x, theta[:, 0], std).sum() for std in stds]
  np.testing.assert_allclose(optimal.log_prob(theta, x), max(each), rtol=1e-5)
  best = float(stds[np.argmax(each)])
  fixed = gaussian(SPEC, std=best)
  slopes = [jax.grad(family.log_prob)(theta, x) for family in (optimal, fixed)]
  np.testing.assert_allclose(*slopes, rtol=5e-3)
  assert not optimal.proper
  with pytest.raises(UserError, match="of all the elements together"):
    optimal.each(theta, x)
  same = optimal.log_prob(
    theta, theta[:, 0]
  )  # an exact copy has the smallest scale, not none
  np.testing.assert_allclose(same, stats.norm.logpdf([0, 0, 0], 0, 1e-3).sum(), rtol=1e-5)


def test_a_wrong_scale_is_a_sentence():
  with pytest.raises(UserError, match="expected one of"):
    gaussian(SPEC, scale="free")


def test_a_learned_scale_starts_at_its_std():
  shared = gaussian(SPEC, scale="shared", std=0.2)
  predicted = gaussian(SPEC, scale="predicted", std=0.2)
  for theta, family in (([0.0, shared.shared[0]], shared), ([0.0, 0.0], predicted)):
    got = family.log_prob(jnp.array([theta]), jnp.array([0.1]))
    np.testing.assert_allclose(got, stats.norm.logpdf(0.1, 0.0, 0.2), rtol=1e-3)
