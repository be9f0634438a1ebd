"""The plan of a configuration before it is trained: programs, their parts, and memory.

Members with the same static fields are one program. Those of a program that fit the memory of
the devices at once are a part; parts are trained one after another.
"""

import math
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from vae_jax import layers, registry
from vae_jax import vae as models
from vae_jax.training import cores, feed, joining, permutation, placement, sweep, two_stage
from vae_jax.training.memory import Memory, memory
from vae_jax.training.workdir import read_parts
from vae_jax.types import VAE, Dataset, Params, UserError

SHARE = 0.8  # of a device's memory that a plan may fill
HOST_SHARE = 0.5  # of a machine's memory, which others use too


class Program(NamedTuple):
  """Everything a part is made of before its first step."""

  config: dict
  dataset: Dataset
  vae: VAE
  members: list[dict]
  hyper: dict[str, np.ndarray]  # [M]
  feed: feed.Feed
  total: int  # steps
  kept: Params = ()  # [M] what a run that was trained before gives; () where there is none


class Plan(NamedTuple):
  """One compiled program: its members, and how many of them are trained at once."""

  part: sweep.Part  # all members of the program
  needs: Memory
  at_once: int
  placement: str
  sentence: str


class Piece(NamedTuple):
  """Members of one program that are trained together, and where."""

  program: int  # which of the plans
  part: sweep.Part
  capacity: int  # of the program's largest piece: all share one compiled form
  folder: pathlib.Path


def assemble(
  part: sweep.Part, dataset: Dataset, at_once: int | None = None, platform: str = ""
) -> Program:
  """The pure functions of a part.

  Args:
    part: of the sweep.
    dataset: that its configuration names.
    at_once: how many members its compiled form is for, when not these.
    platform: that it is compiled for, when it is not this machine's.

  Raises:
    UserError: the data does not fit the model or the likelihood.
  """
  config, train = part.config, part.config["train"]
  dataset = joining.with_rows(part, dataset)
  lowering = layers.choose_lowering(
    platform or jax.default_backend(), at_once or len(part.rows)
  )
  _refuse_grey_floats(config["likelihood"], dataset)
  vae = models.build(config, dataset.spec, lowering)
  _refuse_unknown_labels(config, dataset, vae)
  two_stage.check(config, vae)
  batches = feed.make(
    dataset, "train", train["batch_size"], config["data"]["seed"], train["resident_bytes"]
  )
  total = train["steps"] or math.ceil(train["epochs"] * batches.steps_per_epoch)
  permutation.check_steps(total, train["batch_size"], batches.examples)
  hyper = sweep.hyper(part)
  if "data_seed" in hyper and batches.span != feed.ALWAYS:
    raise UserError(
      "config.sweep has data_seed, and the training split is streamed, in one order: raise"
      " config.train.resident_bytes to hold it, or sweep data.seed, a program for each."
    )
  return Program(config, dataset, vae, part.rows, hyper, batches, total)


def _refuse_unknown_labels(config: dict, dataset: Dataset, vae: VAE) -> None:
  """Refuses a model that would be given the labels of rows that are marked unlabelled."""
  objective = registry.find("objectives", config["objective"]["name"])
  marks = dataset.splits["train"].get("labelled", np.ones(1))
  if vae.given is None or getattr(objective, "UNLABELLED", False) or np.all(marks):
    return
  raise UserError(
    f"config.data.labels leaves {int(np.sum(marks == 0)):,} rows of train unlabelled, and the"
    f" objective {config['objective']['name']!r} would give a conditional model their labels:"
    " take config.objective.name=semisupervised, config.data.unlabelled=False or"
    " config.model.condition=none."
  )


def _refuse_grey_floats(likelihood: dict, dataset: Dataset) -> None:
  """Says what is the matter where a likelihood on [0, 1] meets grey levels 0 ... 255 as floats."""
  try:
    models.build_likelihood(likelihood, dataset.spec)
  except UserError as error:
    x = dataset.splits["train"]["x"][:1000]
    whole = x.dtype.kind == "f" and (x >= 0).all() and (x == np.floor(x)).all()
    if dataset.spec.domain == "real" and whole and 1 < x.max() <= 255:
      raise UserError(
        f"x reaches {x.max():g} in whole numbers, grey levels as floats, and the likelihood"
        f" {likelihood['name']!r} is defined within [0, 1]: divide it by 255, or store it as"
        " uint8."
      ) from error
    raise


def make(
  config: dict,
  dataset_of: Callable[[dict], Dataset],
  place: str,
  devices: list,
  free: int | None = None,
  apart: bool = False,
) -> list[Plan]:
  """The plan of a complete configuration: a program for each combination of static fields.

  What says which examples are normal takes no program of its own where it needs none: `joining`.

  Args:
    config: complete, from `config.load`.
    dataset_of: `config.data` -> the dataset.
    place: of `placement.NAMES`.
    devices: of all processes.
    free: bytes that may be filled on each device, when they are not to be asked.
    apart: a program for each choice of normal examples all the same.

  Raises:
    UserError: a sweep that cannot be, or a single member, or `config.train.members_at_once`
      of them, that does not fit the memory.
  """
  plans = []
  for part in _parts(config, dataset_of, apart):
    program = assemble(part, dataset_of(part.config["data"]), platform=devices[0].platform)
    needs, free = memory(program, devices[0]), free or available(devices)
    size = _at_once(part, needs, free, place, devices)
    count = -(-len(part.rows) // size)
    _check_halving(part.config["halving"], count, program.total)
    size = -(-len(part.rows) // count)  # as even as they come
    name = placement.choose(place, size, len(devices))
    each = _bytes_on_each(needs, size, name, devices)
    chunks = f"{count} chunks of up to {size}" if count > 1 else "one chunk"
    sentence = (
      f"{_static(part)}{len(part.rows)} member(s) in {chunks}, {program.total} steps, {name} on"
      f" {len(devices)} device(s); about {_size(each)} of {_size(free)} on each device (of a"
      f" member: state {_size(needs.state)}, activations {_size(needs.activations + needs.turned)})"
    )
    plans.append(Plan(part, needs, size, name, sentence))
  return plans


def _parts(config: dict, dataset_of: Callable, apart: bool) -> list[sweep.Part]:
  """The programs; those of a split too large for the devices, which is streamed, stay apart."""
  parts = sweep.parts(config)
  found = parts if apart else joining.joined(parts)
  for part in found:
    train = dataset_of(part.config["data"]).splits["train"] if part.choices else {}
    if sum(v.nbytes for v in train.values()) > part.config["train"]["resident_bytes"]:
      return parts
  return found


def was_apart(config: dict, folder: pathlib.Path) -> bool:
  """Whether a run directory was begun with more programs than there would be now.

  Its members with different normal examples were not joined, and they go on like that.
  """
  written = folder / "parts.json"
  if not written.is_file():
    return False
  begun = len({entry["program"] for entry in read_parts(written)})
  return begun > len(joining.joined(sweep.parts(config)))


def pieces(plans: list[Plan], folder: pathlib.Path) -> list[Piece]:
  """What is trained one after another; as a run began with it, where it goes on.

  A single piece lives in the run directory itself, several in `parts/` of it. The division
  is written in parts.json, so that a run resumes on a machine with another memory.
  """
  written = folder / "parts.json"
  if written.is_file():
    found = [(entry["program"], entry["members"]) for entry in read_parts(written)]
    _check_parts(found, plans, written)
  elif (folder / "checkpoints").is_dir():
    found = [(0, plans[0].part.numbers)]
  else:
    found = [
      (program, piece.numbers)
      for program, each in enumerate(plans)
      for piece in sweep.cut(each.part, each.at_once)
    ]
  widest = lambda program: max(len(numbers) for p, numbers in found if p == program)
  return [
    Piece(
      program,
      sweep.take(plans[program].part, numbers),
      widest(program),
      folder if len(found) == 1 else folder / "parts" / f"{i:03d}",
    )
    for i, (program, numbers) in enumerate(found)
  ]


def _check_parts(
  found: list[tuple[int, list[int]]], plans: list[Plan], written: pathlib.Path
) -> None:
  """Refuses a division that is not of these programs."""
  known = [(i, n) for i, each in enumerate(plans) for n in each.part.numbers]
  if sorted((program, n) for program, numbers in found for n in numbers) != sorted(known):
    raise UserError(
      f"{written} does not divide the {len(known)} members of this configuration: restore it or"
      " take another --workdir."
    )


def described(pieces: list[Piece], folder: pathlib.Path) -> list[dict]:
  """What parts.json says."""
  return [
    {
      "folder": str(piece.folder.relative_to(folder)),
      "program": piece.program,
      "members": piece.part.numbers,
    }
    for piece in pieces
  ]


def available(devices: list) -> int:
  """Bytes that a plan may fill on each device."""
  own = [d for d in devices if d.process_index == jax.process_index()]
  stats = own[0].memory_stats() if own[0].platform != "cpu" else None
  if stats and "bytes_limit" in stats:
    free = SHARE * stats["bytes_limit"]
  else:
    free = HOST_SHARE * _host_bytes() / len(own)
  if jax.process_count() > 1:  # all must come to the same plan
    megabytes = np.float32(free / 1e6)
    free = 1e6 * float(multihost_utils.process_allgather(megabytes).min())
  return int(free)


def _host_bytes() -> int:
  """Memory of this machine, or of the container or job that it is given out by."""
  whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
  try:
    limit = pathlib.Path("/sys/fs/cgroup/memory.max").read_text().strip()
  except OSError:
    return whole
  return min(whole, int(limit)) if limit.isdigit() else whole


def _check_halving(halving: dict, chunks: int, total: int) -> None:
  """Refuses a halving that would compare other members than are meant, or none."""
  if halving["first"] and chunks > 1:
    raise UserError(
      f"config.halving compares the members that are trained together, and these are {chunks}"
      f" chunks: raise config.train.members_at_once, or leave halving.first at 0."
    )
  if halving["first"] >= total:
    raise UserError(
      f"config.halving.first is {halving['first']} and the run has {total} steps: the first"
      f" cut must come before the end."
    )


def _at_once(part: sweep.Part, needs: Memory, free: int, place: str, devices: list) -> int:
  """How many members are trained at once: what is asked for, or the most that fits."""
  asked = part.config["train"]["members_at_once"]
  size = min(asked or len(part.rows), len(part.rows))
  cost = lambda n: _bytes_on_each(
    needs, n, placement.choose(place, n, len(devices)), devices
  )
  if asked and cost(size) > free:
    raise UserError(
      f"config.train.members_at_once is {asked}: they need about {_size(cost(size))} on each"
      f" device, and {_size(free)} may be filled. 0 takes as many as fit."
    )
  while size > 1 and cost(size) > free:
    size = -(-size // 2)
  if cost(size) > free:
    raise UserError(
      f"One member needs about {_size(cost(1))} on a device, and {_size(free)} may be filled:"
      f" lower config.train.batch_size or config.train.resident_bytes, or take a smaller model."
    )
  return size


def _bytes_on_each(needs: Memory, members: int, name: str, devices: list) -> int:
  each, rows = placement.shares(name, members, len(devices))
  together = placement.side_by_side(devices[0].platform, each, needs.state)
  if name == "single":
    together = min(each, together * cores.count())
  return needs.on_each(each, together, rows)


def _static(part: sweep.Part) -> str:
  fields = {name: [row[name] for row in part.rows] for name in part.rows[0] if "." in name}
  values = lambda found: " / ".join(dict.fromkeys(sweep.text(value) for value in found))
  return "".join(f"{name} {values(found)}, " for name, found in fields.items())


def _size(count: int) -> str:
  return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
