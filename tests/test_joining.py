"""Members with different normal examples as one program: each is the member trained alone."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import copied, evaluated, scored, tiny

from vae_jax import data
from vae_jax import run as runs
from vae_jax.applications import anomaly
from vae_jax.evaluation.source import Source
from vae_jax.training import evaluation, feed, joining, loop, permutation, plan, sweep
from vae_jax.types import Dataset, Spec, UserError

CHOICES = [{"data.left_out": "1"}, {"data.normal": "3"}, {"data.left_out": "7"}]
SMALL = {"model": {"hidden": [4]}, "sweep": CHOICES}
QUICK = {
  "limit": 40, "tune": 10, "reference": 20, "samples": 2, "weights": 2, "steps": 2,
  "components": 1, "batch": 40,
}  # fmt: skip


def close(a, b):
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_allclose(x, y, atol=1e-6, rtol=1e-5)


def same(a, b):
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
  """Three members in one program; its folder."""
  return copied(tiny(**SMALL), tmp_path_factory.mktemp("joined") / "run")


def test_a_traced_number_of_examples_gives_the_same_order():
  traced = jax.jit(lambda n, step: permutation.batch_indices(7, step, 16, n))
  for n in (1, 2, 3, 5, 8, 127, 128, 129, 1000, 60_000):
    for step in (0, 3, 1000):
      same(traced(n, step), permutation.batch_indices(7, step, 16, n, np))


def of_numbers(choices=()):
  """Examples 0 ... 49 under noise that depends on the epoch and the id."""
  x = np.arange(50, dtype=np.float32)[:, None]
  noisy = lambda key, one: {**one, "x": one["x"] + jax.random.normal(key, (1,))}
  splits = {name: {"x": x} for name in ("train", "valid", "test")}
  return Dataset("made", Spec((1,), "table", "real"), splits, "", noisy, choices)


def test_a_batch_of_a_choice_is_that_of_a_split_of_its_rows_alone():
  rows = [np.array([3, 4, 9, 20, 41], np.int32), np.arange(0, 50, 2, dtype=np.int32)]
  whole = of_numbers(tuple({"train": r, "valid": r} for r in rows))
  both = feed.make(whole, "train", 4, 5, 10**6)
  source = both.source(0, 9)
  drawn = jax.jit(jax.vmap(both.batch, in_axes=(None, None, None, None, 0)))
  for number, own in enumerate(rows):
    part = {"x": whole.splits["train"]["x"][own]}
    alone = feed.make(of_numbers()._replace(splits={"train": part}), "train", 4, 5, 10**6)
    for step in range(9):
      expected = alone.batch(alone.source(0, 9), step)
      found = drawn(source, step, None, None, jnp.arange(2))
      same(jax.tree.map(lambda x, n=number: x[n], found), expected)


def test_a_stream_has_one_order_for_all():
  rows = np.arange(3, dtype=np.int32)
  with pytest.raises(UserError, match="each member has rows of its own"):
    feed.make(of_numbers(({"train": rows, "valid": rows},)), "train", 4, 5, 8)
  config = tiny(**SMALL, train={"resident_bytes": 1000})
  read = lambda options: data.load(options, None)
  assert len(plan.make(config, read, "single", jax.devices()[:1])) == 3  # as before


APART = {
  "an epoch has another length": {"train": {"steps": 0}},
  "evaluations once an epoch": {"train": {"eval_every": 0}},
  "a loss that reads how many examples there are": {"objective": {"name": "tc"}},
  "labels drawn among the normal": {"data": {"labels": 20}},
}


@pytest.mark.parametrize("parts", APART.values(), ids=APART)
def test_programs_stay_apart_where_the_number_of_rows_decides_something(parts):
  assert len(joining.joined(sweep.parts(tiny(sweep=CHOICES)))) == 1
  assert len(joining.joined(sweep.parts(tiny(**{"sweep": CHOICES, **parts})))) == 3


def test_a_dataset_that_fits_a_scale_on_normal_rows_stays_apart():
  found = [name for name in ("series", "tables", "nsl_kdd") if not data.shares_rows(name)]
  assert len(found) == 3
  assert all(data.shares_rows(name) for name in ("digits", "tfds", "idx", "arrays"))
  table = {"data": {"name": "tables", "set": "breast"}, "model": {"name": "table"}}
  classes = [{"data.normal": "benign"}, {"data.normal": "malignant"}]
  parts = {**table, "likelihood": {"name": "mixed"}, "sweep": classes}
  assert len(joining.joined(sweep.parts(tiny(**parts)))) == 2


def test_other_static_fields_are_programs_with_all_choices_each():
  sizes = {"product": [{"model.latents": [2, 3]}, CHOICES, {"beta": [1, 4]}]}
  found = joining.joined(sweep.parts(tiny(sweep=sizes)))
  assert [part.numbers for part in found] == [list(range(6)), list(range(6, 12))]
  assert [part.chosen for part in found] == [[0, 0, 1, 1, 2, 2]] * 2
  assert found[0].choices[1] == {"normal": "3", "left_out": "", "contamination": 0.0}
  some = sweep.take(found[1], [8, 11])
  assert some.chosen == [1, 2]
  assert some.choices == found[1].choices
  np.testing.assert_array_equal(sweep.hyper(some)[sweep.ROWS], [1, 2])
  np.testing.assert_array_equal(sweep.hyper(some)["beta"], [1, 4])


def test_every_member_is_the_member_alone(together, tmp_path):
  found = runs.open_runs(str(together))
  assert [run.numbers for run in found] == [[0], [1], [2]]
  for run, choice in zip(found, CHOICES, strict=True):
    alone = runs.open_run(
      str(copied(tiny(**{**SMALL, "sweep": [choice]}), tmp_path / str(choice)))
    )
    close(run.params, alone.params)
    same(run.step, alone.step)
    same(run.dataset.splits, alone.dataset.splits)
    assert run.config["data"] == alone.config["data"]
    assert run.about["data"] == alone.about["data"]
    losses = lambda run: [row["loss"] for row in run.history if row["split"] == "valid"]
    np.testing.assert_allclose(losses(run), losses(alone), rtol=1e-6)


def test_a_resume_is_the_same_run(together, tmp_path):
  folder = shutil.copytree(together, tmp_path / "run")
  shutil.rmtree(folder / "checkpoints" / "12")
  said = []
  loop.train(tiny(**SMALL), str(folder), None, said.append)
  assert any("Resuming at step 6" in line for line in said)
  for one, other in zip(
    runs.open_runs(str(folder), "latest"),
    runs.open_runs(str(together), "latest"),
    strict=True,
  ):
    same(one.params, other.params)
  same(runs.open_runs(str(folder))[1].params, runs.open_runs(str(together))[1].params)


@pytest.mark.slow
def test_chunks_of_members_are_the_same_members(together, tmp_path):
  config = tiny(**SMALL, train={"members_at_once": 2})
  found = runs.open_runs(str(copied(config, tmp_path / "run")))
  parts = json.loads((tmp_path / "run" / "parts.json").read_text())
  assert [entry["program"] for entry in parts] == [0, 0]
  assert [run.numbers for run in found] == [[0], [1], [2]]
  for one, other in zip(found, runs.open_runs(str(together)), strict=True):
    close(one.params, other.params)
    assert one.config["data"] == other.config["data"]


@pytest.mark.slow
def test_a_run_that_was_begun_apart_goes_on_apart(together, tmp_path, monkeypatch):
  with monkeypatch.context() as before:
    before.setattr(joining, "joined", lambda parts: parts)
    loop.train(tiny(**SMALL), str(tmp_path / "old"), None, lambda line: None)
  for folder in (tmp_path / "old" / "parts").iterdir():
    shutil.rmtree(folder / "checkpoints" / "12")
  said = []
  loop.train(tiny(**SMALL), str(tmp_path / "old"), None, said.append)
  assert sum("Resuming at step 6" in line for line in said) == 3
  old, new = runs.open_runs(str(tmp_path / "old")), runs.open_runs(str(together))
  for one, other in zip(old, new, strict=True):
    close(one.params, other.params)
    assert one.config["data"] == other.config["data"]


def test_all_members_are_asked_by_one_compiled_program(together):
  found, key = runs.open_runs(str(together)), jax.random.key(0)
  settings = {**anomaly.SETTINGS, **QUICK}
  ask = lambda run: anomaly.ask(
    source := Source(run, settings, key), run, source.split("test", 40)
  )
  before = evaluation._programs.cache_info().misses
  answers = [ask(run) for run in found]
  assert evaluation._programs.cache_info().misses == before + 1
  prior = found[1].vae.prior
  other = found[1].vae._replace(prior=lambda *known: prior(*known))  # another program
  own = ask(found[1]._replace(vae=other))
  assert evaluation._programs.cache_info().misses == before + 2
  same(own, answers[1])
  assert abs(answers[0][anomaly.SQUARED] - answers[1][anomaly.SQUARED]).max() > 0.01


@pytest.mark.slow
def test_the_report_of_a_joined_run_is_that_of_its_members_alone(together, tmp_path):
  alone = [
    runs.open_run(str(copied(tiny(**{**SMALL, "sweep": [c]}), tmp_path / str(i))))
    for i, c in enumerate(CHOICES)
  ]
  joined = scored(evaluated("anomaly", runs.open_runs(str(together)), QUICK), "auroc")
  apart = [scored(evaluated("anomaly", run, QUICK), "auroc") for run in alone]
  np.testing.assert_allclose(sorted(joined), sorted(np.concatenate(apart)), atol=0.02)


def test_one_run_of_several_data_says_how_it_is_opened(together):
  with pytest.raises(UserError, match="3 different data"):
    runs.open_run(str(together))
