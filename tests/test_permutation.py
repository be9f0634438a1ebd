"""The order of examples is a bijection per epoch, uniform, and the same from jnp and NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vae_jax.training import permutation
from vae_jax.types import UserError

SIZES = (1, 2, 3, 5, 8, 127, 128, 1000, 60000)


def epoch_of(n, seed=0, epoch=0):
  return permutation.permuted_index(seed, epoch, np.arange(n), n, np)


@pytest.mark.parametrize("n", SIZES)
def test_each_epoch_is_a_bijection_and_jnp_equals_numpy(n):
  permuted = jax.jit(lambda s, e, p: permutation.permuted_index(s, e, p, n))
  for seed, epoch in ((0, 0), (7, 3), (2**31 - 1, 100_000)):
    here = epoch_of(n, seed, epoch)
    np.testing.assert_array_equal(np.sort(here), np.arange(n))
    np.testing.assert_array_equal(permuted(seed, epoch, jnp.arange(n)), here)


def test_seeds_and_epochs_give_other_orders():
  base = epoch_of(1000)
  for other in (epoch_of(1000, seed=1), epoch_of(1000, epoch=1), epoch_of(1000, 2**31 - 1)):
    assert np.mean(other == base) < 0.02


@pytest.mark.parametrize("n", [2, 3, 5, 10, 16, 50, 127])
@pytest.mark.parametrize("position", [0, 1])
def test_a_position_is_uniform_over_epochs(n, position):
  epochs = np.arange(200 * n)
  first = permutation.permuted_index(3, epochs, np.full(len(epochs), position), n, np)
  counts = np.bincount(first, minlength=n)
  assert scipy.stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("n", [5, 10, 100])
def test_pairs_of_positions_are_uniform_over_epochs(n):
  epochs = np.arange(100 * n * n)
  a, b = (
    permutation.permuted_index(1, epochs, np.full(len(epochs), p), n, np).astype(int)
    for p in (0, n - 1)
  )
  pairs = np.bincount(a * n + b, minlength=n * n).reshape(n, n)
  assert np.all(np.diag(pairs) == 0)
  assert scipy.stats.chisquare(pairs[~np.eye(n, dtype=bool)]).pvalue > 1e-3


def test_every_order_of_four_is_equally_likely():
  epochs = np.arange(24 * 500)
  columns = [
    permutation.permuted_index(5, epochs, np.full(len(epochs), p), 4, np) for p in range(4)
  ]
  code = sum(c.astype(int) * 4**i for i, c in enumerate(columns))
  kinds, counts = np.unique(code, return_counts=True)
  assert len(kinds) == 24
  assert scipy.stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("n", [127, 1000, 60000])
def test_consecutive_epochs_and_seeds_and_neighbours_are_uncorrelated(n):
  bound = 4.5 / np.sqrt(n)  # standard errors of a correlation of independent orders
  for seed in range(4):
    here = epoch_of(n, seed)
    for other in (
      epoch_of(n, seed, 1),
      epoch_of(n, seed + 1),
      np.arange(n),
      np.roll(here, 1),
    ):
      assert abs(np.corrcoef(here, other)[0, 1]) < bound


@pytest.mark.parametrize(
  ("n", "batch_size"), [(10, 4), (7, 7), (3, 8), (1, 2), (1000, 128)]
)
def test_every_example_comes_once_an_epoch_in_full_batches(n, batch_size):
  steps = -(-5 * n // batch_size)
  batches = [permutation.batch_indices(9, s, batch_size, n, np) for s in range(steps)]
  index = np.concatenate([b[0] for b in batches])[: 5 * n].reshape(5, n)
  epoch = np.concatenate([b[1] for b in batches])[: 5 * n].reshape(5, n)
  np.testing.assert_array_equal(np.sort(index, 1), np.tile(np.arange(n), (5, 1)))
  np.testing.assert_array_equal(epoch, np.repeat(np.arange(5)[:, None], n, 1))


def test_batches_are_the_same_traced_stacked_and_in_numpy():
  step = jnp.arange(40)
  traced = jax.jit(
    jax.vmap(
      lambda seed, s: permutation.batch_indices(seed, s, 64, 1000), in_axes=(None, 0)
    )
  )(11, step)
  assert traced[0].dtype == traced[1].dtype == jnp.int32
  for s in step.tolist():
    index, epoch = permutation.batch_indices(11, s, 64, 1000, np)
    np.testing.assert_array_equal(traced[0][s], index)
    np.testing.assert_array_equal(traced[1][s], epoch)


def test_the_last_position_that_fits_is_still_right():
  step = permutation.LIMIT // 256 - 1
  index, epoch = jax.jit(lambda s: permutation.batch_indices(0, s, 256, 60000))(
    np.int32(step)
  )
  np.testing.assert_array_equal(
    index, permutation.batch_indices(0, step, 256, 60000, np)[0]
  )
  assert int(epoch[-1]) == (2**32 - 1) // 60000


def test_plans_that_do_not_fit_are_refused():
  permutation.check_steps(permutation.LIMIT // 256, 256, 60000)
  with pytest.raises(UserError, match="2\\^32"):
    permutation.check_steps(permutation.LIMIT // 256 + 1, 256, 60000)
  with pytest.raises(UserError, match="0 examples"):
    permutation.check_steps(1, 256, 0)
  with pytest.raises(UserError, match="batch size"):
    permutation.check_steps(1, 0, 10)
