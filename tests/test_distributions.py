"""The Gaussian against scipy and Monte Carlo."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from vae_jax import distributions
from vae_jax.types import Posterior

Q = Posterior(jnp.array([0.5, -1.0, 2.0]), jnp.array([0.0, -2.0, 1.0]))
P = Posterior(jnp.array([0.1, 0.3, -0.5]), jnp.array([0.7, 0.0, -1.0]))


def test_log_prob_is_scipys():
  z = np.array([0.3, -0.9, 4.0])
  expected = stats.norm.logpdf(z, Q.mean, np.exp(0.5 * np.asarray(Q.logvar))).sum()
  np.testing.assert_allclose(distributions.log_prob(Q, jnp.asarray(z)), expected, rtol=1e-6)


def test_divergences_are_the_expected_log_ratio():
  keys = jax.random.split(jax.random.key(0), 200_000)
  z = jax.vmap(lambda k: distributions.sample(Q, k))(keys)
  log_q = jax.vmap(lambda z: distributions.log_prob(Q, z))(z)
  for other, exact in ((distributions.standard(3), distributions.kl(Q)), (P, None)):
    exact = distributions.kl_between(Q, other) if exact is None else exact
    ratio = np.asarray(log_q - jax.vmap(lambda z, o=other: distributions.log_prob(o, z))(z))
    assert abs(ratio.mean() - exact) < 5 * ratio.std() / len(ratio) ** 0.5


def test_kl_to_the_prior_is_the_sum_over_latents_and_zero_at_the_prior():
  np.testing.assert_allclose(distributions.kl(Q), distributions.kl_per_latent(Q).sum())
  np.testing.assert_allclose(
    distributions.kl(Q), distributions.kl_between(Q, distributions.standard(3)), rtol=1e-6
  )
  assert distributions.kl(distributions.standard(5)) == 0.0
  assert distributions.kl_between(P, P) == 0.0


def test_a_draw_has_the_mean_and_the_variance():
  keys = jax.random.split(jax.random.key(1), 100_000)
  z = np.asarray(jax.vmap(lambda k: distributions.sample(Q, k))(keys))
  np.testing.assert_allclose(z.mean(0), Q.mean, atol=0.03)
  np.testing.assert_allclose(np.log(z.var(0)), Q.logvar, atol=0.03)
