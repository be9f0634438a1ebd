"""Training a configuration in a run directory: its programs and their parts, one by one."""

import functools
import json
import os
import pathlib
from collections.abc import Callable

import jax

from vae_jax import data
from vae_jax.latents import STATE
from vae_jax.training import placement, plan, step, sweep, trainer, workdir
from vae_jax.training.logging import merge_rows
from vae_jax.training.workdir import FORMAT
from vae_jax.types import Dataset, UserError


def assemble(config: dict, data_dir: str | None) -> plan.Program:
  """Reads the data and builds the pure functions of a configuration that is one program.

  Raises:
    UserError: the data is missing or does not fit the model or the likelihood.
  """
  (part,) = sweep.parts(config)
  return plan.assemble(part, data.load(config["data"], data_dir))


def train(
  config: dict,
  path: str,
  data_dir: str | None,
  say: Callable[[str], None] = print,
  place: str = "single",
  plan_only: bool = False,
  plugins: str | None = None,
) -> None:
  """Trains the members of a configuration in a run directory, from where it stands.

  Args:
    config: complete, from `config.load`.
    path: the run directory; made if it is not there.
    data_dir: where real data lies, or None.
    say: gets a line at the start, at each evaluation and at the end.
    place: of `placement.NAMES`.
    plan_only: says what would be trained, and stops there.
    plugins: the folder whose files `registry.plug` has added, to be remembered.

  Raises:
    UserError: anything the caller can mend; nothing already saved is harmed by it.
  """
  folder, main = pathlib.Path(path), jax.process_index() == 0
  say = say if main else lambda line: None
  if not plan_only:
    workdir.require(folder, config, writes=main)
  if place == "single" and jax.process_count() > 1:
    raise UserError("--placement=single is of one process: take auto, pmap or mesh.")
  dataset_of = _datasets(data_dir)
  found = sorted(jax.devices(), key=lambda d: (d.process_index, d.id))
  devices = found[:1] if place == "single" else found
  plans = plan.make(config, dataset_of, place, devices)
  say(data.describe(dataset_of(plans[0].part.config["data"])))
  _say_plan(plans, say, plan_only)
  if plan_only:
    return
  about = functools.partial(_about, data_dir=data_dir, devices=devices, plugins=plugins)
  _train_parts(config, plans, folder, about, dataset_of, devices, say)


def _say_plan(plans: list[plan.Plan], say: Callable, always: bool) -> None:
  members = sum(len(each.part.rows) for each in plans)
  if members > 1 or always:
    say(f"Plan: {members} members, {len(plans)} program(s).")
    for number, each in enumerate(plans):
      say(f"  program {number}: {each.sentence}.")


def _train_parts(
  config: dict,
  plans: list[plan.Plan],
  folder: pathlib.Path,
  about_of: Callable,
  dataset_of: Callable,
  devices: list,
  say: Callable,
) -> None:
  """Trains part after part; parts of one program share its compiled form."""
  main = jax.process_index() == 0
  pieces = plan.pieces(plans, folder)
  if main:
    _claim(config, plans, pieces, folder, about_of, dataset_of)
  shared: dict[int, tuple] = {}
  for number, piece in enumerate(pieces):
    each, part, where = plans[piece.program], piece.part, piece.folder
    if piece.program not in shared:
      shared.clear()  # the data and the program of the one before leave the devices
      first = plan.assemble(part, dataset_of(part.config["data"]), piece.capacity)
      placing = _placing(first, each, devices, piece.capacity)
      shared[piece.program] = first, placing
    first, placing = shared[piece.program]
    hyper = sweep.stack(part.config, part.rows)
    program = first._replace(config=part.config, members=part.rows, hyper=hyper)
    if len(pieces) > 1:
      say(f"Part {number + 1} of {len(pieces)}: {len(part.rows)} member(s), in {where}.")
    if main:
      where.mkdir(parents=True, exist_ok=True)
      workdir.write_json(where / "config.json", config if len(pieces) == 1 else part.config)
      workdir.write_json(where / "members.json", part.rows)
    about = about_of(program, where, each.placement)
    numbers = part.numbers
    trainer.Trainer(program, numbers, placing, where, about, say).run()
    if main and len(pieces) > 1:
      sum_up(folder)


def sum_up(folder: pathlib.Path) -> None:
  """The rows and the seconds of all parts, as far as they are, in the run directory itself."""
  parts = workdir.read_json(folder / "parts.json")
  places = [(folder / entry["folder"], entry["members"]) for entry in parts]
  merge_rows(folder, places)
  found = [where / "run.json" for where, _ in places]
  seconds = sum(workdir.read_json(path)["seconds"] for path in found if path.is_file())
  about = workdir.read_json(folder / "run.json")
  workdir.write_json(folder / "run.json", {**about, "seconds": seconds})


def _claim(
  config: dict,
  plans: list[plan.Plan],
  pieces: list[plan.Piece],
  folder: pathlib.Path,
  about_of: Callable,
  dataset_of: Callable,
) -> None:
  """Writes what the whole run is, where it has several parts, once the disk will hold them."""
  needed = sum(each.needs.saved(len(each.part.rows)) for each in plans)
  workdir.require_space(folder, (config["train"]["keep"] + 2) * needed)
  if len(pieces) == 1 or (folder / "parts.json").is_file():
    return
  program = plan.assemble(pieces[0].part, dataset_of(pieces[0].part.config["data"]))
  workdir.write_json(folder / "config.json", config)
  workdir.write_json(folder / "members.json", sweep.members(config))
  workdir.write_json(folder / "parts.json", plan.described(pieces, folder))
  about = about_of(program, folder, plans[0].placement)
  workdir.write_json(folder / "run.json", {**about, "programs": len(plans)})


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


def _about(
  program: plan.Program,
  folder: pathlib.Path,
  place: str,
  data_dir: str | None,
  devices: list,
  plugins: str | None,
) -> dict:
  """What a reader of the run directory wants to know beside the configuration."""
  init = functools.partial(step.init, program.vae, program.config)
  params = jax.eval_shape(init, jax.ShapeDtypeStruct((), "int32")).params
  learned = {part: tree for part, tree in params.items() if part != STATE}
  spec = program.dataset.spec
  return {
    "format": FORMAT,
    "data": data.describe(program.dataset),
    "plugins": _seen_from(folder, plugins),
    "data_dir": str(pathlib.Path(data_dir).resolve()) if data_dir else None,
    "spec": spec._asdict(),
    "steps": program.total,
    "parameters": sum(x.size for x in jax.tree.leaves(learned)),
    "device": f"{len(devices)} {devices[0].device_kind}",
    "placement": place,
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
