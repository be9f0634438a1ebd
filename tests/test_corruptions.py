"""Corruptions: rate 0 changes nothing, the share hit is the rate, and rates may be traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import corruptions, registry

NAMES = registry.names("corruptions")
SHAPES = [(28, 28, 3), (40,), (30, 4)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_contract(name, shape):
  function = registry.find("corruptions", name)
  corrupt = jax.jit(lambda x, rate: function(jax.random.key(1), x, rate))
  x = jax.random.uniform(jax.random.key(0), shape) + 1.0
  np.testing.assert_array_equal(corrupt(x, 0.0), x)
  once, again = corrupt(x, 0.5), corrupt(x, 0.5)
  np.testing.assert_array_equal(once, again)
  assert once.shape == x.shape
  assert once.dtype == x.dtype
  assert jnp.isfinite(corrupt(x, 1.0)).all()
  assert corrupt._cache_size() == 1  # another rate is no other program


@pytest.mark.parametrize("name", [n for n in NAMES if n != "none"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_share_that_changes_is_the_rate(name, shape):
  corrupt = registry.find("corruptions", name)
  x = jnp.full(shape, 5.0)
  keys = jax.random.split(jax.random.key(2), 400)
  hit = jax.vmap(lambda k: corrupt(k, x, 0.3) != (x / 0.7 if name == "dropout" else x))(
    keys
  )
  np.testing.assert_allclose(hit.mean(), 0.3, atol=0.03)


@pytest.mark.parametrize("name", ["uniform", "mask", "block"])
def test_the_channels_of_a_pixel_share_their_fate(name):
  x = jnp.full((28, 28, 3), 2.0)
  hit = registry.find("corruptions", name)(jax.random.key(3), x, 0.4) != x
  assert (hit == hit[..., :1]).all()


def test_block_is_one_rectangle_inside_the_image():
  x = jnp.ones((20, 10, 1))
  hit = np.asarray(corruptions.block(jax.random.key(4), x, 0.25) == 0)[..., 0]
  rows, columns = hit.any(1), hit.any(0)
  assert rows.sum() == 10
  assert columns.sum() == 5
  np.testing.assert_array_equal(hit, rows[:, None] & columns[None])


def test_uniform_noise_is_uniform():
  x = jnp.full((100, 100, 1), 5.0)
  noisy = np.asarray(corruptions.uniform(jax.random.key(5), x, 1.0))
  np.testing.assert_allclose([noisy.mean(), noisy.var()], [0.5, 1 / 12], atol=0.01)
