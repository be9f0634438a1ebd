"""Whole runs: a member is its solo run, a resume is the same run, damage is named."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from helpers import ROOT, called, copied, quick, tiny

from vae_jax import asking
from vae_jax import run as runs
from vae_jax.training import death, loop, step
from vae_jax.types import UserError

TIMING = ("examples_per_second",)
# Orbax leaves unawaited writers behind when a read fails half-way; the failure is the test.
of_orbax = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def metrics(workdir: pathlib.Path) -> list[dict]:
  rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
  return [{k: v for k, v in row.items() if k not in TIMING} for row in rows]


def same(a, b):
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y)


def test_a_member_of_a_sweep_is_its_solo_run(tmp_path):
  """Parameters within 1e-5 after 200 steps, for each of three members."""
  train = {"steps": 200, "log_every": 100, "eval_every": 100}
  axes = {"zip": {"beta": [0.5, 4.0, 0.5], "seed": [0, 0, 7]}}
  loop.train(tiny(train=train, sweep=axes), tmp_path / "sweep", None)
  sweep = runs.open_run(tmp_path / "sweep", "latest")
  for i, row in enumerate(sweep.members):
    solo = tiny(train=train, seed=row["seed"], hyper={"beta": row["beta"]})
    loop.train(solo, tmp_path / f"solo{i}", None)
    alone = runs.open_run(tmp_path / f"solo{i}", "latest")
    for a, b in zip(
      jax.tree.leaves(sweep.params), jax.tree.leaves(alone.params), strict=True
    ):
      np.testing.assert_allclose(a[i], b[0], atol=1e-5)


def test_streamed_and_resident_data_are_the_same_run(tmp_path):
  copied(tiny(), tmp_path / "resident")
  loop.train(tiny(train={"resident_bytes": 20_000}), tmp_path / "stream", None)
  a, b = (runs.open_run(tmp_path / name, "latest") for name in ("resident", "stream"))
  for x, y in zip(jax.tree.leaves(a.params), jax.tree.leaves(b.params), strict=True):
    np.testing.assert_allclose(x, y, atol=1e-6)


def test_a_finished_run_says_so_and_changes_nothing(tmp_path, capsys):
  copied(tiny(), tmp_path)
  before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
  loop.train(tiny(), tmp_path, None)
  assert "Finished already" in capsys.readouterr().out
  for path, content in before.items():
    assert path.read_bytes() == content, path.name


def test_another_configuration_in_the_same_place_shows_the_difference(tmp_path):
  copied(tiny(), tmp_path)
  with pytest.raises(UserError, match=r"config\.hyper\.beta: 1\.0 there, 4\.0 here"):
    loop.train(tiny(hyper={"beta": 4.0}), tmp_path, None)


def test_best_is_the_least_validation_loss_and_latest_is_the_last(tmp_path):
  config = tiny(
    train={"steps": 60, "eval_every": 4}, hyper={"learning_rate": 0.1, "beta": 4.0}
  )
  loop.train(config, tmp_path, None)
  valid = [row for row in metrics(tmp_path) if row["split"] == "valid"]
  best = min(valid, key=lambda row: row["loss"])
  opened = runs.open_run(tmp_path, "best")
  assert opened.step[0] == best["step"]
  split = opened.dataset.splits["valid"]
  np.testing.assert_allclose(
    asking.terms(opened, split)["loss"].mean(), best["loss"], rtol=1e-5
  )
  assert runs.open_run(tmp_path, "latest").step[0] == 60


def interrupted(workdir, words, kill_when) -> None:
  """Starts train.py and kills it -9 at the first moment that `kill_when()` holds."""
  command = [sys.executable, str(ROOT / "train.py"), f"--workdir={workdir}", *words]
  process = subprocess.Popen(command, cwd=ROOT, env=quick(), stdout=subprocess.DEVNULL)
  deadline = time.time() + 90
  while process.poll() is None and not kill_when():
    assert time.time() < deadline, "the moment to kill never came"
    time.sleep(0.0005)
  assert process.poll() is None, "finished before it could be killed"
  os.kill(process.pid, signal.SIGKILL)
  process.wait()


@pytest.mark.slow
def test_killed_in_the_middle_of_a_checkpoint_it_resumes_to_the_same_bits(tmp_path):
  """2N steps = N steps + kill -9 while a checkpoint is being written + resume."""
  words = [
    "--config=configs/digits.py",
    "--config.model.name=mlp",
    "--config.model.hidden=[2000]",
  ]
  words += ["--config.train.steps=120", "--config.train.log_every=20"]
  words += ["--config.train.eval_every=40", "--config.sweep={'beta': [1, 4]}"]
  whole, broken = tmp_path / "whole", tmp_path / "broken"
  trained = called("train.py", f"--workdir={whole}", *words)
  assert trained.returncode == 0, trained.stderr
  folder = broken / "checkpoints"
  half = lambda: any("tmp" in p.name and p.name.startswith("80") for p in folder.glob("*"))
  interrupted(broken, words, half)
  resumed = called("train.py", f"--workdir={broken}", *words)
  assert resumed.returncode == 0, resumed.stderr
  assert "Resuming at step" in resumed.stdout
  a, b = runs.open_run(whole, "latest"), runs.open_run(broken, "latest")
  same(a.params, b.params)
  same(runs.open_run(whole, "best").params, runs.open_run(broken, "best").params)
  assert metrics(whole) == metrics(broken)


def damage(folder: pathlib.Path) -> None:
  """Cuts the largest file of a checkpoint in half."""
  largest = max(
    (p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size
  )
  content = largest.read_bytes()
  largest.write_bytes(content[: len(content) // 2])


@of_orbax
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_a_damaged_checkpoint_is_named_and_the_previous_one_used(tmp_path, capsys, how):
  copied(tiny(), tmp_path / "whole")
  copied(tiny(), tmp_path / "damaged")
  newest = tmp_path / "damaged" / "checkpoints" / "12"
  if how == "cut":
    damage(newest / "optimizer")
  else:
    largest = max(
      (newest / "params").rglob("*"), key=lambda p: p.stat().st_size * p.is_file()
    )
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 255
    largest.write_bytes(bytes(content))
  capsys.readouterr()
  loop.train(tiny(), tmp_path / "damaged", None)
  said = capsys.readouterr().out
  assert "Checkpoint 12" in said
  assert "is damaged" in said
  assert "Going on from checkpoint 6" in said
  a, b = (runs.open_run(tmp_path / n, "latest") for n in ("whole", "damaged"))
  same(a.params, b.params)
  assert metrics(tmp_path / "whole") == metrics(tmp_path / "damaged")


@of_orbax
@pytest.mark.usefixtures("collected")
def test_with_no_sound_checkpoint_left_it_stops_and_says_so(tmp_path):
  copied(tiny(), tmp_path)
  for at in (6, 12):
    damage(tmp_path / "checkpoints" / str(at) / "best")
  with pytest.raises(UserError, match="No sound checkpoint is left"):
    runs.open_run(tmp_path)
  with pytest.raises(UserError, match="No sound checkpoint is left"):
    loop.train(tiny(), tmp_path, None)


def test_too_little_disk_is_told_before_training(tmp_path, monkeypatch):
  usage = lambda path: type("Usage", (), {"free": 1000})
  monkeypatch.setattr("vae_jax.training.workdir.shutil.disk_usage", usage)
  with pytest.raises(UserError, match="MB free and the checkpoints need"):
    loop.train(tiny(), tmp_path, None)


def test_evaluation_does_not_depend_on_the_batch_size_and_scores_every_example_once(
  tmp_path,
):
  copied(tiny(sweep={"beta": [1, 2]}), tmp_path)
  run = runs.open_run(tmp_path)
  split = run.dataset.splits["test"]
  a, b = (asking.terms(run, split, size) for size in (250, 7))
  assert a["elbo"].shape == (2, len(split["x"]))
  np.testing.assert_allclose(a["elbo"], b["elbo"], rtol=1e-5)
  key = jax.random.key(3)
  draw = lambda params, hyper, example, k: jax.random.normal(k, (2,))
  x, y = (asking.apply(run, draw, split, jax.random.clone(key), size) for size in (100, 33))
  np.testing.assert_array_equal(x, y)
  part = {"x": split["x"][[5, 9]], "id": np.array([5, 9], np.int32)}
  z = asking.apply(run, draw, part, jax.random.clone(key))
  np.testing.assert_array_equal(z, x[:, [5, 9]])


def test_a_member_can_be_selected(tmp_path):
  copied(tiny(sweep={"beta": [1, 2]}), tmp_path)
  run = runs.open_run(tmp_path)
  one = runs.select(run, 1)
  assert one.members == [{"seed": 0, "beta": 2}]
  same(jax.tree.map(lambda x: x[1:], run.params), one.params)
  with pytest.raises(UserError, match="members 0 to 1"):
    runs.select(run, 2)


def test_a_diverging_member_does_not_touch_the_others(tmp_path):
  """A learning rate that overflows: its member is NaN in the metrics, its neighbour is solo."""
  train = {"steps": 40, "log_every": 20, "eval_every": 20}
  loop.train(
    tiny(train=train, sweep={"learning_rate": [1e-3, 1e30]}), tmp_path / "two", None
  )
  loop.train(
    tiny(train=train, sweep={"learning_rate": [1e-3, 2e-3]}), tmp_path / "ref", None
  )
  two, reference = (runs.open_run(tmp_path / n, "latest") for n in ("two", "ref"))
  same(*(jax.tree.map(lambda x: x[0], run.params) for run in (two, reference)))
  skipped = [r["skipped"] for r in metrics(tmp_path / "two") if r["split"] == "train"]
  assert skipped[0] == 0.0
  assert sum(skipped[1::2]) == step.FATAL  # of the dead member; later ones are not tried
  best = runs.open_run(tmp_path / "two", "best")
  assert best.ended == ["", "dead at 1"]
  assert runs.alive(best).members == best.members[:1]
  assert np.isnan(jax.tree.leaves(best.params)[0][1]).all()


def test_a_run_whose_members_are_all_dead_says_so_when_it_is_evaluated(tmp_path):
  train = {"steps": 20, "eval_every": 20}
  config = tiny(train=train, hyper={"learning_rate": 1e30})
  for _ in range(2):  # the second finds it finished, and dead all the same
    with pytest.raises(death.AllDeadError, match="the learning rate, 1e\\+30") as error:
      loop.train(config, tmp_path, None)
    assert error.value.status == 1
  with pytest.raises(UserError, match="are dead, without parameters to evaluate"):
    runs.alive(runs.open_run(tmp_path))
