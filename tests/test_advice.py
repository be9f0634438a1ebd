"""What a run says of how its training ended, what to try next, and when no verdict is given."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, outcome
from made import bind, nothing, open_with, table_data

from vae_jax import own
from vae_jax.likelihoods.gaussian import gaussian
from vae_jax.studies import advice
from vae_jax.types import Posterior

FAST = {"samples": 2, "chunk": 2, "limit": 10, "tune": 5}


def history(losses, member=0):
  rows = [{"step": 10 * (i + 1), "loss": float(v)} for i, v in enumerate(losses)]
  return [{**r, "split": "valid", "member": member, "elbo": -r["loss"]} for r in rows]


def member_of(losses, **options):
  run = open_with(table_data(), nothing(table_data()), history=history(losses), **options)
  return outcome("reconstruction", run, FAST).members[0]


@pytest.fixture(scope="module")
def behind():
  """A model without a code, held against PCA."""
  data = table_data()
  return outcome("reconstruction", open_with(data, nothing(data)), FAST)


def gain_of(behind, losses):
  run = behind.members[0].run._replace(history=history(losses))
  return advice.gain(behind.members[0]._replace(run=run))


def test_a_curve_is_still_improving_by_the_stated_rule(behind):
  t = np.linspace(0.02, 1, 50)
  power = 100 + 10 / t
  found = gain_of(behind, power)
  assert found.nats == pytest.approx(power[39] - power[49])
  assert found.share == pytest.approx((power[39] - power[49]) / (power[9] - power[49]))
  assert 0.05 < found.share < 0.07
  assert gain_of(behind, 100 + 10 * np.exp(-12 * t)) is None  # it has arrived
  assert gain_of(behind, power[:9]) is None  # too few evaluations to say
  draw = np.random.default_rng(0)
  flat = [gain_of(behind, 100 + 0.1 * draw.normal(size=50)) for _ in range(50)]
  assert sum(one is not None for one in flat) <= 2  # noise about a level is no improvement
  assert gain_of(behind, np.concatenate([power[:40], power[30:40]])) is None  # worse again
  assert gain_of(behind, [*power[:-1], np.nan]) is None


def test_a_learned_scale_is_held_against_the_errors_on_train():
  """x is told but for an error of 0.3: N(x + 0.3, s^2) is likeliest at s = 0.3."""
  data = table_data()
  vae = bind(data, lambda params, x: Posterior(x, jnp.full(4, -30.0)), None, 4)
  likelihood = gaussian(data.spec, scale="shared", std=1.0)

  def log_likelihood(params, z, example):
    shared = jnp.broadcast_to(params["shared"], (4, 1))
    return likelihood.log_prob(
      jnp.concatenate([z[:, None] + 0.3, shared], -1), example["x"]
    )

  vae = vae._replace(log_likelihood=log_likelihood, mean=lambda params, z: z + 0.3)
  for std, expected in ((1.0, 0.3), (0.3, 1.0), (0.1, 3.0)):
    params = {"shared": np.full((1, 1), 2 * np.log(std), np.float32)}
    run = open_with(data, vae, params=params, likelihood=likelihood)
    found = outcome("reconstruction", run, FAST)
    times = advice.factor(found, found.members[0])
    assert times == pytest.approx(expected, rel=0.06)  # the grid's step
    told = [s for s in advice.sentences(found) if s.startswith("The learned scale")]
    assert len(told) == (0 if expected == 1 else 1)
  fixed = run._replace(likelihood=gaussian(data.spec, std=0.5))
  assert advice.factor(found, found.members[0]._replace(run=fixed)) == 1.0


def test_where_pca_is_ahead_the_next_steps_follow_from_the_run_in_order(behind):
  assert [v.word for v in behind.verdicts] == ["behind"]
  (told,) = advice.sentences(behind)
  assert told.startswith("PCA is ahead. What to try next, in this order: (1) a smaller β")
  assert "as 0 of 2 latents are active" in told
  assert "train longer" not in told
  run = behind.lead.run._replace(
    history=history(100 + 10 / np.linspace(0.02, 1, 50)),
    about={"steps": 500},
    step=np.array([500]),
  )
  lead = behind.lead._replace(run=run, active="2 of 2")
  tried = advice.steps(lead, advice.gain(lead), 0.2)
  starts = ["train longer", "a longer", "more latents", "a smaller β", "PCA itself"]
  assert len(tried) == len(starts)
  for number, (one, start) in enumerate(zip(tried, starts, strict=True), 1):
    assert one.startswith(f"({number}) {start}")
  assert "--config.train.steps=1000" in tried[0]
  early = lead._replace(run=run._replace(step=np.array([100]), history=[]))
  assert "was at step 100 of 500" in advice.steps(early, None, 1.0)[0]
  picture = run._replace(spec=run.spec._replace(kind="image", shape=(8, 8, 1)))
  assert any(
    "model.name=conv" in s for s in advice.steps(lead._replace(run=picture), None, 1)
  )


def test_the_report_says_it(behind):
  found = evaluated("reconstruction", behind.runs, FAST)
  assert any(sentence.startswith("PCA is ahead.") for sentence in found.findings)


def test_a_verdict_on_few_examples_of_ones_own_is_refused_and_its_rows_are_shown(behind):
  run = behind.runs[0]
  data = {"name": "arrays", "path": "mine.npz"}
  mine = run._replace(config={**run.config, "data": {**run.config["data"], **data}})
  found = evaluated("reconstruction", mine, FAST)
  plain = evaluated("reconstruction", run, FAST)
  (told,) = [sentence for sentence in found.findings if sentence.startswith("No verdict")]
  assert "30 held-out example(s) are too few" in told
  assert found.verdicts == []
  assert len(plain.verdicts) == 1
  scores = lambda report: [row[:-1] for row in report.tables[0].rows]  # without seconds
  assert scores(found) == scores(plain)
  assert any("No verdict" in line for line in found.block)
  assert not any(
    "Ahead" in s or "Behind" in s or "PCA is ahead" in s for s in found.findings
  )


@pytest.mark.parametrize(
  ("data", "expected"),
  [
    ({"name": "arrays", "path": "x.npz"}, True),
    ({"name": "images", "path": ""}, True),
    ({"name": "tables", "set": "own", "path": "x.csv"}, True),
    ({"name": "series", "set": "csv", "path": "x.csv"}, True),
    ({"name": "series", "set": "nab", "path": "nab.zip"}, False),
    ({"name": "digits"}, False),
    ({"name": "tables", "set": "breast", "path": ""}, False),
  ],
)
def test_whose_data_it_is(data, expected):
  assert own.is_own(data) == expected
