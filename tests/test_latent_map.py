"""latent_map and its draws on models whose posterior is known exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax.inference import damage
from vae_jax.inference.latent_map import (
  SMALL,
  climb_by_newton,
  latent_map,
  posterior_draws,
  resample,
  weigh,
)

SIZE, LATENTS, STD = 12, 3, 0.4


def linear_gaussian(seed=0):
  """y = W z + N(0, STD^2): log joint, exact posterior mean and covariance."""
  rng = np.random.default_rng(seed)
  W = rng.normal(size=(SIZE, LATENTS))
  y = W @ rng.normal(size=LATENTS) + STD * rng.normal(size=SIZE)
  covariance = np.linalg.inv(np.eye(LATENTS) + W.T @ W / STD**2)
  mean = covariance @ W.T @ y / STD**2
  weights, seen = jnp.asarray(W, jnp.float32), jnp.asarray(y, jnp.float32)

  def log_joint(z):
    error = jnp.square(seen - weights @ z).sum() / STD**2
    return -0.5 * (error + jnp.square(z).sum())

  return log_joint, mean, covariance


def search(log_joint, starts, *settings):
  """`latent_map` as one compiled program: by single operations it compiles hundreds."""
  return jax.jit(lambda starts: latent_map(log_joint, starts, *settings))(starts)


def draw(log_joint, mode, key, *settings):
  return jax.jit(lambda z, k: posterior_draws(log_joint, z, k, *settings))(mode, key)


def two_hills(z):
  """A mixture with its higher mode at (2, 0, 0) and a lower one at (-2, 0, 0)."""
  at = jnp.array([2.0, 0.0, 0.0])
  squares = jnp.stack([jnp.sum((z - at) ** 2), jnp.sum((z + at) ** 2) + 1.0])
  return jax.nn.logsumexp(-2.0 * squares)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_mode_of_a_linear_gaussian_model_is_exact(seed):
  log_joint, mean, _ = linear_gaussian(seed)
  starts = jax.random.normal(jax.random.key(seed), (3, LATENTS))
  found = search(log_joint, starts, 800, 0.05)
  np.testing.assert_allclose(found.z, mean, atol=1e-4)
  np.testing.assert_allclose(found.objective, log_joint(found.z), rtol=1e-5)
  assert found.objective == found.objectives.max()
  assert found.arrived
  assert found.remaining < 1e-6


def test_few_steps_of_adam_are_enough_for_newton_and_a_kink_does_not_arrive():
  log_joint, mean, _ = linear_gaussian()
  starts = jax.random.normal(jax.random.key(5), (3, LATENTS))
  found = search(log_joint, starts, 5)
  np.testing.assert_allclose(found.z, mean, atol=1e-4)
  assert found.arrived
  edge = lambda z: -10 * jnp.abs(z).sum()  # its slope is 10 wherever it is not 0
  assert not search(edge, starts, 5).arrived


def test_newton_keeps_only_what_is_better_and_goes_down_from_a_saddle():
  double_well = lambda z: jnp.square(jnp.square(z[0]) - 1) + jnp.square(z[1])
  descend = lambda cost, z: jax.jit(lambda z: climb_by_newton(cost, z))(z)
  z, value, remaining = descend(double_well, jnp.array([0.1, 0.5]))
  assert value < 0.2 < double_well(jnp.array([0.1, 0.5]))  # 0 at z = (1, 0)
  assert z[0] > 0.6  # where Newton's own step goes to the saddle at (0, 0)
  np.testing.assert_allclose(z[1], 0, atol=1e-4)
  assert remaining > 1e-3  # three steps are too few from there, and it says so
  steep = lambda z: jnp.sum(jnp.log1p(jnp.square(100 * z)))  # concave where it starts
  start = jnp.array([1.0, -2.0])
  _, value, _ = descend(steep, start)
  assert value <= steep(start)
  broken = lambda z: jnp.sum(z) * jnp.nan
  z, value, remaining = descend(broken, start)
  np.testing.assert_array_equal(z, start)
  assert np.isnan(remaining)


def test_many_latents_are_left_to_adam_and_say_what_may_be_left():
  wide = lambda z: -0.5 * jnp.square(z - 1).sum()
  found = search(wide, jnp.zeros((1, SMALL + 1)), 20)
  bound = 0.5 * np.square(np.asarray(found.z) - 1).sum()
  np.testing.assert_allclose(found.remaining, bound, rtol=1e-5)
  assert not found.arrived


def test_several_starts_are_never_worse_than_one():
  starts = jnp.array([[-2.5, 0.3, 0.0], [0.2, 0.1, 0.0], [3.0, 0.0, 1.0]])
  program = jax.jit(lambda starts: latent_map(two_hills, starts, 100))
  alone = [program(start[None]).objective for start in starts]
  together = program(starts)
  np.testing.assert_allclose(together.objectives, alone, atol=1e-5)
  assert together.objective == together.objectives.max() >= max(alone) - 1e-5
  assert together.objectives[together.start] == together.objective
  np.testing.assert_allclose(together.z, [2, 0, 0], atol=1e-2)
  assert (
    alone[0] < together.objective - 0.5
  )  # the lower hill holds the one that starts there


def test_no_result_is_worse_than_its_start():
  log_joint, mean, _ = linear_gaussian()
  start = jnp.asarray(mean, jnp.float32)[None]
  found = search(log_joint, start, 20, 5.0)  # steps far too large to get anywhere
  assert found.objective >= log_joint(start[0])
  nothing = search(log_joint, start + 1, 0)
  np.testing.assert_allclose(nothing.z, start[0] + 1)


def test_a_start_that_is_not_finite_never_wins():
  log_joint, mean, _ = linear_gaussian()
  starts = jnp.stack([jnp.full(LATENTS, jnp.nan), jnp.zeros(LATENTS)])
  found = search(log_joint, starts, 400)
  assert found.start == 1
  np.testing.assert_allclose(found.z, mean, atol=1e-3)


def test_a_batch_and_a_population_are_two_vmaps():
  def log_joint(z, scale, y):
    return -0.5 * (jnp.square(y - scale * z).sum() + jnp.square(z).sum())

  scales, ys = jnp.array([1.0, 2.0]), jnp.arange(8.0).reshape(4, 2)
  one = lambda scale, y: (
    latent_map(lambda z: log_joint(z, scale, y), jnp.zeros((1, 2)), 500).z
  )
  found = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(scales, ys)
  exact = scales[:, None, None] * ys[None] / (1 + scales[:, None, None] ** 2)
  np.testing.assert_allclose(found, exact, atol=5e-3)


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_draws_have_the_exact_mean_and_covariance(scale):
  log_joint, mean, covariance = linear_gaussian()
  mode = jnp.asarray(mean, jnp.float32)
  draws = draw(log_joint, mode, jax.random.key(1), 20_000, scale)
  z, weights = np.asarray(draws.z), np.exp(draws.log_weights)
  np.testing.assert_allclose(weights.sum(), 1, rtol=1e-4)
  average = weights @ z
  centred = z - average
  std = np.sqrt(np.diag(covariance))
  np.testing.assert_allclose((average - mean) / std, 0, atol=0.05)
  np.testing.assert_allclose(
    (centred.T * weights) @ centred / np.outer(std, std),
    covariance / np.outer(std, std),
    atol=0.06,
  )
  if scale == 1.0:  # the Laplace approximation is exact: no draw counts more than another
    np.testing.assert_allclose(draws.ess, 20_000, rtol=1e-3)
  else:
    assert draws.ess < 18_000


def test_a_saddle_is_sampled_at_most_as_widely_as_the_prior():
  flat = lambda z: 0.5 * jnp.square(z).sum()  # curved the wrong way everywhere
  draws = draw(flat, jnp.zeros(4), jax.random.key(0), 4000)
  np.testing.assert_allclose(draws.z.std(0), 1, atol=0.06)


def test_a_hessian_that_is_not_finite_leaves_the_width_of_the_prior():
  cliff = lambda z: -0.5 * jnp.square(z).sum() - jnp.sqrt(jnp.abs(z)).sum()
  draws = draw(cliff, jnp.zeros(3), jax.random.key(0), 4000)
  np.testing.assert_allclose(draws.z.std(0), 1, atol=0.06)
  assert np.isfinite(draws.log_weights).all()
  dead = draw(lambda z: jnp.nan * z.sum(), jnp.zeros(3), jax.random.key(0), 5)
  assert np.isnan(dead.log_weights).all()


def test_effective_draws_and_resampling():
  z = jnp.arange(4.0)[:, None]
  even = weigh(z, jnp.zeros(4))
  np.testing.assert_allclose(even.ess, 4, rtol=1e-5)
  one = weigh(z, jnp.array([0.0, -jnp.inf, -jnp.inf, -jnp.inf]))
  np.testing.assert_allclose(one.ess, 1, rtol=1e-5)
  assert (resample(one, jax.random.key(0), 5) == 0).all()
  picked = resample(even, jax.random.key(0), 4)
  np.testing.assert_array_equal(picked, z)  # systematic: each once
  skewed = weigh(z, jnp.log(jnp.array([0.5, 0.25, 0.25, 1e-9])))
  counts = np.bincount(np.asarray(resample(skewed, jax.random.key(1), 8))[:, 0].astype(int))
  assert counts.tolist() == [4, 2, 2]


def test_a_replaced_pixel_pulls_no_more_than_its_share_says():
  x, share, scale = jnp.full((2, 2, 1), 0.5), 0.1, 0.05
  exact = 4 * np.log((1 - share) / (2 * scale) + share)
  np.testing.assert_allclose(damage.replaced(x, x, share, scale), exact, rtol=1e-5)
  far = x.at[0, 0, 0].set(1.5)  # twenty scales away
  drop = damage.replaced(x, x, share, scale) - damage.replaced(far, x, share, scale)
  np.testing.assert_allclose(drop, np.log(9 + 0.1) - np.log(0.1), rtol=1e-3)
  clean = damage.clean_share(far, x, share, scale)
  assert clean[0, 0, 0] < 1e-6
  np.testing.assert_allclose(clean[1, 1, 0], 9 / 9.1, rtol=1e-4)


def test_missing_pixels_do_not_count():
  rng = np.random.default_rng(0)
  y, x = rng.uniform(0.1, 0.9, (2, 3, 3, 2)).astype(np.float32)
  known = (rng.random((3, 3, 1)) > 0.5).astype(np.float32)
  seen = np.repeat(known, 2, -1) > 0
  bernoulli = (y * np.log(x) + (1 - y) * np.log(1 - x))[seen].sum()
  np.testing.assert_allclose(damage.observed_bernoulli(y, x, known), bernoulli, rtol=1e-4)
  normal = (-0.5 * ((y - x) / 0.2) ** 2 - np.log(0.2) - 0.5 * np.log(2 * np.pi))[seen].sum()
  np.testing.assert_allclose(damage.observed_gaussian(y, x, known, 0.2), normal, rtol=1e-4)
  moved = np.where(seen, x, 0.3)
  assert damage.observed_bernoulli(y, moved, known) == pytest.approx(bernoulli, rel=1e-4)


def test_block_averages_and_back_projection():
  x = np.random.default_rng(0).uniform(0, 1, (5, 8, 12, 2)).astype(np.float32)
  small = damage.block_mean(x, 4)
  assert small.shape == (5, 2, 3, 2)
  np.testing.assert_allclose(small[1, 1, 2, 0], x[1, 4:, 8:, 0].mean(), rtol=1e-5)
  np.testing.assert_allclose(
    damage.block_mean(damage.block_repeat(small, 4), 4), small, rtol=1e-5
  )
  guess = np.clip(x + 0.3, 0, 1)
  found = damage.back_project(guess, small, 4, rounds=20)
  np.testing.assert_allclose(damage.block_mean(found, 4), small, atol=2e-3)
  np.testing.assert_allclose(damage.back_project(x, small, 4), x, atol=1e-6)
  y = small[0]
  exact = damage.observed_gaussian(y, y + 0.1, jnp.ones((2, 3, 1)), 0.05)
  np.testing.assert_allclose(
    damage.averaged_gaussian(y, x[0] + 0.1, 4, 0.05), exact, rtol=1e-4
  )
