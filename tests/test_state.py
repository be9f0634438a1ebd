"""What is counted beside the optimizer, and the objectives that stand on it or on weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import copied, tiny

from vae_jax import distributions, registry
from vae_jax import run as runs
from vae_jax.objectives import beta
from vae_jax.training import loop, step, trainer
from vae_jax.types import Terms, UserError

COUNTS = {  # a state of the objective and one of the posterior
  "objective": {"name": "geco"},
  "posterior": {"name": "vq", "entries": 5, "vectors": 1},
  "prior": {"name": "uniform"},
  "hyper": {"target": 30.0, "memory": 0.5},
}


def leaves_equal(a, b):
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y)


def test_a_run_with_state_resumes_bit_for_bit(tmp_path):
  whole = tiny(**COUNTS, optimizer={"ema": True})
  loop.train(whole, tmp_path / "once", None)
  # Stopped after the first checkpoint: what a kill leaves behind.
  program, halves = loop.assemble(whole, None), tmp_path / "halves"
  with pytest.raises(KeyboardInterrupt):
    loop.train(whole, halves, None, say=stop_at(12))
  loop.train(whole, halves, None)
  once, twice = (runs.open_run(tmp_path / name, "latest") for name in ("once", "halves"))
  leaves_equal(once.params, twice.params)
  start = trainer.init(program).params["state"]
  moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), start, once.params["state"])
  assert all(m > 0 for m in jax.tree.leaves(moved))


def stop_at(at):
  """A `say` that ends the training at the validation of a step, before it is saved."""

  def say(line):
    if line.split()[:1] in ([f"{at}"], [f"{at}*"]):  # a row of the table
      raise KeyboardInterrupt

  return say


def test_a_step_that_is_not_taken_counts_nothing():
  config = tiny(**COUNTS)
  program = loop.assemble(config, None)
  train_step = jax.jit(step.make(program.vae, config, program.total, program.feed.examples))
  one = jax.tree.map(lambda x: x[0], (trainer.init(program), program.hyper))
  batch = program.feed.batch(program.feed.source(0, 1), 0)
  bad = {**batch, "x": batch["x"].at[0].set(jnp.nan)}
  leaves_equal(train_step(*one, bad)[0].params, one[0].params)
  taken = train_step(*one, batch)[0].params["state"]
  assert taken["objective"]["excess"] != one[0].params["state"]["objective"]["excess"]


def test_the_best_of_a_loss_that_moves_is_the_latest(tmp_path):
  loop.train(tiny(objective={"name": "geco"}, hyper={"target": 30.0}), tmp_path, None)
  assert runs.open_run(tmp_path).step.tolist() == [12]


def test_geco_climbs_by_the_relative_excess_and_its_loss_is_the_lagrangian():
  geco = registry.find("objectives", "geco")
  hyper = {"target": -50.0, "climb": 0.1, "gain": 2.0, "memory": 0.0}
  at = geco.state()
  found = []
  for distortion in (-40.0, -50.0, -52.0, 1e6):
    at = geco.update(at, jnp.float32(distortion), hyper)
    found.append(at)
  excess = [float(each["excess"]) for each in found]
  np.testing.assert_allclose(excess, [0.1, 0.0, -0.04, 0.1], rtol=1e-5)
  climbed = np.cumsum(0.1 * np.array([0.1, 0.0, -0.04, 0.1]))
  np.testing.assert_allclose([f["log_multiplier"] for f in found], climbed, rtol=1e-5)
  program = loop.assemble(tiny(), None)
  params = jax.tree.map(lambda x: x[0], trainer.init(program).params)
  params["state"] = {"objective": found[2]}
  example = {"x": jnp.full((8, 8, 1), 0.4), "id": jnp.int32(0)}
  loss = jax.jit(lambda p, key: geco.loss(program.vae, p, example, key, hyper))
  terms = loss(params, jax.random.key(0))
  multiplier = np.exp(float(found[2]["log_multiplier"]) + 2.0 * -0.04)
  expected = terms.rate + multiplier * (terms.distortion + 50.0)
  np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)


def gradients(name, samples, count):
  """[n, ...] of one example under n noises, and the parameters."""
  program = loop.assemble(tiny(model={"hidden": [4], "latents": 2}), None)
  params = jax.tree.map(lambda x: x[0], trainer.init(program).params)
  example = {"x": program.dataset.splits["train"]["x"][0] / 255.0, "id": 0}
  objective = registry.find("objectives", name)
  loss = lambda p, key: (
    objective.loss(program.vae, p, example, key, {}, samples=samples).loss
  )
  keys = jax.random.split(jax.random.key(0), count)
  return jax.jit(jax.vmap(jax.grad(loss), (None, 0)))(params, keys)["model"]


def test_dreg_has_the_expected_gradient_of_iwae_and_its_decoder_gradient_exactly():
  plain, moved = gradients("iwae", 8, 2000), gradients("dreg", 8, 2000)
  for part in ("up_0", "out"):
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3),
      plain[part], moved[part],
    )  # fmt: skip
  for part in ("mean", "logvar"):
    a, b = plain[part]["bias"], moved[part]["bias"]
    apart = np.asarray(a - b)
    error = apart.std(0) / len(apart) ** 0.5
    assert (np.abs(apart.mean(0)) < 4 * error).all()
    assert np.abs(apart).max() > 1e-2  # another estimate, and not the same one
  spread = lambda found: np.asarray(found["logvar"]["bias"]).std(0).mean()
  assert spread(moved) < spread(plain)


def test_dreg_needs_a_density_and_weights_need_one_of_every_draw():
  for name, posterior, prior, told in (
    ("dreg", "planar", "standard", "planar flow knows"),
    ("iwae", "categorical", "uniform", "IWAE weighs draws"),
    ("tc", "iaf", "standard", "posterior of this model is continuous"),
    ("tc", "diagonal", "mixture", "prior of this model is not N"),
  ):
    own = {"categories": 3} if posterior == "categorical" else {}
    config = tiny(
      objective={"name": name},
      posterior={"name": posterior, **own},
      prior={"name": prior},
    )
    program = loop.assemble(config, None)
    terms_of = step.example_terms(program.vae, registry.find("objectives", name), config)
    example = {"x": jnp.zeros((8, 8, 1)), "id": jnp.int32(0)}
    hyper = jax.tree.map(lambda x: x[0], program.hyper)

    def traced(vae=program.vae, config=config, rest=(example, hyper), terms_of=terms_of):
      return terms_of(step.init(vae, config, 0).params, *rest, 0, "train")

    with pytest.raises(UserError, match=told):  # before anything is compiled
      jax.eval_shape(traced)


def before(vae, params, example, key, hyper):
  """The β-VAE as it was written when q was two arrays and p had no parameters."""
  q = vae.posterior(params, example)
  z = distributions.sample(q, key)
  kl = distributions.kl_per_latent(q)
  distortion = -vae.log_likelihood(params, z, example)
  penalty = jnp.sum(jnp.where(kl > hyper["free_bits"], kl, hyper["free_bits"]))
  return Terms(distortion + hyper["beta"] * penalty, jnp.sum(kl), distortion, q, z)


@pytest.mark.parametrize("numbers", [{}, {"beta": 3.0, "free_bits": 0.2}])
def test_the_beta_vae_has_the_bits_it_had(monkeypatch, tmp_path, numbers):
  found = []
  for loss in (beta.loss, before):
    monkeypatch.setattr(beta, "loss", loss)
    loop.train(tiny(hyper=numbers), tmp_path / loss.__name__, None)
    found.append(runs.open_run(tmp_path / loss.__name__, "latest"))
  leaves_equal(found[0].params, found[1].params)
  rows = lambda run: [
    {k: v for k, v in row.items() if k != "examples_per_second"} for row in run.history
  ]
  assert rows(found[0]) == rows(found[1])


def test_the_parameters_of_every_part_are_counted_and_the_counted_ones_are_not(tmp_path):
  config = tiny(prior={"name": "mixture", "components": 4})
  loop.train(config, tmp_path / "a", None)
  loop.train(tiny(**COUNTS), tmp_path / "b", None)
  copied(tiny(), tmp_path / "c")
  a, b, c = (runs.open_run(tmp_path / n).about["parameters"] for n in "abc")
  assert a == c + 4 * (1 + 3 + 3)
  assert b == c


def test_a_vamp_prior_is_the_mixture_of_what_the_encoder_makes_of_its_inputs():
  program = loop.assemble(tiny(prior={"name": "vamp", "components": 3}), None)
  params = jax.tree.map(lambda x: x[0], trainer.init(program).params)
  z = jnp.array([0.3, -0.2, 0.9])
  one = jax.jit(
    lambda u: distributions.log_prob(program.vae.posterior(params, {"x": u}), z)
  )
  each = [one(u) for u in params["prior"]["inputs"]]
  expected = jax.nn.logsumexp(jnp.stack(each)) - np.log(3)
  got = jax.jit(lambda params: program.vae.prior(params).log_prob(z))(params)
  np.testing.assert_allclose(got, expected, rtol=1e-5)
  objective = registry.find("objectives", "beta")
  example = {"x": jnp.full((8, 8, 1), 0.4), "id": jnp.int32(0)}
  terms = functools.partial(objective.loss, program.vae)
  rate = lambda p: terms(p, example, jax.random.key(0), beta.HYPER).rate
  slope = jax.jit(jax.grad(rate))(params)
  assert np.abs(slope["prior"]["inputs"]).max() > 0
