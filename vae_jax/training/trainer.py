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
  agenda,
  console,
  death,
  evaluation,
  halving,
  patience,
  placement,
  processes,
  saved,
  step,
  sweep,
  watchdog,
)
from vae_jax.training.checkpoint import Checkpoints, identity
from vae_jax.training.logging import Log, averages, described, progress, rows_of
from vae_jax.training.plan import Program
from vae_jax.training.saved import init

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
    self._patience = config["train"]["patience"]
    self._waiting = patience.start(len(program.members))
    self._over = False  # every member has stopped early, or is dead
    self._run = identity(config, program.members)
    self._cuts = halving.cuts(**config["halving"], total=program.total)
    self._resume()
    objective = registry.find("objectives", config["objective"]["name"])
    self._comparable = patience.comparable(objective)
    self._means = evaluation.valid_means(program.vae, objective, config, program.dataset)

  def run(self) -> np.ndarray:
    """Trains to the end; a part that is finished says so.

    Returns:
      the step [M] at which each member died, -1 for the living.

    Raises:
      Stopped: it was asked to stop, and has saved what it has.
      UserError: another process of the run has ended, or the run directory is gone.
    """
    total = self._program.total
    if self._step >= total or self._over:
      self._checkpoints.close()
      done = f"{total} steps{', stopped early' if self._step < total else ''}"
      self._say(f"Finished already: {self._step} of {done}, in {self._folder}.")
      return np.asarray(self._rest.died)
    self._write_about()
    self._put()
    self._compile()
    rows = self._program.members
    members = described(rows, self._program.hyper)
    log = Log(self._folder, self._step, members) if self._main else None
    self._table = console.Table(self._say, rows, total, self._step, self._seconds)
    bar = progress(total, self._step, "step", self._folder.name)
    try:
      with processes.told_when_another_ends(), self._interrupt.heeded():
        while self._step < total and not self._over:
          self._advance(bar, log)
          if not self._over and processes.any_of_them(self._interrupt.asked):
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
    early = f" of {total}, stopped early" if self._step < total else ""
    self._say(f"{how}: {self._step} steps{early}, {rate}, in {self._folder}.")
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
      evaluated = self._live
      means, more = self._evaluate()
      rows += more
      if "halve" in do:
        self._halve(means["elbo"])
      self._wait(evaluated, means)
    if log:
      log.write(rows)
    if "save" in do or self._over:
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
    if self._patience:
      self._waiting = patience.restored(found.meta["patience"])
      self._over = self._waiting.over(self._live, np.asarray(self._rest.died))
    if self._step < self._program.total and not self._over:
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
    return jax.tree.map(functools.partial(saved.with_rows, self._live), self._rest, got)

  def _next_stop(self) -> tuple[int, set[str]]:
    train, program = self._program.config["train"], self._program
    epoch = math.ceil(program.feed.steps_per_epoch)
    return agenda.next_stop(train, self._step, program.total, epoch, self._cuts)

  def _train_to(self, stop: int) -> list[dict]:
    """Trains up to a step; its metrics as rows, one for each member in training."""
    start, began, parts = self._step, time.perf_counter(), []
    while self._step < stop:
      until = min(stop, self._step + self._program.feed.span)
      ready, self._ready = self._ready, None
      kept = ready and ready[:2] == (self._step, until)
      source = ready[2] if kept else self._source(self._step, until)
      self._state, metrics = self._place.chunk(
        self._state, self._hyper, source, self._step, until
      )
      with watchdog.watched("A chunk of training steps"):
        parts.append((until - self._step, self._place.get(metrics)))
      self._step = until
    seconds = time.perf_counter() - began
    self._seconds += seconds
    self._estimate(seconds / (stop - start))
    each = self._program.config["train"]["batch_size"] * len(self._live)
    speed = round((stop - start) * each / seconds, 1)
    return self._rows("train", averages(parts), {"examples_per_second": speed})

  def _estimate(self, seconds: float) -> None:
    """Says once how long the rest will take."""
    left = self._program.total - self._step
    if left and not self._estimated:
      self._say(
        f"{1000 * seconds:.1f} ms a step for {console.counted(len(self._live), 'member')}: about"
        f" {console.duration(left * seconds)} for the {left:,} steps left, and the evaluations."
      )
    self._estimated = True

  def _evaluate(self) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Scores the held-out split and keeps each member's best parameters.

    The best are those of the least validation loss, which has the member's own β. By the ELBO a
    member would be kept at a step that suits another β. If losses cannot be compared
    (`patience.comparable`), the latest finite parameters are kept.

    Returns:
      The means [m] of the members in training, and their rows.
    """
    count, live = len(self._live), self._live
    params, back = self._place.local(self._state, step.evaluated)
    hyper, _ = self._place.local(self._hyper)
    width = self._program.config["train"]["eval_batch_size"]
    means = {k: v[:count] for k, v in self._means(params, hyper, width, back).items()}
    least = self._best["loss"][live] if self._comparable else np.full(count, np.inf)
    better = np.flatnonzero((means["loss"] < least) & self._going())
    if len(better):
      got = self._place.get(self._state, step.evaluated)
      new = jax.tree.map(lambda x: x[better], got), means["loss"][better], self._step
      self._best = saved.replaced(self._best, live[better], *new)
    rows = self._rows("valid", means, {})
    self._tell_deaths()
    kept = self._comparable and len(better) > 0
    self._table.add(self._step, rows, self._dead, kept)
    return means, rows

  def _going(self) -> np.ndarray:
    """Which of the members in the program [m] have not stopped early."""
    return self._waiting.stopped[self._live] < 0

  def _wait(self, evaluated: np.ndarray, means: dict[str, np.ndarray]) -> None:
    """Freezes the members that have waited long enough for a better validation.

    They keep their place until half of the program has stopped. Then the others go on without
    them. So a sweep compiles a smaller program a few times, and not for each member.
    """
    if not self._patience:
      return
    score = means["loss"] if self._comparable else -means["elbo"]
    live, kept = self._live, np.isin(evaluated, self._live)  # a halving took the others out
    given = evaluated[kept], score[kept], self._step, self._patience
    going, self._waiting = self._going(), self._waiting.after(*given)
    new = live[going & ~self._going()]
    if not len(new):
      return
    whole, left = self._whole(), int(self._going().sum())
    self._over = self._waiting.over(live, whole.died)
    stopped = saved.with_rows(new, whole.stopped, self._step)
    self._rest = whole._replace(stopped=stopped)
    numbers = [self._numbers[member] for member in new.tolist()]
    self._say(patience.sentence(self._step, self._patience, numbers, left))
    fewer = 0 < 2 * left <= len(live)
    self._live = live[self._going()] if fewer else live
    self._put()
    if fewer and not self._over:
      self._compile()

  def _tell_deaths(self) -> None:
    died = self._place.get(self._state, lambda state: state.died)[: len(self._live)]
    new = {
      m: at for m, at in zip(self._live.tolist(), died.tolist(), strict=True) if at >= 0
    }
    for member in new.keys() - self._dead:
      name = sweep.label(self._program.members[member])
      self._say(death.sentence(self._numbers[member], name, new[member]))
    self._dead |= new.keys()

  def _halve(self, elbo: np.ndarray) -> None:
    """Stops the worse members and goes on with the others alone, in a smaller program."""
    whole = self._whole()
    going = whole.died[self._live] < 0
    factor = self._program.config["halving"]["factor"]
    out = halving.stopped(np.where(going, elbo, np.nan), factor)
    stopped = saved.with_rows(self._live[out & going], whole.stopped, self._step)
    self._rest = whole._replace(stopped=stopped)
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
    # One that has stopped early is trained: only what a halving took out is "stopped".
    out = np.where(self._waiting.stopped >= 0, -1, whole.stopped)
    meta |= {"died": whole.died.tolist(), "stopped": out.tolist()}
    meta |= {"patience": self._waiting.saved()} if self._patience else {}
    if self._main:
      self._checkpoints.save(self._step, saved.items(whole, self._best), self._run, meta)
    self._saved = self._step

  def _rows(self, split: str, means: dict[str, np.ndarray], extra: dict) -> list[dict]:
    going, about = self._going(), {"step": self._step, "split": split}
    return rows_of(about, self._live, going, means, extra)

  def _write_about(self) -> None:
    if self._main:
      about = {**self._about, "seconds": self._seconds}
      about |= {"steps": self._step} if self._over else {}
      files.write_json(self._folder / "run.json", about)
