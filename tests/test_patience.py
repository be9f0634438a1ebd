"""Early stopping: who stops when, what is kept of it, and that a resume is the same run."""

import jax
import numpy as np
import pytest
from helpers import tiny

from vae_jax import config as configuration
from vae_jax import run as runs
from vae_jax.interrupt import Interrupt, Stopped
from vae_jax.training import loop, patience
from vae_jax.types import UserError

STEPS = {
  "steps": 120,
  "batch_size": 16,
  "log_every": 4,
  "eval_every": 4,
  "checkpoint_every": 60,
}
RATES = {"learning_rate": [0.3, 1e-3, 0.1]}  # the first and the last one soon get no better


def quiet(line):
  del line


def brute(scores, allowed):
  """The evaluation, from 1, at which a member stops, by looking back at each; 0: never."""
  finite = [v if np.isfinite(v) else np.inf for v in scores]
  for now in range(1, len(finite) + 1):
    best = min(range(now), key=lambda i: finite[i])  # the first of equal ones
    waited = now if finite[best] == np.inf else now - 1 - best
    if waited >= allowed:
      return now
  return 0


@pytest.mark.parametrize("allowed", [1, 2, 3])
def test_a_member_stops_when_its_best_is_so_many_evaluations_old(allowed):
  draw = np.random.default_rng(allowed)
  scores = np.cumsum(draw.normal(-0.3, 1.0, (12, 40)), 0).round()  # with ties
  scores[draw.random(scores.shape) < 0.1] = np.nan
  found, every = patience.start(40), np.arange(40)
  for at, row in enumerate(scores, 1):
    live = every if at < 5 else every[found.stopped < 0]
    found = found.after(live, row[live], at, allowed)
    found = patience.restored(found.saved())  # through JSON and back
  expected = [brute(scores[:, m], allowed) or -1 for m in every]
  np.testing.assert_array_equal(found.stopped, expected)
  assert (found.stopped > 0).sum() > 10


def test_nobody_stops_where_it_is_off():
  found = patience.start(2)
  for at in range(50):
    found = found.after(np.arange(2), np.array([1.0, np.nan]), at, 0)
  assert found.stopped.tolist() == [-1, -1]
  assert configuration.TRAIN["patience"] == 0
  with pytest.raises(UserError, match=r"train\.patience is -1"):
    tiny(train={"patience": -1})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  """The sweep without early stopping, and with it, and what the latter said."""
  folder, said = tmp_path_factory.mktemp("patience"), []
  loop.train(tiny(train=STEPS, sweep=RATES), folder / "off", None, quiet)
  config = tiny(train={**STEPS, "patience": 2}, sweep=RATES)
  loop.train(config, folder / "on", None, said.append)
  return folder, said


def valid(run, member):
  rows = [r for r in run.history if r["split"] == "valid" and r["member"] == member]
  return [r["step"] for r in rows], [r["loss"] for r in rows]


def test_each_member_stops_by_its_own_curve_and_its_best_is_kept(trained):
  folder, said = trained
  off, on = (runs.open_run(folder / name) for name in ("off", "on"))
  last = []
  for member in range(3):
    losses = valid(off, member)[1]
    ends = 4 * brute(losses, 2) or 120
    steps, own = valid(on, member)
    assert steps == list(range(4, ends + 1, 4))  # no row once it has stopped
    np.testing.assert_allclose(own, losses[: len(own)], rtol=1e-4)
    assert on.step[member] == steps[int(np.argmin(own))]
    last.append(ends)
  assert last[0] < last[2] < last[1] == 120
  assert on.ended == ["", "", ""]  # it is trained, and in every average
  assert sum("stopped early: member(s)" in line for line in said) >= 2


def test_a_stopped_member_is_frozen_at_its_step(trained):
  folder, _ = trained
  on = runs.open_run(folder / "on", "latest")
  stopped = valid(on, 0)[0][-1]
  short = tiny(train={**STEPS, "steps": stopped}, hyper={"learning_rate": 0.3})
  loop.train(short, folder / "short", None, quiet)
  alone = runs.open_run(folder / "short", "latest")
  pairs = zip(jax.tree.leaves(on.params), jax.tree.leaves(alone.params), strict=True)
  for a, b in pairs:
    np.testing.assert_allclose(a[0], b[0], atol=2e-3)


def test_the_run_ends_when_all_have_stopped_and_says_so_again(tmp_path):
  config = tiny(
    train={**STEPS, "patience": 2, "steps": 4000, "checkpoint_every": 1000},
    hyper={"learning_rate": 0.3},
    sweep={"seed": [0, 1]},
  )
  said = []
  loop.train(config, tmp_path, None, said.append)
  assert "stopped early" in said[-1]
  run = runs.open_run(tmp_path, "latest")
  end = max(valid(run, member)[0][-1] for member in (0, 1))
  assert end < 1000
  assert run.step.tolist() == [end, end]  # the checkpoint is of the last step
  assert run.about["steps"] == end
  before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
  loop.train(config, tmp_path, None, said.append)
  assert f"Finished already: {end} of 4000 steps, stopped early" in said[-1]
  assert all(path.read_bytes() == content for path, content in before.items())


class StopAt(Interrupt):
  """A Ctrl-C at the first question after a step that was said to be evaluated."""

  def __init__(self, step):
    super().__init__()
    self.step = step

  def say(self, line):
    self.asked = self.asked or line.split()[:1] == [str(self.step)]


@pytest.mark.parametrize("at", [pytest.param(4, marks=pytest.mark.slow), 40])
def test_a_resume_is_the_same_run_to_the_bit(trained, tmp_path, at):
  """Before anybody has stopped, and where some have and others go on."""
  folder, _ = trained
  config, stop = tiny(train={**STEPS, "patience": 2}, sweep=RATES), StopAt(at)
  with pytest.raises(Stopped):
    loop.train(config, tmp_path, None, stop.say, interrupt=stop)
  loop.train(config, tmp_path, None, quiet)
  for which in ("latest", "best"):
    a, b = (runs.open_run(where, which) for where in (folder / "on", tmp_path))
    for x, y in zip(jax.tree.leaves(a.params), jax.tree.leaves(b.params), strict=True):
      np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(a.step, b.step)
  drop = lambda row: {k: v for k, v in row.items() if k != "examples_per_second"}
  assert list(map(drop, a.history)) == list(map(drop, b.history))


@pytest.mark.slow
def test_a_number_too_large_to_be_reached_leaves_every_bit_as_it_was(trained, tmp_path):
  folder, _ = trained
  config = tiny(train={**STEPS, "patience": 1000}, sweep=RATES)
  loop.train(config, tmp_path, None, quiet)
  a, b = (runs.open_run(where, "latest") for where in (folder / "off", tmp_path))
  for x, y in zip(jax.tree.leaves(a.params), jax.tree.leaves(b.params), strict=True):
    np.testing.assert_array_equal(x, y)
