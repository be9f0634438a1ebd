"""The host's side of one part: chunks of steps, evaluations, cuts, checkpoints; resumes."""

import contextlib
import functools
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vae_jax import files, registry
from vae_jax.interrupt import Interrupt, Stopped
from vae_jax.training import (
  console,
  evaluation,
  halving,
  placement,
  processes,
  saved,
  step,
  sweep,
  watchdog,
)
from vae_jax.training.checkpoint import Checkpoints, identity
from vae_jax.training.logging import Log, progress
from vae_jax.training.plan import Program

# Members in training after a halving, or None -> where they are placed.
Placing = Callable[[int | None], placement.Placement]


class Trainer:
  """What is mutable while a part is trained, and nothing else."""

  def __init__(
    self,
    program: Program,
    numbers: list[int],
    placing: Placing,
    folder: pathlib.Path,
    about: dict,
    say: Callable,
    check: Callable[[], None],
    interrupt: Interrupt,
  ):
    config, self._say = program.config, console.beside_bar(say)
    self._check, self._interrupt = check, interrupt
    self._program, self._placing, self._numbers = program, placing, numbers
    self._folder, self._about = folder, about
    self._main = jax.process_index() == 0
    keep = config["train"]["keep"] if self._main else None
    self._checkpoints = Checkpoints(folder, keep)
    self._rest = init(program)  # the state [M] of the members that are not in training
    self._live = np.arange(len(program.members))
    self._best = saved.no_best(self._rest)
    self._step, self._seconds, self._dead = 0, 0.0, set()
    self._saved = -1  # the step of the latest checkpoint
    self._run = identity(config, program.members)
    self._cuts = halving.cuts(**config["halving"], total=program.total)
    self._resume()
    objective = registry.find("objectives", config["objective"]["name"])
    comparable = getattr(objective, "COMPARABLE", not hasattr(objective, "batch_loss"))
    self._comparable = comparable  # whether losses of two steps measure the same
    self._terms = evaluation.split_terms(program.vae, objective, config, program.dataset)

  def run(self) -> np.ndarray:
    """Trains to the end; a part that is finished says so.

    Returns:
      the step [M] at which each member died, -1 for the living.

    Raises:
      Stopped: it was asked to stop, and has saved what it has.
      UserError: another process of the run has ended, or the run directory is gone.
    """
    total = self._program.total
    if self._step >= total:
      self._checkpoints.close()
      self._say(f"Finished already: {total} of {total} steps, in {self._folder}.")
      return np.asarray(self._rest.died)
    self._write_about()
    self._put()
    self._compile()
    log = Log(self._folder, self._step, self._described()) if self._main else None
    rows = self._program.members
    self._table = console.Table(self._say, rows, total, self._step, self._seconds)
    bar = progress(total, self._step, "step", self._folder.name)
    try:
      with processes.told_when_another_ends(), self._interrupt.heeded():
        while self._step < total:
          self._advance(bar, log)
          if processes.any_of_them(self._interrupt.asked):
            self._stop(log)
      died = np.asarray(self._whole().died)
      self._checkpoints.close()
    except Exception:  # of Orbax's writers too, which raise more than OSError
      self._check()  # where the run directory is gone, that is the cause
      raise
    finally:
      bar.close()
      if log:
        log.close()
      # What ended the training is told, not what follows.
      with contextlib.suppress(Exception):
        self._checkpoints.close()
    self._write_about()
    members = console.counted(len(self._program.members), "member")
    rate = f"{self._seconds:.1f} s of training for {members}"
    how = "Finished" if (died < 0).any() else "Every member is dead"
    self._say(f"{how}: {total} steps, {rate}, in {self._folder}.")
    return died

  def _stop(self, log: Log | None) -> None:
    """Saves what there is and ends the training, as it was asked to."""
    if self._saved != self._step:
      self._save(log)
    self._checkpoints.wait()
    raise Stopped(
      f"Stopped at step {self._step} of {self._program.total}; its checkpoint is saved in"
      f" {self._folder}, and the same command goes on from there."
    )

  def _advance(self, bar: Any, log: Log | None) -> None:
    stop, do = self._next_stop()
    rows = self._train_to(stop)
    bar.update(stop - bar.n)
    self._check()
    if "evaluate" in do:
      elbo, more = self._evaluate()
      rows += more
      if "halve" in do:
        self._halve(elbo)
    if log:
      log.write(rows)
    if "save" in do:
      self._save(log)

  def _resume(self) -> None:
    found = self._checkpoints.restore(saved.items(self._rest, self._best), self._run)
    processes.agree(found.step if found else 0)
    if found is None:
      return
    for sentence in found.damaged:
      self._say(f"{sentence} Going on from checkpoint {found.step}.")
    if self._main:
      self._checkpoints.drop_after(found.step, found.foreign)
    self._step, self._seconds = found.step, found.meta["seconds"]
    self._live = np.asarray(found.meta["live"])
    self._rest, self._best = saved.state_of(found.items), found.items["best"]
    if self._step < self._program.total:
      self._say(f"Resuming at step {self._step} of {self._program.total}.")

  def _put(self) -> None:
    """Places the members that are still in training."""
    whole = len(self._live) == len(self._program.members)
    self._place = self._placing(None if whole else len(self._live))
    rows = lambda tree: jax.tree.map(lambda x: np.asarray(x)[self._live], tree)
    self._state = self._place.put(rows(self._rest))
    self._hyper = self._place.put(rows(self._program.hyper))
    if whole:
      self._rest = None  # all of it is on the devices

  def _compile(self) -> None:
    """Compiles the program by a chunk of no steps, so that the first chunk's time is its own."""
    until = min(self._step + self._program.feed.span, self._next_stop()[0])
    source = self._source(self._step, until)
    self._say("Compiling ...")
    began = time.perf_counter()
    watch = watchdog.watched("The training program")
    with processes.told_when_another_ends(), watch:
      self._state, _ = self._place.chunk(
        self._state, self._hyper, source, self._step, self._step
      )
      jax.block_until_ready(self._state)
    self._ready = (self._step, until, source)
    self._say(f"Compiled in {time.perf_counter() - began:.1f} s: {self._place.sentence}.")
    self._estimated = False

  def _source(self, start: int, stop: int) -> Any:
    return self._program.feed.source(start, stop, self._place.source)

  def _whole(self) -> step.State:
    """The state [M] of all members on the host."""
    got = jax.tree.map(lambda x: x[: len(self._live)], self._place.get(self._state))
    if self._rest is None:
      return got
    return jax.tree.map(functools.partial(_with_rows, self._live), self._rest, got)

  def _next_stop(self) -> tuple[int, set[str]]:
    """The step at which the host acts next, and what it does there besides a metrics row."""
    train, total = self._program.config["train"], self._program.total
    evaluate = train["eval_every"] or math.ceil(self._program.feed.steps_per_epoch)
    save = train["checkpoint_every"] or evaluate
    ahead = lambda every: (self._step // every + 1) * every
    coming = [cut for cut in self._cuts if cut > self._step]
    stop = min(ahead(train["log_every"]), ahead(evaluate), ahead(save), total, *coming[:1])
    due = {"evaluate": evaluate, "save": save}
    do = {what for what, every in due.items() if stop % every == 0 or stop == total}
    return stop, do | ({"evaluate", "halve"} if stop in self._cuts else set())

  def _train_to(self, stop: int) -> list[dict]:
    """Trains up to a step; its metrics as rows, one for each member in training."""
    start, began, parts = self._step, time.perf_counter(), []
    while self._step < stop:
      until = min(stop, self._step + self._program.feed.span)
      ready, self._ready = self._ready, None
      source = (
        ready[2]
        if ready and ready[:2] == (self._step, until)
        else self._source(self._step, until)
      )
      self._state, metrics = self._place.chunk(
        self._state, self._hyper, source, self._step, until
      )
      with watchdog.watched("A chunk of training steps"):
        parts.append((until - self._step, self._place.get(metrics)))
      self._step = until
    seconds = time.perf_counter() - began
    self._seconds += seconds
    self._estimate(seconds / (stop - start))
    means = {
      name: sum(
        m[name] * (1 if name == "skipped" else n / (stop - start)) for n, m in parts
      )
      for name in step.METRICS
    }
    examples = (
      (stop - start) * self._program.config["train"]["batch_size"] * len(self._live)
    )
    return self._rows("train", means, {"examples_per_second": round(examples / seconds, 1)})

  def _estimate(self, seconds: float) -> None:
    """Says once how long the rest will take."""
    left = self._program.total - self._step
    if left and not self._estimated:
      self._say(
        f"{1000 * seconds:.1f} ms a step for {console.counted(len(self._live), 'member')}: about"
        f" {console.duration(left * seconds)} for the {left:,} steps left, and the evaluations."
      )
    self._estimated = True

  def _evaluate(self) -> tuple[np.ndarray, list[dict]]:
    """Scores the held-out split and keeps each member's best parameters.

    The best are those of the least validation loss: the member's own β is in it, and by the
    ELBO a member of another β would be scored where it only passed by. Where losses do not
    compare, the latest finite parameters are kept: a batch-level loss is of a batch and not of
    a split, and one with a multiplier that moves (COMPARABLE = False) is another at each step.

    Returns:
      The ELBO [m] of the members in training, and their rows.
    """
    count, live = len(self._live), self._live
    params, back = self._place.local(self._state, step.evaluated)
    hyper, _ = self._place.local(self._hyper)
    split = self._program.dataset.splits["valid"]
    width = self._program.config["train"]["eval_batch_size"]
    scores = back(self._terms(params, hyper, split, width))
    means = {k: v[:count].mean(axis=1, dtype=np.float64) for k, v in scores.items()}
    least = self._best["loss"][live] if self._comparable else np.full(count, np.inf)
    better = np.flatnonzero(means["loss"] < least)
    if len(better):
      got = self._place.get(self._state, step.evaluated)
      new = {
        "params": jax.tree.map(lambda x: x[better], got),
        "loss": means["loss"][better].astype(np.float32),
        "step": np.full(len(better), self._step, np.int32),
      }
      put = functools.partial(_with_rows, live[better])
      self._best = jax.tree.map(put, self._best, new)
    rows = self._rows("valid", means, {})
    self._tell_deaths()
    kept = self._comparable and len(better) > 0
    self._table.add(self._step, rows, self._dead, kept)
    return means["elbo"], rows

  def _tell_deaths(self) -> None:
    died = self._place.get(self._state, lambda state: state.died)[: len(self._live)]
    for member, at in zip(self._live.tolist(), died.tolist(), strict=True):
      if at >= 0 and member not in self._dead:
        self._dead.add(member)
        name = sweep.label(self._program.members[member])
        self._say(
          f"Member {self._numbers[member]} ({name}) is dead: no finite gradient from step {at} on."
        )

  def _halve(self, elbo: np.ndarray) -> None:
    """Stops the worse members and goes on with the others alone, in a smaller program."""
    whole = self._whole()
    going = whole.died[self._live] < 0
    factor = self._program.config["halving"]["factor"]
    out = halving.stopped(np.where(going, elbo, np.nan), factor)
    at = np.array(whole.stopped)
    at[self._live[out & going]] = self._step
    self._rest = whole._replace(stopped=at)
    self._live = self._live[~out & going] if (~out & going).any() else self._live[:1]
    self._say(
      f"Step {self._step}: halving stops {int((out & going).sum())} member(s);"
      f" {len(self._live)} go on."
    )
    self._put()
    self._compile()

  def _save(self, log: Log | None) -> None:
    if log:
      log.sync()  # the rows before a checkpoint last if the checkpoint does
    whole = self._whole()
    meta = {**self._about, "seconds": self._seconds, "live": self._live.tolist()}
    meta |= {"died": whole.died.tolist(), "stopped": whole.stopped.tolist()}
    if self._main:
      self._checkpoints.save(self._step, saved.items(whole, self._best), self._run, meta)
    self._saved = self._step

  def _rows(self, split: str, means: dict[str, np.ndarray], extra: dict) -> list[dict]:
    return [
      {"step": self._step, "split": split, "member": int(member)}
      | {name: float(values[i]) for name, values in means.items()}
      | extra
      for i, member in enumerate(self._live)
    ]

  def _described(self) -> list[dict]:
    """What distinguishes each member, and the β of every member of an objective that has one."""
    rows, betas = self._program.members, self._program.hyper.get("beta")
    if betas is None:
      return rows
    return [{"beta": float(b), **row} for b, row in zip(betas, rows, strict=True)]

  def _write_about(self) -> None:
    if self._main:
      about = {**self._about, "seconds": self._seconds}
      files.write_json(self._folder / "run.json", about)


def init(program: Program) -> step.State:
  """The state [M] of all members before the first step."""
  of_member = lambda seed: step.init(program.vae, program.config, seed)
  # Compiled once and run once: optimising it would take longer than all of its work.
  unoptimised = {"xla_backend_optimization_level": 0}
  return jax.jit(jax.vmap(of_member), compiler_options=unoptimised)(program.hyper["seed"])


def _with_rows(rows: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
  changed = np.array(old)
  changed[rows] = new
  return changed
