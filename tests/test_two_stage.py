"""A training that begins with a run's parameters: what a prior gains in closed form, what stays."""

import jax
import numpy as np
import pytest
from helpers import tiny

from vae_jax import asking, distributions
from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.training import loop
from vae_jax.types import Posterior, UserError

LINEAR = {
  "data": {"name": "linear_gaussian", "dims": 4, "latents": 1, "n": 500, "test": 50},
  "model": {"name": "linear", "latents": 1},
  "likelihood": {"name": "gaussian", "std": 0.5},
  "train": {"steps": 30, "batch_size": 50, "log_every": 30, "eval_every": 30},
  "hyper": {"learning_rate": 3e-2},
  "objective": {"name": "beta"},
  "sweep": {"seed": [3, 5]},
}
ONE = {"prior": {"name": "mixture", "components": 1}}
CODES = {
  "posterior": {"name": "vq", "entries": 4, "vectors": 3},
  "prior": {"name": "uniform"},
}
AGAIN = {"prior": {"name": "autoregressive_categorical", "hidden": 8}}


def leaves_equal(a, b):
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y)


def fitted(folder, config, say=lambda line: None):
  loop.train(config, str(folder), None, say)
  return runs.open_run(str(folder))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
  """A linear model that two members, of two seeds, were trained as a few steps."""
  folder = tmp_path_factory.mktemp("first")
  return fitted(folder / "run", configuration.resolve(LINEAR))


def second(run, **parts):
  """The configuration of a second stage; the parts are merged over the first stage's."""
  stage = {"two_stage": {"run": run.workdir, **parts.pop("two_stage", {})}}
  train = {**run.config["train"], **parts.pop("train", {})}
  full = {**run.config, "sweep": {}, **stage, "train": train, **parts}
  return configuration.resolve(full)


def test_one_gaussian_gains_its_divergence_from_the_old_prior(first, tmp_path):
  """KL(q(z) || N(0, 1)) of a linear model, whose q(z) over the rows of train is a Gaussian.

  Over N(m, s^2) the mean of E_q log p(z) is greatest at the first two moments of q(z), where the
  rate has fallen by 1/2 (s^2 + m^2 - 1 - log s^2).
  """
  numbers = {
    "hyper": {**first.config["hyper"], "learning_rate": 0.05, "learning_rate_steps": 1}
  }
  config = second(
    first, **ONE, **numbers, train={"steps": 300, "log_every": 300, "eval_every": 300},
    schedule={"learning_rate": "warmup_cosine"}, sweep={"seed": [5, 3]},
  )  # fmt: skip
  run = fitted(tmp_path / "run", config)
  train, back = run.dataset.splits["train"], [1, 0]  # a member goes on from its own seed
  assert [first.members[m]["seed"] for m in back] == [5, 3]
  leaves_equal(run.params["model"], jax.tree.map(lambda x: x[back], first.params["model"]))
  old = runs.only(first, back)
  q = asking.posterior(old, train, jax.random.key(0))
  mean, var = np.asarray(q.mean, float), np.exp(np.asarray(q.logvar, float))
  m = mean.mean(1)
  square = (var + (mean - m[:, None]) ** 2).mean(1)
  found = Posterior(run.params["prior"]["mean"][:, 0], run.params["prior"]["logvar"][:, 0])
  np.testing.assert_allclose(found.mean, m, atol=0.05)
  np.testing.assert_allclose(found.logvar, np.log(square), atol=0.1)
  gain = 0.5 * (square + m**2 - 1 - np.log(square))[:, 0]
  assert (gain > 0.05).all()
  each = jax.vmap(jax.vmap(distributions.kl_between, (0, None)))
  exact = jax.device_get(jax.vmap(jax.vmap(distributions.kl))(q) - each(q, found))
  np.testing.assert_allclose(exact.mean(1), gain, atol=4e-3)
  rise = asking.elbo(run, train)["elbo"] - asking.elbo(old, train)["elbo"]
  error = rise.std(1) / rise.shape[1] ** 0.5
  assert (np.abs(rise.mean(1) - gain) < 4 * error + 4e-3).all()


def test_the_whole_model_goes_on_from_where_a_run_ended(first, tmp_path):
  """By another objective, that the same prior of N(0, I) is no bar to; at rate 0 nothing moves."""
  rates = [0.0, 3e-2]
  config = second(
    first, two_stage={"learn": "all"}, objective={"name": "iwae", "samples": 5}, hyper={},
    sweep={"learning_rate": rates, "seed": [5]},
  )  # fmt: skip
  run = fitted(tmp_path / "run", config)
  begun, moved = (jax.tree.map(lambda x, m=m: x[m], run.params["model"]) for m in (0, 1))
  leaves_equal(begun, jax.tree.map(lambda x: x[1], first.params["model"]))
  bound = asking.elbo(run, run.dataset.splits["train"])["elbo"].mean(1)
  assert not all(map(np.array_equal, jax.tree.leaves(begun), jax.tree.leaves(moved)))
  assert bound[1] > bound[0] + 0.1


def test_an_encoder_goes_on_under_a_decoder_that_is_drawn_anew(first, tmp_path):
  """At rate 0 the encoder is that of the run, and the decoder the one of an untrained model."""
  still = {"hyper": {"learning_rate": 0.0}, "sweep": {"seed": [5]}}
  fresh = {"two_stage": {"learn": "fresh_decoder"}}
  run = fitted(tmp_path / "fresh", second(first, **fresh, **still))
  config = {**first.config, "sweep": {"seed": [5]}, "hyper": {"learning_rate": 0.0}}
  untrained = fitted(tmp_path / "untrained", configuration.resolve(config))
  decodes = run.vae.decodes(run.params)["model"]
  kept = jax.tree.map(lambda x: x[1:], first.params["model"])
  choose = lambda anew, new, old: new if anew else old
  expected = jax.tree.map(choose, decodes, untrained.params["model"], kept)
  assert {True, False} == set(jax.tree.leaves(decodes))
  leaves_equal(run.params["model"], expected)
  assert not all(map(np.array_equal, jax.tree.leaves(expected), jax.tree.leaves(kept)))


def test_a_learned_prior_goes_on_and_another_one_is_drawn_anew(first, tmp_path):
  run = fitted(tmp_path / "mixture", second(first, **ONE, sweep={"seed": [3, 5]}))
  still = {"two_stage": {"learn": "all"}, "hyper": {"learning_rate": 0.0}}
  same = fitted(tmp_path / "same", second(run, **still, sweep={"seed": [3, 5]}))
  leaves_equal(same.params, run.params)
  wider = {"prior": {"name": "mixture", "components": 2}}
  other = fitted(tmp_path / "other", second(run, **still, **wider, sweep={"seed": [3, 5]}))
  leaves_equal(other.params["model"], run.params["model"])
  assert other.params["prior"]["mean"].shape == (2, 2, 1)


@pytest.mark.slow
def test_a_codebook_stays_and_the_second_stage_resumes_to_the_same_bits(tmp_path):
  source = fitted(tmp_path / "first", tiny(**CODES))
  config = second(
    source,
    **AGAIN,
    optimizer={"ema": True},
    hyper={**source.config["hyper"], "learning_rate": 1e-2},
  )

  def stop(line):
    if line.split()[:1] in (["12"], ["12*"]):  # a row of the table, before it is saved
      raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    fitted(tmp_path / "halves", config, stop)
  (tmp_path / "first").rename(tmp_path / "moved")  # what goes on needs it no more
  halves = fitted(tmp_path / "halves", config)
  (tmp_path / "moved").rename(tmp_path / "first")
  once = fitted(tmp_path / "once", config)
  leaves_equal(once.params, halves.params)
  leaves_equal(once.params["state"], source.params["state"])
  leaves_equal(once.params["model"], source.params["model"])
  valid = once.dataset.splits["valid"]
  old, new = (asking.elbo(run, valid) for run in (source, once))
  np.testing.assert_allclose(old["distortion"], new["distortion"], rtol=1e-5)
  assert (new["rate"].mean() < old["rate"].mean()).all()


def test_what_a_second_stage_cannot_be_is_told_in_a_sentence(first, tmp_path):
  def refused(**parts):
    with pytest.raises(UserError) as told:
      loop.train(second(first, **parts), str(tmp_path / "no"), None, lambda line: None)
    assert not (tmp_path / "no" / "checkpoints").exists()
    return str(told.value)

  assert "'standard' has no parameters to fit after training" in refused()
  assert "set config.prior.name to autoregressive or flow or mixture" in refused()
  assert "config.objective.name=beta" in refused(
    **ONE, objective={"name": "iwae"}, hyper={}
  )
  wider = {"model": {"name": "linear", "latents": 2}}
  assert "config.model.latents: 1 there, 2 here" in refused(**ONE, **wider)
  assert "0 members of seed 0" in refused(**ONE)
  assert "has members 0 to 1" in refused(**ONE, two_stage={"member": 2})
  hierarchy = {"model": {"name": "two_layers", "latents": 2}}
  assert "is a part of its decoder" in refused(**hierarchy)
  assert "expected prior" in refused(two_stage={"learn": "decoder"})
  missing = {"two_stage": {"run": str(tmp_path / "none")}}
  assert "is no run directory" in refused(**ONE, **missing)
