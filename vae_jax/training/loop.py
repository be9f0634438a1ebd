"""Training a configuration in a run directory: its programs and their parts, one by one."""

import contextlib
import functools
import json
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from vae_jax import data, files
from vae_jax.interrupt import Interrupt
from vae_jax.latents import STATE
from vae_jax.training import (
  death,
  joining,
  lock,
  placement,
  plan,
  step,
  sweep,
  topology,
  trainer,
  two_stage,
  workdir,
)
from vae_jax.training.checkpoint import Checkpoints
from vae_jax.training.summary import sum_up
from vae_jax.types import Dataset, UserError


def assemble(config: dict, data_dir: str | None) -> plan.Program:
  """Reads the data and builds the pure functions of a configuration that is one program.

  Raises:
    UserError: the data is missing or does not fit the model or the likelihood.
  """
  (part,) = joining.joined(sweep.parts(config))
  return plan.assemble(part, data.load(part.config["data"], data_dir))


def train(
  config: dict,
  path: str,
  data_dir: str | None,
  say: Callable[[str], None] = print,
  place: str = "single",
  plan_only: bool = False,
  plugins: str | None = None,
  interrupt: Interrupt | None = None,
  slice_name: str = "",
) -> None:
  """Trains the members of a configuration in a run directory, from where it stands.

  Args:
    config: complete, from `config.load`.
    path: the run directory; made if it is not there.
    data_dir: where real data is, or None.
    say: gets a line at the start, at each evaluation and at the end.
    place: of `placement.NAMES`.
    plan_only: says what would be trained, and stops there.
    plugins: the folder whose files `registry.plug` has added, to be remembered.
    interrupt: what a Ctrl-C asks, where the caller watches for it.
    slice_name: with `plan_only`, the TPUs that the programs are compiled for: `topology`.

  Raises:
    UserError: anything the caller can mend; nothing already saved is harmed by it.
    death.AllDeadError: the training ended and no member of it is alive.
    interrupt.Stopped: it was asked to stop, and what it had is saved.
  """
  folder, main = workdir.named(path), jax.process_index() == 0
  say = say if main else lambda line: None
  if place == "single" and jax.process_count() > 1:
    raise UserError("--placement=single is of one process: take auto, pmap or mesh.")
  with contextlib.ExitStack() as stack:
    check = lambda: None
    if main and not plan_only:
      workdir.require_writable(folder)
      check = stack.enter_context(lock.held(folder, say)).check
    if not plan_only:
      workdir.require_same(folder, config)
    found = topology.devices(slice_name) if slice_name else jax.devices()
    found = sorted(found, key=lambda d: (d.process_index, d.id))
    devices = found[:1] if place == "single" else found
    watched = interrupt or Interrupt()
    of_config = _datasets(data_dir)
    job = _Job(
      config, folder, data_dir, of_config, devices, say, check, watched, plugins
    )  # fmt: skip
    _train(job, place, plan_only, slice_name)


class _Job(NamedTuple):
  """What every part of a training is handed."""

  config: dict
  folder: pathlib.Path
  data_dir: str | None
  dataset_of: Callable[[dict], Dataset]
  devices: list
  say: Callable[[str], None]
  check: Callable[[], None]  # that the run directory is still there
  interrupt: Interrupt
  plugins: str | None  # the folder of files of one's own


def _train(job: _Job, place: str, plan_only: bool, slice_name: str) -> None:
  """Plans, trains all parts, and refuses to call a training of dead members finished."""
  free = topology.free(slice_name) if slice_name else None
  apart = plan.was_apart(job.config, job.folder)
  plans = plan.make(job.config, job.dataset_of, place, job.devices, free, apart)
  job.say(data.describe(job.dataset_of(plans[0].part.config["data"])))
  _say_plan(plans, job.say, plan_only)
  if slice_name:
    of_config = lambda part: job.dataset_of(part.config["data"])
    topology.say(slice_name, plans, of_config, job.devices, job.say)
  if plan_only:
    return
  died = _train_parts(job, plans)
  if (died >= 0).all():
    config = plans[0].part.config
    raise death.AllDeadError(death.told(config, job.dataset_of(config["data"]), died))


def _say_plan(plans: list[plan.Plan], say: Callable, always: bool) -> None:
  members = sum(len(each.part.rows) for each in plans)
  if members > 1 or always:
    say(f"Plan: {members} members, {len(plans)} program(s).")
    for number, each in enumerate(plans):
      say(f"  program {number}: {each.sentence}.")


def _train_parts(job: _Job, plans: list[plan.Plan]) -> np.ndarray:
  """Trains part after part; parts of one program share its compiled form.

  Returns:
    the step at which each member died, -1 for the living.
  """
  main = jax.process_index() == 0
  pieces = plan.pieces(plans, job.folder)
  opened = functools.cache(lambda path: two_stage.opened(path, job.data_dir))
  for piece in pieces:  # all of them, before the first is trained
    if not Checkpoints.any(piece.folder):
      two_stage.matched(piece.part, opened)
  if main:
    _claim(job, plans, pieces)
  shared: dict[int, tuple] = {}
  died = []
  for number, piece in enumerate(pieces):
    each, part, where = plans[piece.program], piece.part, piece.folder
    if piece.program not in shared:
      shared.clear()  # the data and the program of the one before leave the devices
      first = plan.assemble(part, job.dataset_of(part.config["data"]), piece.capacity)
      placing = _placing(first, each, job.devices, piece.capacity)
      shared[piece.program] = first, placing
    first, placing = shared[piece.program]
    hyper = sweep.hyper(part)
    program = first._replace(config=part.config, members=part.rows, hyper=hyper)
    if not Checkpoints.any(where):
      program = program._replace(kept=two_stage.kept(part, opened))
    if len(pieces) > 1:
      job.say(
        f"Part {number + 1} of {len(pieces)}: {len(part.rows)} member(s), in {where}."
      )
    if main:
      where.mkdir(parents=True, exist_ok=True)
      own = job.config if len(pieces) == 1 else part.config
      files.write_json(where / "config.json", own)
      files.write_json(where / "members.json", part.rows)
    about = _about(job, program, where, each.placement)
    about |= {"joined": True} if part.choices else {}
    given = (program, part.numbers, placing, where, about, job.say)
    died.append(trainer.Trainer(*given, job.check, job.interrupt).run())
    if main and len(pieces) > 1:
      sum_up(job.folder)
  return np.concatenate(died)


def _claim(job: _Job, plans: list[plan.Plan], pieces: list[plan.Piece]) -> None:
  """Writes what the whole run is, where it has several parts, once the disk will hold them."""
  config, folder = job.config, job.folder
  needed = sum(each.needs.saved(len(each.part.rows)) for each in plans)
  workdir.require_space(folder, (config["train"]["keep"] + 2) * needed)
  if len(pieces) == 1 or (folder / "parts.json").is_file():
    return
  program = plan.assemble(pieces[0].part, job.dataset_of(pieces[0].part.config["data"]))
  files.write_json(folder / "config.json", config)
  files.write_json(folder / "members.json", sweep.members(config))
  files.write_json(folder / "parts.json", plan.described(pieces, folder))
  about = _about(job, program, folder, plans[0].placement)
  files.write_json(folder / "run.json", {**about, "programs": len(plans)})


def _datasets(data_dir: str | None) -> Callable[[dict], Dataset]:
  """`config.data` -> the dataset, read once for each."""
  read = functools.cache(lambda text: data.load(json.loads(text), data_dir))
  return lambda config: read(json.dumps(config, sort_keys=True))


def _placing(
  program: plan.Program, each: plan.Plan, devices: list, capacity: int
) -> Callable[[int | None], placement.Placement]:
  """`members in training -> placement`, a smaller one after a halving; None: that of all parts."""
  of_axis = functools.partial(
    step.make, program.vae, program.config, program.total, program.feed.examples
  )
  name, state = each.placement, each.needs.state
  make = functools.cache(
    lambda size: placement.make(name, size, devices, of_axis, program.feed, state)
  )
  return lambda members: make(members or capacity)


def _about(job: _Job, program: plan.Program, folder: pathlib.Path, place: str) -> dict:
  """What a reader of the run directory wants to know beside the configuration."""
  init = functools.partial(step.init, program.vae, program.config)
  params = jax.eval_shape(init, jax.ShapeDtypeStruct((), "int32")).params
  learned = {part: tree for part, tree in params.items() if part != STATE}
  spec = program.dataset.spec
  return {
    "format": workdir.FORMAT,
    "data": data.describe(program.dataset),
    "plugins": _seen_from(folder, job.plugins),
    "data_dir": str(pathlib.Path(job.data_dir).resolve()) if job.data_dir else None,
    "spec": spec._asdict(),
    "steps": program.total,
    "parameters": sum(x.size for x in jax.tree.leaves(learned)),
    "device": f"{len(job.devices)} {job.devices[0].device_kind}",
    "placement": place,
    "precision": program.config["train"]["precision"],
    "versions": {"jax": jax.__version__, "vae_jax": _version()},
  }


def _seen_from(folder: pathlib.Path, plugins: str | None) -> str | None:
  """A folder as a path from the run directory, so that both may be moved together."""
  if plugins is None:
    return None
  try:
    return os.path.relpath(pathlib.Path(plugins).resolve(), folder.resolve())
  except ValueError:  # another drive of Windows
    return str(pathlib.Path(plugins).resolve())


def _version() -> str:
  from importlib import metadata

  return metadata.version("vae-jax")
