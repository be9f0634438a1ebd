"""The algebra of sweeps, their programs and parts, dead and stopped members."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from helpers import ROOT, called, copied, tiny

import vae_jax.objectives
from vae_jax import evaluating
from vae_jax import run as runs
from vae_jax.training import halving, loop, placement, plan, sweep, trainer
from vae_jax.types import UserError

TWO_PROGRAMS = {"product": [{"model.latents": [2, 3]}, {"beta": [1, 4]}]}


def quiet(line):
  del line


def same(a, b):
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
  ("given", "expected"),
  [
    ({}, []),
    ({"a": [1, 2], "b": [3, 4]}, [(1, 3), (1, 4), (2, 3), (2, 4)]),
    ({"grid": {"a": [1], "b": [3, 4]}}, [(1, 3), (1, 4)]),
    ({"zip": {"a": [1, 2], "b": [3, 4]}}, [(1, 3), (2, 4)]),
    ([{"a": 5, "b": 6}], [(5, 6)]),
    ({"list": [{"a": 5, "b": 6}]}, [(5, 6)]),
    ({"chain": [{"a": [1], "b": [2]}, [{"a": 3, "b": 4}]]}, [(1, 2), (3, 4)]),
    (
      {"product": [{"zip": {"a": [1, 2]}}, {"b": [7, 8]}]},
      [(1, 7), (1, 8), (2, 7), (2, 8)],
    ),
  ],
)
def test_the_algebra(given, expected):
  assert [(row["a"], row["b"]) for row in sweep.rows(given)] == expected


@pytest.mark.parametrize(
  ("given", "words"),
  [
    ({"beat": [1]}, "Did you mean 'beta'"),
    ({"beta": 4}, "must be a list of values"),
    ({"beta": []}, "must be a list of values"),
    ({"beta": [-1]}, r"config\.sweep\.beta is -1"),
    ({"beta": ["x"]}, "must be a number"),
    ({"seed": [0.5]}, "an integer"),
    ({"seed": [1, 1]}, "the member seed 1 twice"),
    ({"zip": {"beta": [1], "seed": [0, 1]}}, "different lengths"),
    ({"zip": {"beta": [1]}, "seed": [0]}, "stands alone"),
    ({"product": [{"beta": [1]}, {"beta": [2]}]}, "share a name"),
    ({"chain": {"beta": [1]}}, "expected a list of sweeps"),
    ({"chain": []}, "expected a list of sweeps"),
    ({"zip": {}}, "a zip of no axes"),
    ({3: [1]}, "a name is a string"),
    ({"beta": [1, 1.0]}, "twice"),
    ({"hyper.beta": [1], "beta": [2]}, "are the same number"),
    ({"sweep.beta": [1, 2]}, "a static field is of data, model"),
    ({"model.latent": [2]}, "Did you mean 'latents'"),
    ({"model.latents": ["two"]}, "must be of type int"),
    (
      {"objective.name": ["autoencoder"], "beta": [1]},
      "program with objective.name autoencoder",
    ),
    ([3], "the member 3"),
    ("beta", "expected axes"),
  ],
)
def test_a_sweep_that_cannot_be_is_a_sentence(given, words):
  with pytest.raises(UserError, match=words):
    sweep.parts(tiny(sweep=given))


def test_members_with_the_same_static_fields_are_one_program():
  parts = sweep.parts(tiny(sweep=TWO_PROGRAMS))
  assert [part.numbers for part in parts] == [[0, 1], [2, 3]]
  assert [part.config["model"]["latents"] for part in parts] == [2, 3]
  assert parts[1].rows[0] == {"seed": 0, "beta": 1, "model.latents": 3}
  assert parts[1].config["sweep"] == [{"seed": 0, "beta": 1}, {"seed": 0, "beta": 4}]


def test_objectives_side_by_side_each_with_its_own_numbers():
  mixed = {"chain": [{"beta": [1, 4]}, {"objective.name": ["autoencoder"], "seed": [1]}]}
  members = sweep.members(tiny(sweep=mixed))
  assert [row["beta"] for row in members] == [1, 4, None]
  assert members[2] == {"seed": 1, "beta": None, "objective.name": "autoencoder"}
  assert sweep.label(members[2]) == "objective.name autoencoder, seed 1"


def test_a_swept_objective_has_its_own_defaults():
  names = ["beta", "capacity", "tc", "factor"]
  for part in sweep.parts(tiny(sweep={"objective.name": names})):
    name = part.rows[0]["objective.name"]
    assert part.config["hyper"] == tiny(objective={"name": name})["hyper"]
  kept = tiny(hyper={"beta": 3.0}, sweep={"objective.name": ["beta", "tc"]})
  assert [part.config["hyper"]["beta"] for part in sweep.parts(kept)] == [3.0, 3.0]


def test_lists_and_schedules_are_swept_by_name():
  layers = sweep.parts(tiny(sweep={"model.hidden": [[16], [16, 8]]}))
  assert [part.rows[0]["model.hidden"] for part in layers] == ["[16]", "[16, 8]"]
  assert layers[1].config["model"]["hidden"] == [16, 8]
  base = {"schedule": {"beta": "linear"}, "hyper": {"beta_steps": 5.0}}
  warm, flat = sweep.parts(tiny(**base, sweep={"schedule.beta": ["linear", "constant"]}))
  assert warm.config["hyper"]["beta_steps"] == 5.0
  assert "beta_steps" not in flat.config["hyper"]


def test_a_part_is_cut_evenly_and_keeps_its_members():
  (part,) = sweep.parts(tiny(sweep={"beta": [1, 2, 3, 4, 5]}))
  pieces = sweep.cut(part, 2)
  assert [piece.numbers for piece in pieces] == [[0], [1, 2], [3, 4]]
  assert [row["beta"] for piece in pieces for row in piece.rows] == [1, 2, 3, 4, 5]


def test_memory_is_counted_and_too_many_members_are_refused(monkeypatch):
  config = tiny(sweep={"beta": [1, 2, 3, 4]})
  dataset_of = loop._datasets(None)
  needs = plan.memory(loop.assemble(config, None))
  state = trainer.init(loop.assemble(config, None))
  assert needs.state == sum(x.nbytes for x in jax.tree.leaves(state)) // 4
  assert needs.gradient == sum(x.nbytes for x in jax.tree.leaves(state.params)) // 4
  assert needs.activations >= 16 * (16 + 16 + 64) * 4  # two hidden layers and the outputs
  enough = lambda members: needs.on_each(members, members, 1.0) + 1
  monkeypatch.setattr(plan, "available", lambda devices: enough(2))
  (made,) = plan.make(config, dataset_of, "single", jax.devices()[:1])
  assert made.at_once == 2
  assert "2 chunks of up to 2" in made.sentence
  asked = tiny(sweep={"beta": [1, 2, 3, 4]}, train={"members_at_once": 3})
  with pytest.raises(UserError, match=r"members_at_once is 3: they need about .* MB"):
    plan.make(asked, dataset_of, "single", jax.devices()[:1])
  monkeypatch.setattr(plan, "available", lambda devices: 1000)
  with pytest.raises(UserError, match="One member needs about"):
    plan.make(config, dataset_of, "single", jax.devices()[:1])


def test_parts_are_trained_by_one_compiled_program_and_opened_as_one_run(
  tmp_path, monkeypatch
):
  betas = {"beta": [1.0, 2.0, 3.0, 4.0, 5.0]}
  loop.train(tiny(sweep=betas), tmp_path / "whole", None, quiet)
  made = []
  keep = placement.make
  monkeypatch.setattr(placement, "make", lambda *a: made.append(keep(*a)) or made[-1])
  chunked = tiny(sweep=betas, train={"members_at_once": 2})
  loop.train(chunked, tmp_path / "parts", None, quiet)
  assert len(made) == 1
  assert made[0].program._cache_size() == 1
  whole, parts = runs.open_run(tmp_path / "whole"), runs.open_run(tmp_path / "parts")
  assert parts.members == whole.members
  assert parts.numbers == [0, 1, 2, 3, 4]
  for a, b in zip(
    jax.tree.leaves(whole.params), jax.tree.leaves(parts.params), strict=True
  ):
    np.testing.assert_allclose(a, b, atol=1e-6)
  lines = (tmp_path / "parts/metrics.jsonl").read_text().splitlines()
  merged = [json.loads(line) for line in lines]
  last = lambda rows: {
    row["member"]: row["elbo"]
    for row in rows
    if (row["split"], row["step"]) == ("valid", 12)
  }
  expected = last(whole.history)
  assert len(expected) == 5
  np.testing.assert_allclose(
    [last(merged)[m] for m in range(5)], [expected[m] for m in range(5)], rtol=1e-5
  )


def scores(workdir) -> list[dict]:
  """The rows of the model's ELBO in the long form."""
  with (workdir / "reports/reconstruction/scores.csv").open() as file:
    rows = list(csv.DictReader(file))
  return [row for row in rows if row["metric"] == "elbo" and row["member"]]


def test_programs_live_in_one_run_directory_and_are_evaluated_together(tmp_path):
  copied(tiny(sweep=TWO_PROGRAMS), tmp_path)
  found = runs.open_runs(tmp_path)
  assert [run.numbers for run in found] == [[0, 1], [2, 3]]
  assert [run.vae.latents for run in found] == [2, 3]
  with pytest.raises(UserError, match="2 programs"):
    runs.open_run(tmp_path)
  brief = ["--application=reconstruction", "--set=samples=4", "--set=limit=20"]
  done = called("evaluate.py", f"--workdir={tmp_path}", *brief)
  assert done.returncode == 0, done.stderr
  rows = scores(tmp_path)
  assert [(r["member"], r["model.latents"]) for r in rows] == [
    ("0", "2"), ("1", "2"), ("2", "3"), ("3", "3")
  ]  # fmt: skip
  alone = called("evaluate.py", f"--workdir={tmp_path}", *brief, "--member=3")
  assert alone.returncode == 0, alone.stderr
  (row,) = scores(tmp_path)
  assert (row["member"], row["seed"], row["model.latents"]) == ("3", "0", "3")
  refused = called(
    "evaluate.py", f"--workdir={tmp_path}", "--application=sweep_comparison", "--member=3"
  )
  assert refused.returncode == 2
  assert "run it without --member" in refused.stderr
  missing = called("evaluate.py", f"--workdir={tmp_path}", "--member=9")
  assert missing.returncode == 2
  assert "members 0 to 3" in missing.stderr


def test_what_is_trained_of_a_sweep_is_evaluated_and_the_rest_is_named(tmp_path, capsys):
  """Part 1 has begun and has no checkpoint; of part 0 everything is there."""
  copied(tiny(sweep=TWO_PROGRAMS), tmp_path)
  shutil.rmtree(tmp_path / "parts/001/checkpoints")
  (run,) = runs.open_runs(tmp_path)
  assert run.numbers == [0, 1]
  assert "parts/001 is left out: its training has not reached a checkpoint" in (
    capsys.readouterr().out
  )
  shutil.rmtree(tmp_path / "parts/000/checkpoints")
  with pytest.raises(UserError, match="has no checkpoint yet"):
    runs.open_runs(tmp_path)


def test_a_program_of_dead_members_leaves_the_others_to_be_evaluated(tmp_path, capsys):
  rates = {"learning_rate": [1e30], "model.latents": [3]}
  both = {"chain": [{"learning_rate": [1e-3], "model.latents": [2]}, rates]}
  loop.train(tiny(sweep=both), tmp_path, None, quiet)
  evaluating.evaluate(str(tmp_path), ["reconstruction"], {"samples": "4", "limit": "20"})
  assert "1 of 2 members is dead and in no average: 1 (" in capsys.readouterr().out
  with pytest.raises(UserError, match=r"Member\(s\) \[1\] .* are dead"):
    evaluating.evaluate(str(tmp_path), ["reconstruction"], {}, member=1)


def test_programs_on_different_data_are_not_compared(tmp_path):
  loop.train(tiny(sweep={"data.seed": [0, 1]}), tmp_path, None, quiet)
  with pytest.raises(UserError, match=r"differ in config\.data"):
    evaluating.evaluate(str(tmp_path), ["sweep_comparison"], {})


def test_a_run_that_was_never_validated_is_not_called_dead(tmp_path, monkeypatch):
  """Killed after a checkpoint and before the first evaluation."""
  config = tiny(train={"checkpoint_every": 4, "eval_every": 12})
  stop = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
  monkeypatch.setattr(trainer.Trainer, "_evaluate", stop)
  with pytest.raises(KeyboardInterrupt):
    loop.train(config, tmp_path, None, quiet)
  with pytest.raises(UserError, match="has not been validated yet"):
    runs.open_run(tmp_path)
  assert runs.open_run(tmp_path, "latest").ended == [""]


def test_the_plan_is_printed_and_nothing_is_written(tmp_path):
  done = called(
    "train.py", "--config=configs/digits.py:smoke", f"--workdir={tmp_path / 'run'}", "--plan",
    "--config.sweep={'beta': [1, 4], 'model.latents': [2, 10]}",
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  assert "Plan: 4 members, 2 program(s)." in done.stdout
  assert "model.latents 10, 2 member(s) in one chunk" in done.stdout
  assert not (tmp_path / "run").exists()


def test_data_seed_is_an_axis_of_its_own(tmp_path):
  """A member with data seed 3 is the run whose data seed is 3; the seed stays what it was."""
  loop.train(tiny(sweep={"data_seed": [0, 3]}), tmp_path / "both", None, quiet)
  loop.train(tiny(data={"seed": 3}), tmp_path / "three", None, quiet)
  both, three = (runs.open_run(tmp_path / name, "latest") for name in ("both", "three"))
  for a, b in zip(jax.tree.leaves(both.params), jax.tree.leaves(three.params), strict=True):
    np.testing.assert_allclose(a[1], b[0], atol=1e-6)
    assert abs(a[1] - a[0]).max() > 1e-5
  streamed = tiny(sweep={"data_seed": [0, 3]}, train={"resident_bytes": 20_000})
  with pytest.raises(UserError, match=r"streamed.*resident_bytes"):
    loop.train(streamed, tmp_path / "stream", None, quiet)


NUMBERS = """
import jax.numpy as jnp
from vae_jax.objectives import beta

HYPER = {**beta.HYPER, "capacity": 0.0, "pull": 1.0}


def loss(vae, params, example, key, hyper):
  terms = beta.loss(vae, params, example, key, hyper)
  return terms._replace(loss=terms.loss + hyper["pull"] * jnp.abs(terms.rate - hyper["capacity"]))
"""


def test_every_number_of_a_new_objective_is_an_axis_without_a_recompile(
  tmp_path, monkeypatch
):
  """One new file: its numbers, and those of training, are swept by one program."""
  (tmp_path / "pulled.py").write_text(NUMBERS)
  folders = [*vae_jax.objectives.__path__, str(tmp_path)]
  monkeypatch.setattr(vae_jax.objectives, "__path__", folders)
  axes = {
    "capacity": [0.0, 2.0], "pull": [1.0, 5.0], "free_bits": [0.0, 0.1],
    "corruption_rate": [0.1, 0.4], "learning_rate": [1e-3, 2e-3], "weight_decay": [0.0, 0.1],
    "beta_steps": [5.0, 10.0],
  }  # fmt: skip
  config = tiny(
    sweep={"zip": axes}, objective={"name": "pulled"}, corruption={"name": "uniform"},
    schedule={"beta": "linear"},
  )  # fmt: skip
  (part,) = sweep.parts(config)
  assert len(part.rows) == 2
  made, keep = [], placement.make
  monkeypatch.setattr(placement, "make", lambda *a: made.append(keep(*a)) or made[-1])
  loop.train(config, tmp_path / "run", None, quiet)
  assert [place.program._cache_size() for place in made] == [1]
  both = runs.open_run(tmp_path / "run", "latest")
  for m, row in enumerate(part.config["sweep"]):
    numbers = {k: v for k, v in row.items() if k != "seed"}
    alone = {**config, "sweep": {}, "hyper": {**config["hyper"], **numbers}}
    loop.train(alone, tmp_path / f"solo{m}", None, quiet)
    solo = runs.open_run(tmp_path / f"solo{m}", "latest")
    for a, b in zip(
      jax.tree.leaves(both.params), jax.tree.leaves(solo.params), strict=True
    ):
      np.testing.assert_allclose(a[m], b[0], atol=1e-5)
  assert (
    abs(jax.tree.leaves(both.params)[0][0] - jax.tree.leaves(both.params)[0][1]).max()
    > 1e-4
  )
  sys.modules.pop("vae_jax.objectives.pulled", None)


def test_a_dead_member_is_marked_with_its_step_and_the_others_keep_their_bits(
  tmp_path, capsys
):
  train = {"steps": 30, "log_every": 10, "eval_every": 10}
  rates = {"learning_rate": [1e-3, 1e30, 2e-3]}
  loop.train(tiny(train=train, sweep=rates), tmp_path / "dead", None)
  said = capsys.readouterr().out
  assert (
    "Member 1 (learning_rate 1e+30, seed 0) is dead: no finite gradient from step 1" in said
  )
  without = {"learning_rate": [1e-3, 2e-3]}
  loop.train(tiny(train=train, sweep=without), tmp_path / "well", None, quiet)
  dead, well = runs.open_run(tmp_path / "dead"), runs.open_run(tmp_path / "well")
  assert dead.ended == ["", "dead at 1", ""]
  same(jax.tree.map(lambda x: x[[0, 2]], dead.params), well.params)
  done = called(
    "evaluate.py", f"--workdir={tmp_path / 'dead'}", "--application=reconstruction",
    "--set=samples=4", "--set=limit=20",
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  assert "1 of 3 members is dead and in no average: 1 (" in done.stdout


@pytest.mark.parametrize(
  ("first", "factor", "total", "expected"),
  [
    (0, 2.0, 100, []),
    (10, 2.0, 100, [10, 20, 40, 80]),
    (10, 3.0, 90, [10, 30]),
    (100, 2.0, 100, []),
  ],
)
def test_cuts(first, factor, total, expected):
  assert halving.cuts(first, factor, total) == expected


def test_halving_keeps_the_better_half_and_a_nan_never():
  elbo = np.array([-3.0, np.nan, -1.0, -2.0, -1.0])
  np.testing.assert_array_equal(halving.stopped(elbo, 2.0), [1, 1, 0, 0, 0])
  np.testing.assert_array_equal(halving.stopped(elbo, 5.0), [1, 1, 0, 1, 1])


def test_halving_of_members_that_are_not_trained_together_is_refused():
  dataset_of, devices = loop._datasets(None), jax.devices()[:1]
  chunked = tiny(
    sweep={"beta": [1, 2, 4]}, halving={"first": 4}, train={"members_at_once": 2}
  )
  with pytest.raises(UserError, match="these are 2 chunks"):
    plan.make(chunked, dataset_of, "single", devices)
  late = tiny(sweep={"beta": [1, 2]}, halving={"first": 12})
  with pytest.raises(UserError, match="must come before the end"):
    plan.make(late, dataset_of, "single", devices)


def test_halving_stops_members_and_the_rest_are_their_solo_runs(tmp_path, capsys):
  train = {"steps": 40, "eval_every": 20, "log_every": 10}
  rates = {"learning_rate": [1e-5, 3e-3, 1e-4, 1e-3]}
  halved = tiny(train=train, sweep=rates, halving={"first": 10})
  loop.train(halved, tmp_path / "half", None)
  assert "Step 10: halving stops 2 member(s); 2 go on." in capsys.readouterr().out
  loop.train(tiny(train=train, sweep=rates), tmp_path / "full", None, quiet)
  half, full = (runs.open_run(tmp_path / name, "latest") for name in ("half", "full"))
  assert half.ended == ["stopped at 10", "", "stopped at 10", "stopped at 20"]
  leaves = zip(jax.tree.leaves(half.params), jax.tree.leaves(full.params), strict=True)
  for a, b in leaves:
    np.testing.assert_allclose(a[1], b[1], atol=1e-5)
  rows = [r for r in half.history if r["split"] == "valid"]
  assert [r["member"] for r in rows if r["step"] == 40] == [1]
  assert len([r for r in rows if r["step"] == 10]) == 4
  best = runs.open_run(tmp_path / "half")
  assert best.step.tolist() == [10, 40, 10, 20]


@pytest.mark.slow
def test_killed_at_a_random_moment_a_sweep_of_eight_resumes_to_the_same_bits(tmp_path):
  words = [
    "--config=configs/digits.py", "--config.model.name=mlp", "--config.model.hidden=[200]",
    "--config.train.steps=200", "--config.train.log_every=20", "--config.train.eval_every=40",
    "--config.halving.first=100",
    "--config.sweep={'beta': [0.5, 1, 2, 4], 'seed': [0, 1]}", "--placement=single",
  ]  # fmt: skip
  command = lambda name: [
    sys.executable,
    str(ROOT / "train.py"),
    f"--workdir={tmp_path / name}",
    *words,
  ]
  options = {"cwd": ROOT, "check": True, "capture_output": True, "text": True}
  subprocess.run(command("whole"), **options)
  rng = random.Random()
  for _ in range(2):
    process = subprocess.Popen(
      command("broken"), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
      if line.startswith(("Compiled", "step")):
        break
    time.sleep(rng.uniform(0, 1.0))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
  subprocess.run(command("broken"), **options)
  again = subprocess.run(command("broken"), **options)
  assert "Finished already: 200 of 200 steps" in again.stdout
  for which in ("latest", "best"):
    whole, broken = (runs.open_run(tmp_path / n, which) for n in ("whole", "broken"))
    same(whole.params, broken.params)
    assert whole.ended == broken.ended
  drop = lambda row: {k: v for k, v in row.items() if k != "examples_per_second"}
  assert [drop(r) for r in whole.history] == [drop(r) for r in broken.history]
