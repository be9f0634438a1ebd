"""The train step: what it minimises, what it skips, and that no number recompiles it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny

from vae_jax import distributions, registry
from vae_jax import vae as models
from vae_jax.data import load
from vae_jax.training import feed, loop, placement, step, sweep, trainer


def parts(config):
  program = loop.assemble(config, None)
  return (
    program,
    trainer.init(program),
    jax.jit(step.make(program.vae, config, program.total, program.feed.examples)),
  )


def member(tree, i):
  return jax.tree.map(lambda x: x[i], tree)


@pytest.mark.parametrize("name", registry.names("objectives"))
def test_objective_contract(name):
  """Every objective: finite terms and gradients, one example in, its loss of its own HYPER."""
  objective = registry.find("objectives", name)
  assert objective.__doc__
  assert "Args" in objective.loss.__doc__ or "(" in objective.loss.__doc__  # cites a source
  lagged = getattr(objective, "LAGGED", False)
  labelled = getattr(objective, "UNLABELLED", False) or name == "homoencoder"
  parts_ = {"model": {"condition": "label"}} if labelled else {}
  config = tiny(objective={"name": name}, optimizer={"ema": lagged}, **parts_)
  program, state, _ = parts(config)
  params, hyper = member(state.params, 0), member(jax.device_put(program.hyper), 0)
  example = {"x": jnp.ones(program.dataset.spec.shape) * 0.3, "id": jnp.int32(5)}
  if labelled:
    example |= {"label": jnp.int32(1), "labelled": jnp.float32(1)}
    example |= {"beside": example["x"][None] + 0.1, "beside_label": jnp.zeros(1, jnp.int32)}
  terms_of = step.example_terms(program.vae, objective, config)
  loss_of = lambda p: ((terms := terms_of(p, example, hyper, 0, "train")).loss, terms)
  gradient, terms = jax.jit(jax.grad(loss_of, has_aux=True))(params)
  assert terms.loss.shape == terms.rate.shape == terms.distortion.shape == ()
  assert terms.z.shape == distributions.code(terms.posterior).shape == (3,)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(terms))
  assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradient))
  assert set(objective.HYPER) <= set(program.hyper)


def test_the_loss_is_linear_in_beta_and_its_slope_is_the_rate():
  program, state, _ = parts(tiny())
  objective = registry.find("objectives", "beta")
  terms_of = step.example_terms(program.vae, objective, program.config)
  params, hyper = member(state.params, 0), member(jax.device_put(program.hyper), 0)
  example = {"x": jnp.full(program.dataset.spec.shape, 0.4), "id": jnp.int32(1)}
  at = jax.jit(lambda beta: terms_of(params, example, {**hyper, "beta": beta}, 3, "train"))
  terms, slope = at(1.0), jax.grad(lambda b: at(b).loss)(1.0)
  np.testing.assert_allclose(slope, terms.rate, rtol=1e-6)
  np.testing.assert_allclose(terms.loss, terms.distortion + terms.rate, rtol=1e-6)
  np.testing.assert_allclose(at(4.0).loss, terms.distortion + 4 * terms.rate, rtol=1e-6)


def test_free_bits_charge_at_least_their_number_for_each_latent():
  program, state, _ = parts(tiny())
  objective = registry.find("objectives", "beta")
  terms_of = step.example_terms(program.vae, objective, program.config)
  params, hyper = member(state.params, 0), member(jax.device_put(program.hyper), 0)
  example = {"x": jnp.full(program.dataset.spec.shape, 0.4), "id": jnp.int32(1)}
  charged = jax.jit(
    lambda p: terms_of(p, example, {**hyper, "free_bits": 50.0}, 0, "train")
  )
  terms = charged(params)
  np.testing.assert_allclose(terms.loss - terms.distortion, 3 * 50.0, rtol=1e-5)


def test_free_bits_do_not_hide_a_rate_that_is_no_number(monkeypatch):
  program, state, _ = parts(tiny())
  objective = registry.find("objectives", "beta")
  terms_of = step.example_terms(program.vae, objective, program.config)
  params, hyper = member(state.params, 0), member(jax.device_put(program.hyper), 0)
  example = {"x": jnp.full(program.dataset.spec.shape, 0.4), "id": jnp.int32(1)}
  nan = jnp.array([jnp.nan])
  monkeypatch.setattr(objective.distributions, "rates", lambda *_: nan)
  terms = terms_of(params, example, hyper, 0, "train")
  assert jnp.isnan(terms.loss)
  assert jnp.isfinite(terms.distortion)


def test_the_update_is_optaxs_adamw():
  config = tiny(hyper={"weight_decay": 0.1, "learning_rate": 3e-3})
  program, state, train_step = parts(config)
  hyper, one = member(jax.device_put(program.hyper), 0), member(state, 0)
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  objective = registry.find("objectives", "beta")
  terms_of = step.example_terms(program.vae, objective, config)

  def loss(params):
    examples = {k: v for k, v in batch.items() if k != "mask"}
    return jax.vmap(lambda e: terms_of(params, e, hyper, 0, "train").loss)(examples).mean()

  reference = optax.adamw(3e-3, weight_decay=0.1)

  @jax.jit
  def updated(params):
    updates, _ = reference.update(jax.grad(loss)(params), reference.init(params), params)
    return optax.apply_updates(params, updates)

  expected = updated(one.params)
  got, _ = train_step(one, hyper, batch)
  for a, b in zip(jax.tree.leaves(got.params), jax.tree.leaves(expected), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)


def test_clipping_bounds_the_norm_before_adam():
  program, state, train_step = parts(tiny(hyper={"clip_norm": 1e-3}))
  hyper, one = member(jax.device_put(program.hyper), 0), member(state, 0)
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  new, metrics = train_step(one, hyper, batch)
  assert metrics["grad_norm"] > 1.0
  first = optax.tree.norm(new.moments.mu) / (1 - 0.9)
  np.testing.assert_allclose(first, 1e-3, rtol=1e-4)


def test_a_step_with_a_gradient_that_is_not_finite_changes_nothing_and_is_counted():
  program, state, train_step = parts(tiny(optimizer={"ema": True}))
  hyper, one = member(jax.device_put(program.hyper), 0), member(state, 0)
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  bad = {**batch, "x": batch["x"].at[0].set(jnp.nan)}
  new, metrics = train_step(one, hyper, bad)
  assert metrics["skipped"] == 1
  assert new.skipped == 1
  assert new.step == 1
  for a, b in zip(jax.tree.leaves(new[:3]), jax.tree.leaves(one[:3]), strict=True):
    np.testing.assert_array_equal(a, b)


def test_masked_examples_do_not_count():
  program, state, train_step = parts(tiny())
  hyper, one = member(jax.device_put(program.hyper), 0), member(state, 0)
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  half = {k: v[:8] for k, v in batch.items()}
  garbage = {
    **batch,
    "x": batch["x"].at[8:].set(7.0),
    "mask": batch["mask"].at[8:].set(0.0),
  }
  a, b = train_step(one, hyper, half), train_step(one, hyper, garbage)
  np.testing.assert_allclose(a[1]["loss"], b[1]["loss"], rtol=1e-6)
  for x, y in zip(jax.tree.leaves(a[0].params), jax.tree.leaves(b[0].params), strict=True):
    np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)


def test_the_moving_average_follows_the_parameters():
  program, state, train_step = parts(
    tiny(optimizer={"ema": True}, hyper={"ema_decay": 0.5})
  )
  hyper, one = member(jax.device_put(program.hyper), 0), member(state, 0)
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  new, _ = train_step(
    one, hyper, batch
  )  # the decay of the first step is (1 + 0) / (10 + 0)
  expected = jax.tree.map(lambda e, p: 0.1 * e + 0.9 * p, one.ema, new.params)
  for a, b in zip(jax.tree.leaves(new.ema), jax.tree.leaves(expected), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
  assert step.evaluated(new) is new.ema


def test_schedules_reach_the_loss():
  config = tiny(schedule={"beta": "linear"}, hyper={"beta": 4.0, "beta_steps": 10.0})
  now = step.scheduled(config, 100)({"beta": 4.0, "beta_steps": 10.0}, jnp.int32(5))
  np.testing.assert_allclose(now["beta"], 2.0)


@pytest.mark.parametrize("together", [1, 2, 4])
def test_one_trace_for_any_numbers_any_chunk_and_any_data_seed(together):
  traces = []
  config = tiny(sweep={"beta": [1, 4], "learning_rate": [1e-3, 3e-3]})
  program, state, train_step = parts(config)

  def counted(*args):
    traces.append(1)
    return train_step(*args)

  place = placement.single(4, counted, program.feed, together)
  source = program.feed.source(0, 5)
  place.chunk(place.put(state), place.put(program.hyper), source, 0, 5)
  other = {**program.hyper, "beta": program.hyper["beta"] * 2}
  again = place.put(trainer.init(program))
  place.chunk(again, place.put(other), {**source, "seed": np.uint32(9)}, 3, 4)
  assert len(traces) == 1


def test_corruption_reaches_the_encoder_and_never_the_likelihood():
  config = tiny(corruption={"name": "mask"}, hyper={"corruption_rate": 1.0})
  dataset = load(config["data"], None)
  vae = models.build(config, dataset.spec)
  seen = {}
  spy = vae._replace(
    posterior=lambda p, e: seen.update(input=e["input"]) or vae.posterior(p, e),
    log_likelihood=lambda p, z, e: seen.update(x=e["x"]) or vae.log_likelihood(p, z, e),
  )
  params = jax.jit(vae.init)(jax.random.key(0))
  hyper = member(jax.device_put(sweep.stack(config, [{"seed": 0}])), 0)
  x = jnp.full(dataset.spec.shape, 0.7)
  terms_of = step.example_terms(spy, registry.find("objectives", "beta"), config)
  terms_of(params, {"x": x, "id": jnp.int32(0)}, hyper, 0, "train")
  assert (seen["input"] == 0).all()
  assert (seen["x"] == x).all()


def test_noise_differs_by_seed_step_use_and_example_and_not_by_batch():
  program, state, _ = parts(tiny())
  objective = registry.find("objectives", "beta")
  terms_of = step.example_terms(program.vae, objective, program.config)
  params, hyper = member(state.params, 0), member(jax.device_put(program.hyper), 0)
  x = jnp.full(program.dataset.spec.shape, 0.4)

  @functools.partial(jax.jit, static_argnums=2)
  def z(i, s, use, seed):
    return terms_of(params, {"x": x, "id": jnp.int32(i)}, {**hyper, "seed": seed}, s, use).z

  draws = [z(0, 0, "train", 0), z(1, 0, "train", 0), z(0, 1, "train", 0)]
  draws += [z(0, 0, "evaluation", 0), z(0, 0, "train", 1)]
  draws = [np.asarray(d) for d in draws]
  assert len({tuple(d) for d in draws}) == 5
  np.testing.assert_array_equal(draws[0], z(0, 0, "train", 0))


def test_feed_gives_the_step_what_it_asks_for():
  program, _, _ = parts(tiny())
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  assert set(batch) >= {"x", "id", "mask"}
  assert isinstance(program.feed, feed.Feed)


def test_members_side_by_side_divide_the_members_and_fit_the_cache():
  assert placement.side_by_side("gpu", 64, 10**9) == 64
  assert placement.side_by_side("cpu", 64, 10**9) == 1
  assert placement.side_by_side("cpu", 12, placement.CACHE_BYTES // 5) == 4
  assert placement.side_by_side("cpu", 7, 1) == 7


def test_the_result_does_not_depend_on_how_many_step_side_by_side():
  config = tiny(sweep={"beta": [1, 2, 3, 4]})
  program, _, train_step = parts(config)
  results = []
  for together in (1, 2, 4):
    place = placement.single(4, train_step, program.feed, together)
    state, hyper = place.put(trainer.init(program)), place.put(program.hyper)
    done = place.chunk(state, hyper, program.feed.source(0, 9), 0, 9)
    results.append([place.get(tree) for tree in done])
  for other in results[1:]:
    for a, b in zip(jax.tree.leaves(results[0]), jax.tree.leaves(other), strict=True):
      np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_loops_of_a_fixed_length_give_the_same_numbers_and_compile_once():
  """Of 8 steps each: chunks of 17, 1 and 8 steps are whole loops, with and without a rest.

  The body is compiled twice, and XLA may fuse it differently: some last bits differ.
  """
  program, _, train_step = parts(tiny(sweep={"beta": [1, 4]}))
  results, loops = [], []
  for fixed in (0, 8):
    place = placement.single(2, train_step, program.feed, 2, fixed)
    state, hyper = place.put(trainer.init(program)), place.put(program.hyper)
    source = program.feed.source(0, 26)
    found = []
    for start, stop in ((0, 17), (17, 18), (18, 26)):
      state, metrics = place.chunk(state, hyper, source, start, stop)
      found.append((place.get(state), place.get(metrics)))
    results.append(found)
    assert place.program._cache_size() == 1
    text = place.program.lower(state[0], hyper[0], source, 0, 5).as_text()
    loops.append(text.count("stablehlo.while"))
  near = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
  jax.tree.map(near, *results)
  assert loops[1] > loops[0]
