"""Corruptions: rate 0 changes nothing, the share hit is the rate, and rates may be traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny

from vae_jax import asking, corruptions, data, registry, vae
from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.training import loop
from vae_jax.types import UserError

NAMES = registry.names("corruptions")
SHAPES = [(28, 28, 3), (40,), (30, 4)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_contract(name, shape):
  function = registry.find("corruptions", name)
  corrupt = jax.jit(lambda x, rate: function(jax.random.key(1), x, rate))
  x = np.random.default_rng(0).uniform(1.0, 2.0, shape).astype(np.float32)
  np.testing.assert_array_equal(corrupt(x, 0.0), x)
  once, again = corrupt(x, 0.5), corrupt(x, 0.5)
  np.testing.assert_array_equal(once, again)
  assert once.shape == x.shape
  assert once.dtype == x.dtype
  assert np.isfinite(corrupt(x, 1.0)).all()
  assert corrupt._cache_size() == 1  # another rate is no other program


@pytest.mark.parametrize("name", [n for n in NAMES if n != "none"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_share_that_changes_is_the_rate(name, shape):
  corrupt = registry.find("corruptions", name)
  x = jnp.full(shape, 5.0)
  keys = jax.random.split(jax.random.key(2), 400)
  kept = x / 0.7 if name == "dropout" else x
  changed = lambda k: (abs(corrupt(k, x, 0.3) - kept) > 1e-5).mean()  # but for rounding
  hit = jax.jit(jax.vmap(changed))(keys)
  np.testing.assert_allclose(np.mean(hit), 0.3, atol=0.03)


@pytest.mark.parametrize("name", ["uniform", "mask", "block"])
def test_the_channels_of_a_pixel_share_their_fate(name):
  x = jnp.full((28, 28, 3), 2.0)
  corrupt = registry.find("corruptions", name)
  hit = np.asarray(jax.jit(lambda x: corrupt(jax.random.key(3), x, 0.4))(x)) != 2.0
  assert (hit == hit[..., :1]).all()


def test_block_is_one_rectangle_inside_the_image():
  x = jnp.ones((20, 10, 1))
  left = jax.jit(lambda x: corruptions.block(jax.random.key(4), x, 0.25))(x)
  hit = (np.asarray(left) == 0)[..., 0]
  rows, columns = hit.any(1), hit.any(0)
  assert rows.sum() == 10
  assert columns.sum() == 5
  np.testing.assert_array_equal(hit, rows[:, None] & columns[None])


def test_uniform_noise_is_uniform():
  x = jnp.full((100, 100, 1), 5.0)
  noisy = np.asarray(corruptions.uniform(jax.random.key(5), x, 1.0))
  np.testing.assert_allclose([noisy.mean(), noisy.var()], [0.5, 1 / 12], atol=0.01)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["mask", "block", "holes"])
def test_what_is_taken_away_can_be_marked(name, shape):
  corrupt = registry.find("corruptions", name)
  x = np.random.default_rng(7).uniform(1.0, 2.0, shape).astype(np.float32)
  left, observed = jax.jit(lambda x: corrupt(jax.random.key(6), x, 0.5, mark=True))(x)
  alone = jax.jit(lambda x: corrupt(jax.random.key(6), x, 0.5))(x)
  np.testing.assert_array_equal(left, alone)
  np.testing.assert_array_equal(left, x * observed)
  assert observed.shape[:-1] == x.shape[:-1]
  assert 0 < observed.mean() < 1


def test_a_marked_hole_reaches_the_encoder_and_is_scored():
  options = {
    "model": {"name": "mlp", "latents": 3, "hidden": [8], "observes": True},
    "corruption": {"name": "holes", "mark": True},
  }
  config = tiny(**options)
  spec = data.load(config["data"], None).spec
  made = vae.build(config, spec)
  params = jax.jit(made.init)(jax.random.key(8))
  x = np.random.default_rng(9).uniform(size=spec.shape).astype(np.float32)
  seen = np.ones((*spec.shape[:2], 1), np.float32)
  seen[:4] = 0
  posterior = jax.jit(lambda row: made.posterior(params, row))
  told = posterior({"x": x, "input": (x * seen, seen)})
  untold = posterior({"x": x, "input": x * seen})
  assert np.abs(told.mean - untold.mean).max() > 1e-4
  by_data = posterior({"x": x * seen, "observed": seen})
  np.testing.assert_allclose(told.mean, by_data.mean, rtol=1e-6)
  z = jnp.zeros(3)
  score = jax.jit(lambda row: made.log_likelihood(params, z, row))
  np.testing.assert_array_equal(  # the whole image is scored
    score({"x": x, "input": (x * seen, seen)}), score({"x": x})
  )
  for part, field in (("corruption", "mark"), ("model", "observes")):
    wrong = {**config, part: {**config[part], field: False}}
    with pytest.raises(UserError, match=r"mark"):
      vae.build(wrong, spec)


def test_training_hands_the_mask_to_the_encoder(tmp_path):
  config = tiny(
    model={"name": "mlp", "hidden": [8], "observes": True},
    corruption={"name": "holes", "mark": True, "vary": True},
    hyper={"corruption_rate": 0.9},
  )
  loop.train(config, str(tmp_path), None, say=lambda line: None)
  run = runs.open_run(str(tmp_path))
  assert np.isfinite(asking.terms(run, run.dataset.splits["test"])["elbo"]).all()
  kernel = run.params["model"]["down_0"]["kernel"]
  assert kernel.shape == (1, 2 * 64, 8)
  start = jax.eval_shape(run.vae.init, jax.random.key(0))["model"]["down_0"]["kernel"]
  assert start.shape == kernel.shape[1:]


def test_the_config_for_masks_has_it_as_an_argument():
  plain = configuration.load("configs/mnist_masked.py", {})
  told = configuration.load("configs/mnist_masked.py:observed", {})
  assert configuration.difference(plain, told) == [
    "config.corruption.mark: False there, True here",
    "config.model.observes: False there, True here",
  ]
