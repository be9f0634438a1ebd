"""Annealed importance sampling on a linear Gaussian model, whose evidence is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax.inference import annealing

W = np.array([[1.2, 0.3], [-0.5, 0.8], [0.4, 0.4]])
STD = 0.5
X = np.array([0.7, -1.1, 0.3])
CHAINS, STEPS = 64, 60


def log_prior(z):
  return -0.5 * jnp.sum(z**2) - len(z) / 2 * jnp.log(2 * jnp.pi)


def log_likelihood(z):
  off = (jnp.asarray(X, jnp.float32) - jnp.asarray(W, jnp.float32) @ z) / STD
  return -0.5 * jnp.sum(off**2) - 3 * jnp.log(STD * jnp.sqrt(2 * jnp.pi))


def run(starts, schedule, seed):
  one = lambda z, key: annealing.anneal(
    log_prior, log_likelihood, z, key, schedule, leapfrog=5, step=0.2
  )
  keys = jax.random.split(jax.random.key(seed), len(starts))
  return jax.jit(jax.vmap(one))(jnp.asarray(starts, jnp.float32), keys)


def exact():
  return stats.multivariate_normal(np.zeros(3), W @ W.T + STD**2 * np.eye(3)).logpdf(X)


def test_both_sides_hold_the_exact_evidence_between_them():
  rng, up = np.random.default_rng(0), annealing.temperatures(STEPS)
  chains = run(rng.normal(size=(CHAINS, 2)), up, 1)
  below, ess = annealing.evidence(chains)
  precision = np.eye(2) + W.T @ W / STD**2
  mean = np.linalg.solve(precision, W.T @ X / STD**2)
  posterior = rng.multivariate_normal(mean, np.linalg.inv(precision), CHAINS)
  above = -annealing.evidence(run(posterior, up[::-1], 2))[0]
  assert float(below) == pytest.approx(exact(), abs=0.05)
  assert float(above) == pytest.approx(exact(), abs=0.15)
  assert CHAINS / 2 < float(ess) <= CHAINS * (1 + 1e-5)
  # The chains that went up are draws of the posterior now.
  np.testing.assert_allclose(chains.z.mean(0), mean, atol=0.25)
  assert 0.4 < float(chains.accepted.mean()) < 0.95


def test_a_move_leaves_a_gaussian_as_it_is():
  target = lambda z: -0.5 * jnp.sum(z**2 / jnp.array([1.0, 4.0]))
  start = np.random.default_rng(3).normal(size=(4000, 2)) * [1, 2]
  keys = jax.random.split(jax.random.key(4), len(start))
  step = lambda z, key: annealing.hamiltonian(target, z, key, 0.5, 5)
  z, accepted = jax.jit(jax.vmap(step))(jnp.asarray(start, jnp.float32), keys)
  np.testing.assert_allclose(z.std(0), [1, 2], rtol=0.06)
  assert (np.abs(z - start).max(1) > 0).mean() == pytest.approx(float(accepted.mean()))


def test_temperatures_go_from_the_prior_to_the_posterior():
  schedule = np.asarray(annealing.temperatures(10))
  assert schedule[0] == 0
  assert schedule[-1] == 1
  assert (np.diff(schedule) > 0).all()
  assert np.diff(schedule)[0] < np.diff(schedule)[5]
