"""Placements against solo runs on 1, 2, 4 and 8 devices; `test_placement.py` starts this file
in a process with eight virtual ones."""

import functools
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny

import vae_jax.objectives
from vae_jax import run as runs
from vae_jax.applications.augmentation import making
from vae_jax.baselines import augmenting
from vae_jax.studies import rates
from vae_jax.training import evaluation, loop, placement, plan, spread, step, trainer
from vae_jax.types import Posterior

STEPS = 12


# A batch-level loss that no average over shards gives, with parameters of its own.
NEW = """
import jax
import jax.numpy as jnp
from vae_jax.objectives.beta import HYPER, loss

HYPER = {**HYPER, "weight": 0.5}
ADAM = {"b1": 0.5, "b2": 0.9}


def parameters(key, sizes):
  return {"w": jax.random.normal(key, (sizes.latents,))}


def batch_loss(posterior, z, hyper, batch):
  mask = batch.mask[:, None]
  mean = jnp.sum(mask * z, axis=0) / jnp.sum(mask)
  centred = mask * (z - mean[None])
  covariance = centred.T @ centred / jnp.sum(mask)
  own = jnp.sum(jnp.square(batch.params["objective"]["w"] - mean))
  volume = jnp.log1p(jnp.square(covariance).sum())
  noise = jax.random.normal(batch.key, mean.shape)
  return hyper["weight"] * (own - volume) + jnp.sum(noise * mean)
"""


@pytest.fixture
def batch_level(monkeypatch, tmp_path):
  """An objective added as one new file."""
  (tmp_path / "spread_of_codes.py").write_text(NEW)
  folders = [*vae_jax.objectives.__path__, str(tmp_path)]
  monkeypatch.setattr(vae_jax.objectives, "__path__", folders)
  yield "spread_of_codes"
  sys.modules.pop("vae_jax.objectives.spread_of_codes", None)


def trained(config, name, devices):
  """Parameters [M] and metrics after STEPS steps in two chunks under a placement."""
  program = loop.assemble(config, None)
  make = functools.partial(
    step.make, program.vae, config, program.total, program.feed.examples
  )
  size = plan.memory(program).state
  members = len(program.members)
  place = placement.make(name, members, devices, make, program.feed, size)
  state, hyper = place.put(trainer.init(program)), place.put(program.hyper)
  source = place.source(program.feed.source(0, STEPS))
  state, _ = place.chunk(state, hyper, source, 0, 5)
  state, metrics = place.chunk(state, hyper, source, 5, STEPS)
  first = lambda tree: jax.tree.map(lambda x: x[:members], place.get(tree))
  return first(state), first(metrics)


def close(a, b):
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_allclose(x, y, atol=2e-5, rtol=2e-4)


@pytest.mark.parametrize(
  ("members", "counts"),
  [
    (3, (4,)),
    pytest.param(1, (4,), marks=pytest.mark.slow),
    pytest.param(3, (1, 2, 8), marks=pytest.mark.slow),
    pytest.param(8, (1, 2, 4, 8), marks=pytest.mark.slow),
  ],
)
def test_every_placement_is_the_solo_run(members, counts, batch_level):
  """Batches of 17 rows: uneven over all devices, and on eight of them one has padding alone."""
  parts = {"objective": {"name": batch_level}, "train": {"batch_size": 17}}
  betas = [0.5, 4.0, 1.0, 2.0, 3.0, 5.0, 6.0, 7.0][:members]
  sweep = {"beta": betas}
  alone = [
    trained(tiny(hyper={"beta": b}, **parts), "single", jax.devices()) for b in betas
  ]
  expected = jax.tree.map(lambda *x: np.concatenate(x), *alone)
  assert (expected[0].step == STEPS).all()
  for count in counts:
    for place in ("single", "pmap", "mesh"):
      if place != "single" or count == 1:
        got = trained(tiny(sweep=sweep, **parts), place, jax.devices()[:count])
        close(got, expected)


LATENTS = {  # a state of the objective and one of the posterior; a prior and a flow that learn
  "counted": {
    "objective": {"name": "geco"},
    "posterior": {"name": "vq", "entries": 4, "vectors": 1},
    "prior": {"name": "uniform"},
    "hyper": {"target": 30.0, "memory": 0.5},
  },
  "learned": {
    "posterior": {"name": "iaf", "hidden": 4, "layers": 1},
    "prior": {"name": "vamp", "components": 3},
  },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LATENTS)
def test_other_latents_are_the_solo_run_on_every_placement(name):
  parts = {**LATENTS[name], "train": {"batch_size": 17}}
  alone = [trained(tiny(seed=s, **parts), "single", jax.devices()) for s in (0, 1, 2)]
  expected = jax.tree.map(lambda *x: np.concatenate(x), *alone)
  for place, count in (("pmap", 4), ("mesh", 4)):
    sweep = {"seed": [0, 1, 2]}
    close(trained(tiny(sweep=sweep, **parts), place, jax.devices()[:count]), expected)


@pytest.mark.slow
def test_the_batch_level_loss_is_in_the_numbers(batch_level):
  with_it = trained(tiny(objective={"name": batch_level}), "single", jax.devices())
  without = trained(tiny(), "single", jax.devices())
  assert abs(with_it[1]["loss"] - without[1]["loss"]).max() > 0.1
  moved = with_it[0].params["objective"]["w"]
  program = loop.assemble(tiny(objective={"name": batch_level}), None)
  assert (abs(moved - trainer.init(program).params["objective"]["w"]) > 1e-4).all()


@pytest.mark.parametrize("place", ["mesh", pytest.param("pmap", marks=pytest.mark.slow)])
def test_a_streamed_split_is_the_same_on_every_placement(place):
  config = tiny(sweep={"beta": [1, 4]})
  expected = trained(config, "single", jax.devices())
  streamed = tiny(sweep={"beta": [1, 4]}, train={"resident_bytes": 100_000})
  close(trained(streamed, place, jax.devices()[:4]), expected)


@pytest.mark.parametrize("place", ["mesh", pytest.param("pmap", marks=pytest.mark.slow)])
def test_members_with_their_own_data_order(place):
  """As on one device, where each is the member alone: test_sweep.py."""
  config = tiny(sweep={"data_seed": [0, 1, 2]})
  expected = trained(config, "single", jax.devices())
  close(trained(config, place, jax.devices()[:2]), expected)


@pytest.mark.parametrize(
  ("place", "count", "members"),
  [
    ("mesh", 4, 2),  # members over devices, and rows of a batch over them too
    pytest.param("mesh", 2, 3, marks=pytest.mark.slow),
    pytest.param("pmap", 2, 3, marks=pytest.mark.slow),
    pytest.param("pmap", 4, 3, marks=pytest.mark.slow),
  ],
)
def test_members_with_normal_examples_of_their_own(place, count, members):
  choices = [{"data.left_out": "1"}, {"data.normal": "3"}, {"data.left_out": "7"}][:members]
  parts = {"model": {"hidden": [4]}, "train": {"batch_size": 17}}
  alone = [trained(tiny(sweep=[c], **parts), "single", jax.devices()) for c in choices]
  expected = jax.tree.map(lambda *x: np.concatenate(x), *alone)
  close(trained(tiny(sweep=choices, **parts), place, jax.devices()[:count]), expected)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["mesh", "pmap"])
def test_they_are_validated_on_their_own_examples_on_every_placement(tmp_path, place):
  sweep = [{"data.left_out": "1"}, {"data.normal": "3"}, {"data.left_out": "7"}]
  loop.train(tiny(sweep=sweep), tmp_path / "many", None, place=place)
  loop.train(tiny(sweep=sweep), tmp_path / "one", None)
  found = [runs.open_runs(tmp_path / name) for name in ("many", "one")]
  for many, one in zip(*found, strict=True):
    close(many.params, one.params)
    elbos = [
      [row["elbo"] for row in run.history if row["split"] == "valid"] for run in (many, one)
    ]
    np.testing.assert_allclose(*elbos, rtol=1e-4)


@pytest.mark.parametrize("place", ["mesh", pytest.param("pmap", marks=pytest.mark.slow)])
def test_a_run_on_many_devices_is_read_by_one(tmp_path, place):
  sweep = {"beta": [1.0, 2.0, 4.0]}
  loop.train(tiny(sweep=sweep), tmp_path / "many", None, place=place)
  loop.train(tiny(sweep=sweep), tmp_path / "one", None)
  many, one = runs.open_run(tmp_path / "many"), runs.open_run(tmp_path / "one")
  close(many.params, one.params)
  elbos = [
    [row["elbo"] for row in run.history if row["split"] == "valid"] for run in (many, one)
  ]
  np.testing.assert_allclose(*elbos, rtol=1e-4)


def answers(monkeypatch, members, devices, width):
  """A question with noise of its own, at 37 rows, by the first devices; and their grids."""
  sweep = {"beta": [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0][:members]}
  program = loop.assemble(tiny(sweep=sweep), None)
  state, dataset = trainer.init(program), program.dataset
  host = jax.tree.map(np.asarray, state.params)
  made, keep = [], spread.programs

  def programs(batch):
    on = keep(batch)
    return lambda grid: made.append(grid) or on(grid)

  monkeypatch.setattr(spread, "programs", programs)
  monkeypatch.setattr(jax, "local_devices", lambda: jax.devices()[:devices])

  def fn(params, hyper, example, key):
    q = program.vae.posterior(params, example)
    z = q.mean + jax.random.normal(key, q.mean.shape)
    return {"z": z, "log": hyper["beta"] * program.vae.log_likelihood(params, z, example)}

  fields = {k: v[:37] for k, v in dataset.splits["test"].items()}
  mapped = evaluation.over_examples(fn, dataset, 0, shared=True)
  found = mapped(host, program.hyper, fields, jax.random.key(3), width)
  monkeypatch.undo()
  return found, [grid.devices.size if grid else 1 for grid in made]


@pytest.mark.parametrize(
  "members", [3, *(pytest.param(m, marks=pytest.mark.slow) for m in (1, 8))]
)
def test_an_evaluation_uses_every_device_and_gives_the_same_numbers(members, monkeypatch):
  """37 rows are no multiple of anything, and 3 members none of 2, 4 or 8 devices."""
  expected, _ = answers(monkeypatch, members, 1, 8)
  assert expected["z"].shape == (members, 37, 3)
  for devices in (2, 4, 8):
    found, used = answers(monkeypatch, members, devices, 8)
    assert used == [devices]
    for name, values in expected.items():
      np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6)
      if members >= devices:  # then each device has the batches of one alone
        np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize(
  ("members", "counts"), [(3, (4,)), pytest.param(8, (2, 4, 8), marks=pytest.mark.slow)]
)
def test_the_exact_mixture_uses_every_device(members, counts, monkeypatch):
  """Under a prior whose parameters are the members'."""
  rng = np.random.default_rng(0)
  q = Posterior(*rng.normal(size=(2, members, 37, 3)).astype(np.float32))
  scale = np.linspace(1, 2, members, dtype=np.float32)
  log_prior = lambda scale, z: -0.5 * jnp.sum(jnp.square(scale * z))
  monkeypatch.setattr(rates, "BLOCK", 3)
  found = {}
  for devices in (1, *counts):
    monkeypatch.setattr(jax, "local_devices", lambda n=devices: jax.devices()[:n])
    found[devices] = rates.decomposed(q, 29, jax.random.key(1), log_prior, scale)
  for devices in counts:
    close(found[devices], found[1])
    if members >= devices:
      jax.tree.map(np.testing.assert_array_equal, found[devices], found[1])


@pytest.mark.slow
def test_the_search_among_molecules_reads_and_writes_on_every_device(monkeypatch):
  """11 rows, 6 at a time, which neither 4 nor 8 devices divide."""
  pytest.importorskip("rdkit")
  from vae_jax.applications.molecules import _search

  config = tiny(
    data={"name": "molecules"}, model={"name": "sentence", "hidden": 8, "embed": 4},
    likelihood={"name": "tokens"},
  )  # fmt: skip
  program = loop.assemble(config, None)
  params = jax.tree.map(lambda x: 3 * np.asarray(x), trainer.init(program).params)
  run = types.SimpleNamespace(
    vae=program.vae, params=params, config=config, spec=program.dataset.spec,
    dataset=program.dataset, members=program.members,
  )  # fmt: skip
  rows = program.dataset.splits["train"]["x"][:11]
  codes = np.random.default_rng(0).normal(size=(11, 3))
  found = {}
  for devices in (1, 2, 4, 8):
    monkeypatch.setattr(jax, "local_devices", lambda n=devices: jax.devices()[:n])
    coder = _search.Coder(run, 6)
    found[devices] = coder.encode(rows), coder.decode(codes)
    np.testing.assert_allclose(found[devices][0], found[1][0], rtol=1e-5, atol=1e-6)
    assert found[devices][1] == found[1][1]


def test_classifiers_of_several_pools_are_trained_on_every_device(monkeypatch):
  """Of 3 pools: the classifier of each is that of the pool alone."""
  rng = np.random.default_rng(0)
  x = rng.normal(size=(3, 40, 6)).astype(np.float32)
  pools = [(one, augmenting.onehot(rng.integers(0, 2, 40), 2)) for one in x]
  source = types.SimpleNamespace(
    settings={"steps": 20}, spec=types.SimpleNamespace(symbols=()),
    run=types.SimpleNamespace(config={"data": {"draw": 4}}), key=jax.random.key(0),
  )  # fmt: skip
  alone = np.stack([augmenting.fit(pool, 4, 20)(x[0]) for pool in pools])
  assert np.ptp(alone, axis=0).max() > 0.1
  for devices in (1, 4):
    monkeypatch.setattr(jax, "local_devices", lambda n=devices: jax.devices()[:n])
    fitted = making.fits(source, pools)
    np.testing.assert_allclose([one(x[0]) for one in fitted], alone, rtol=1e-4, atol=1e-5)
