"""Compiling the programs of a configuration for a slice of TPUs that is not present.

XLA's compiler for TPUs is the package libtpu; it compiles for a described slice on any machine.
What it says is of the compiled program: nothing has run.
"""

import contextlib
import importlib.util
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from vae_jax.training import placement, plan, step, sweep
from vae_jax.types import Dataset, UserError

EXTRA = "pip install 'vae-jax[tpu-compile]'"


class Chip(NamedTuple):
  """What one chip has at most, as published by its maker."""

  flops: float  # bfloat16 products and sums a second
  memory: float  # bytes
  bandwidth: float  # bytes a second


# cloud.google.com/tpu/docs, "TPU versions": the page of each version.
CHIPS = {
  "v4": Chip(275e12, 32 * 2**30, 1.2e12),
  "v5e": Chip(197e12, 16 * 2**30, 0.82e12),
  "v5p": Chip(459e12, 95 * 2**30, 2.765e12),
  "v6e": Chip(918e12, 32 * 2**30, 1.64e12),
}
COLLECTIVES = (
  "all-reduce", "all-gather", "reduce-scatter", "collective-permute", "all-to-all",
)  # fmt: skip
BYTES = {"f64": 8, "s64": 8, "u64": 8, "f32": 4, "s32": 4, "u32": 4, "bf16": 2, "f16": 2}


class Compiled(NamedTuple):
  """What the compiler says of one program, of each chip."""

  sentence: str  # which members are where
  memory: (
    int  # bytes: arguments, what is not shared with them of the results, and temporaries
  )
  counted: int  # bytes that the plan counts for the same
  flops: float  # of a step
  moved: float  # bytes of a step between the chip and its memory
  collectives: dict[str, tuple[int, int]]  # kind -> how many a step, and their bytes
  seconds: float  # of compiling
  text: str  # the compiled program


def chip(name: str) -> Chip:
  """The chip of a topology such as "v5e:4x8".

  Raises:
    UserError: the name is none of a known chip and a grid.
  """
  kind, _, grid = name.partition(":")
  if kind not in CHIPS or not re.fullmatch(r"\d+(x\d+){1,2}", grid):
    raise UserError(
      f"--topology is {name!r}; expected a chip and its grid, as in v5e:4x8: one of"
      f" {', '.join(CHIPS)}, and 2x2 at least."
    )
  return CHIPS[kind]


def devices(name: str) -> list:
  """The chips of a described slice.

  Raises:
    UserError: libtpu is not installed, or there is no such slice.
  """
  chip(name)
  if importlib.util.find_spec("libtpu") is None and "TPU_LIBRARY_PATH" not in os.environ:
    raise UserError(
      f"--topology compiles with XLA's compiler for TPUs, which is not installed: {EXTRA}"
      " (about 700 MB), or leave the flag out for the plan alone."
    )
  from jax.experimental import topologies

  try:
    with _quiet():
      found = topologies.get_topology_desc(topology_name=name, platform="tpu").devices
  except Exception as error:
    raise UserError(
      f"There is no slice {name!r}: {str(error).splitlines()[0]} Take a grid that is sold, such"
      " as 2x2, 2x4, 4x4, 4x8 or 16x16 of v5e."
    ) from error
  return list(found)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Without what the library writes to the terminal by itself."""
  kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
  os.dup2(nowhere, 2)
  try:
    yield
  finally:
    os.dup2(kept, 2)
    os.close(kept)
    os.close(nowhere)


def compiled(program: plan.Program, each: plan.Plan, chips: list) -> Compiled:
  """One program of a plan, compiled for these chips; nothing is run.

  Args:
    program: assembled for their platform.
    each: its plan, with the placement and the members that train at once.
    chips: of `devices`.
  """
  of_axis = lambda axis: step.make(
    program.vae, program.config, program.total, program.feed.examples, axis
  )
  place = placement.make(
    each.placement, each.at_once, chips, of_axis, program.feed, each.needs.state
  )
  one = jax.eval_shape(
    lambda seed: step.init(program.vae, program.config, seed),
    jax.ShapeDtypeStruct((), "int32"),
  )
  hyper = {k: jax.ShapeDtypeStruct((), v.dtype) for k, v in program.hyper.items()}
  source = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(np.shape(x), np.asarray(x).dtype),
    program.feed.source(0, 1, lambda tree: tree),
  )
  bound = jax.ShapeDtypeStruct((), "int32")
  began = time.time()
  with _quiet():
    made = place.program.lower(
      place.shapes(one), place.shapes(hyper), source, bound, bound
    ).compile()
  seconds, text = time.time() - began, made.as_text()
  memory, cost = made.memory_analysis(), made.cost_analysis()
  cost = cost[0] if isinstance(cost, list) else cost
  held = (
    memory.argument_size_in_bytes
    + memory.output_size_in_bytes
    - memory.alias_size_in_bytes
    + memory.temp_size_in_bytes
  )
  members, share = placement.shares(each.placement, each.at_once, len(chips))
  return Compiled(
    place.sentence,
    int(held),
    each.needs.on_each(members, members, share),
    float(cost.get("flops", np.nan)),
    float(cost.get("bytes accessed", np.nan)),
    collectives(text),
    seconds,
    text,
  )


def collectives(text: str) -> dict[str, tuple[int, int]]:
  """How often a compiled program's text talks between chips, and the bytes, by kind.

  Each call counts once: those in the body of the loop over steps are what a step costs.
  """
  found: Counter = Counter()
  sizes: Counter = Counter()
  pattern = rf"= (.+?) ({'|'.join(COLLECTIVES)})(?:-start)?\("
  for shapes, kind in re.findall(pattern, text):
    found[kind] += 1
    sizes[kind] += _bytes(shapes)
  return {kind: (count, sizes[kind]) for kind, count in found.items()}


def _bytes(shapes: str) -> int:
  total = 0
  for dtype, dims in re.findall(r"([a-z]+\d+)\[([\d,]*)\]", shapes):
    total += BYTES.get(dtype, 1) * int(
      np.prod([int(d) for d in dims.split(",") if d] or [1])
    )
  return total


def described(found: Compiled, name: str) -> list[str]:
  """What is known of a program on that slice, in sentences.

  The least seconds of a step are the larger of operations over the chip's peak and bytes over
  its bandwidth: the roofline of Williams et al. (2009).
  """
  chip_ = chip(name)
  work, traffic = found.flops / chip_.flops, found.moved / chip_.bandwidth
  bound = "its products" if work > traffic else "its memory"
  talk = [f"{n} {kind} of {_size(size)}" for kind, (n, size) in found.collectives.items()]
  over = " It does not fit." if found.memory > chip_.memory else ""
  return [
    f"{found.sentence}; compiled for {name} in {found.seconds:.0f} s, not run.",
    f"Memory of a chip: {_size(found.memory)} by the compiler, {_size(found.counted)} by the"
    f" plan, of {_size(chip_.memory)}.{over}",
    f"A step: {found.flops / 1e9:,.2f} GFLOP and {_size(found.moved)} moved on each chip,"
    f" {found.flops / max(found.moved, 1):,.1f} FLOP a byte; {bound} bounds it, at"
    f" {1e3 * max(work, traffic):.3f} ms at best.",
    f"Between chips, a step: {', '.join(talk) if talk else 'nothing'}.",
  ]


def say(
  name: str,
  plans: list[plan.Plan],
  dataset_of: Callable[[sweep.Part], Dataset],
  chips: list,
  tell: Callable[[str], None],
) -> None:
  """Compiles every program of a plan and says what is known of each."""
  for number, each in enumerate(plans):
    tell(f"  program {number}: compiling ...")
    program = plan.assemble(each.part, dataset_of(each.part), each.at_once, "tpu")
    for line in described(compiled(program, each, chips), name):
      tell(f"    {line}")


def _size(count: float) -> str:
  for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
    if count >= size:
      return f"{count / size:.1f} {unit}"
  return f"{count:.0f} B"


def free(name: str) -> int:
  """Bytes that a plan may fill on each chip."""
  return int(plan.SHARE * chip(name).memory)
