"""RecVAE's bound against closed forms, and the memory that its prior has in training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from made import bind, table_data

from vae_jax import distributions
from vae_jax.objectives import beta, recvae
from vae_jax.training import loop, step, trainer
from vae_jax.types import Posterior, UserError

HYPER = {"gamma": jnp.float32(0.5), "old": jnp.float32(0.0), "wide": jnp.float32(0.0)}
DATA = table_data()
X = jnp.asarray(DATA.splits["train"]["x"][0])


def vae():
  """q(z|x) = N(shift + x[:2], e^-1), p(x|z) around z."""
  encode = lambda params, x: Posterior(params["shift"] + x[:2], jnp.full(2, -1.0))
  return bind(DATA, encode, lambda params, z: jnp.tile(z, 2), 2)


def test_without_its_two_other_parts_it_is_the_beta_vae_at_gamma_times_the_items():
  params, example = {"shift": jnp.zeros(2)}, {"x": X, "id": 0}
  ask = jax.vmap(lambda key: recvae.loss(vae(), params, example, key, HYPER))
  many = ask(jax.random.split(jax.random.key(0), 20_000))
  weight = 0.5 * X.sum()
  gap = (many.loss - many.distortion) / weight
  error = gap.std() / 20_000**0.5
  assert abs(gap.mean() - many.rate[0]) < 4.5 * error
  hyper = {"beta": weight, "free_bits": jnp.float32(0)}
  plain = beta.loss(vae(), params, example, jax.random.key(1), hyper)
  np.testing.assert_allclose(plain.rate, many.rate[0], rtol=1e-5)


def test_the_prior_is_the_mixture():
  z, old = jnp.array([0.3, -1.0]), Posterior(jnp.array([0.5, 0.5]), jnp.array([-1.0, 0.2]))
  hyper = {"old": 0.6, "wide": 0.1}
  parts = [
    Posterior(jnp.zeros(2), jnp.zeros(2)),
    old,
    Posterior(jnp.zeros(2), jnp.full(2, 10.0)),
  ]
  density = sum(
    share * jnp.exp(distributions.log_prob(part, z))
    for share, part in zip((0.3, 0.6, 0.1), parts, strict=True)
  )
  np.testing.assert_allclose(recvae.log_prior(z, old, hyper), jnp.log(density), rtol=1e-5)


def test_a_posterior_that_is_the_old_one_costs_nothing_and_has_no_gradient_through_it():
  hyper = {**HYPER, "old": jnp.float32(1.0)}
  params, example = {"shift": jnp.ones(2)}, {"x": X, "input": 9 * X, "id": 0}
  key = lambda: jax.random.key(2)  # the same draw each time
  # The old one sees the clean x: the new one does too here.
  clean = {"x": X, "id": 0}
  terms = recvae.loss(vae(), {**params, "lagged": params}, clean, key(), hyper)
  np.testing.assert_allclose(terms.loss, terms.distortion, rtol=1e-5)
  moved = lambda lagged: (
    recvae.loss(vae(), {**params, "lagged": lagged}, example, key(), hyper).loss
  )
  assert moved(params) != moved({"shift": jnp.zeros(2)})
  gradient = jax.grad(moved)(params)
  np.testing.assert_array_equal(gradient["shift"], 0)


@pytest.mark.slow
def test_training_hands_over_the_moving_average():
  config = tiny(objective={"name": "recvae"}, optimizer={"ema": True})
  program = loop.assemble(config, None)
  state = jax.tree.map(lambda x: x[0], trainer.init(program))
  hyper = jax.tree.map(lambda x: jnp.asarray(x)[0], program.hyper)
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  train = step.make(program.vae, config, program.total, program.feed.examples)
  loss = lambda state: train(state, hyper, batch)[1]["loss"]
  moved = state._replace(ema=jax.tree.map(lambda x: x + 0.1, state.ema))
  assert loss(moved) != loss(state)
  rows = {k: v for k, v in batch.items() if k != "mask"}
  of = step.example_terms(program.vae, recvae, config)
  both = {**moved.params, "lagged": moved.ema}
  want = jax.vmap(lambda e: of(both, e, hyper, 0, "train").loss)(rows).mean()
  np.testing.assert_allclose(loss(moved), want, rtol=1e-5)


def test_without_a_moving_average_it_is_refused():
  config = tiny(objective={"name": "recvae"})
  program = loop.assemble(config, None)
  with pytest.raises(UserError, match=r"optimizer\.ema=True"):
    step.make(program.vae, config, program.total, program.feed.examples)
