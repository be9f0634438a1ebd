"""A compiled function of members and rows, spread over every device and every process.

The devices of a process are a grid: members over one axis, rows over the other, as in the
placement `mesh`. Nothing passes between them. Each has batches of the size that one device
alone would have, as long as there are enough rows for that.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from vae_jax.training import arrays, cores, placement, processes
from vae_jax.types import Array

ROWS = 2**15  # side by side on a device: 6 GB of activations with configs/mnist.py
PARTS = (P("member"), P("data"), P("member", "data"), P())  # of a program's arguments


class Ask(NamedTuple):
  """What is asked of every member at every row."""

  programs: Callable[..., Callable]  # of `programs`
  # places [b] of rows -> a tree [b, ...] of theirs, the same for every member
  rows: Callable[[np.ndarray], Any]
  count: int  # N
  width: int  # rows at once on a device
  inner: int  # samples that are held at once of one row
  name: str  # of the program, for a sentence
  # (members [m], places [b]) -> a tree [m, b, ...]
  both: Callable[[np.ndarray, np.ndarray], Any] = lambda members, at: ()


def programs(batch: Callable) -> Callable[[Mesh | None], Callable]:
  """`grid -> batch` compiled for it, once for each; None: for the device of its arguments.

  Args:
    batch: (own [m, ...], rows [b, ...], both [m, b, ...], key) -> tree [m, b, ...].
  """

  @functools.cache
  def on(grid: Mesh | None) -> Callable:
    if grid is None:
      return jax.jit(batch)
    out = P("member", "data")
    of_grid = jax.shard_map(
      batch, mesh=grid, in_specs=PARTS, out_specs=out, check_vma=False
    )
    return jax.jit(of_grid)

  return on


def over_all(ask: Ask, own: Any, key: Array, shared: bool = False) -> Any:
  """The answers of all members at all rows: a numpy tree [M, N, ...].

  Args:
    ask: the question.
    own: of the members, every leaf [M, ...].
    key: handed to every batch as it is.
    shared: every process asks the same of the same members, does a part of the work on all its
      devices, and gets the whole of the answers. Without it a process works on what it was
      given alone, on the devices that hold it.
  """
  members, rows = np.arange(len(jax.tree.leaves(own)[0])), np.arange(ask.count)
  devices = jax.local_devices() if shared else _devices(own)
  if not shared or jax.process_count() == 1:
    return _here(ask, own, members, rows, key, devices)
  wide = placement.wide(len(members), jax.process_count())
  high = jax.process_count() // wide
  block, place = divmod(jax.process_index(), high)
  part = _block(members, block, wide), _block(rows, place, high)
  found = _here(ask, own, *part, key, devices)

  def joined(part: np.ndarray) -> np.ndarray:
    every = arrays.everywhere(part[None])  # [processes, m, n, ...]
    grid = every.reshape(wide, high, *part.shape).swapaxes(1, 2)
    whole = grid.reshape(wide * part.shape[0], high * part.shape[1], *part.shape[2:])
    return whole[: len(members), : ask.count]

  with processes.told_when_another_ends():
    return jax.tree.map(joined, found)


def taken(values: np.ndarray, at: np.ndarray) -> np.ndarray:
  """`values[at]`, without a copy where the places follow one another."""
  run = at[-1] - at[0] + 1 == len(at)
  return values[at[0] : at[-1] + 1] if run else values[at]


def _block(places: np.ndarray, number: int, count: int) -> np.ndarray:
  """One of `count` equal blocks; the last ones are filled up with the last place."""
  size = -(-len(places) // count)
  return places[np.minimum(np.arange(number * size, (number + 1) * size), len(places) - 1)]


def _here(
  ask: Ask, own: Any, members: np.ndarray, rows: np.ndarray, key: Array, devices: list
) -> Any:
  """The answers of some members at some rows, by devices of this process."""
  wide = placement.wide(len(members), len(devices))
  high = len(devices) // wide
  width = min(ask.width, -(-len(rows) // high))
  each = wide * _side_by_side(devices[0].platform, width * ask.inner)
  groups = -(-len(members) // each)
  each = wide * -(-len(members) // (groups * wide))  # as even as they come
  grid, put = _grid(devices, wide)
  program = ask.programs(grid)
  found = []
  for group in range(-(-len(members) // each)):
    chosen = members[
      np.minimum(np.arange(group * each, (group + 1) * each), len(members) - 1)
    ]
    mine = put(jax.tree.map(functools.partial(_members, at=chosen), own), PARTS[0])

    def of_rows(start: int, chosen: np.ndarray = chosen, mine: Any = mine) -> Any:
      at = rows[np.minimum(np.arange(start, start + high * width), len(rows) - 1)]
      shared, both = put(ask.rows(at), PARTS[1]), put(ask.both(chosen, at), PARTS[2])
      return jax.device_get(program(mine, shared, both, key))

    found.append(cores.each(of_rows, range(0, len(rows), high * width), ask.name))
  of_group = [
    jax.tree.map(lambda *parts: np.concatenate(parts, axis=1)[:, : len(rows)], *batches)
    for batches in found
  ]
  return jax.tree.map(lambda *parts: np.concatenate(parts)[: len(members)], *of_group)


def _grid(devices: list, wide: int) -> tuple[Mesh | None, Callable[[Any, P], Any]]:
  """The devices as a grid, `wide` of them for the members, and how a tree is put there."""
  if len(devices) == 1:
    return None, lambda tree, part: jax.device_put(tree, devices[0])
  grid = Mesh(np.asarray(devices).reshape(wide, -1), ("member", "data"))
  return grid, lambda tree, part: jax.device_put(tree, NamedSharding(grid, part))


def _members(x: Any, at: np.ndarray) -> Any:
  """The rows of some members, without a copy where it is all of them."""
  whole = len(at) == len(x) and at[0] == 0 and at[-1] == len(x) - 1
  return x if whole else x[at]


def _devices(own: Any) -> list:
  """Those that hold the members, or all of this process."""
  held = [x.devices() for x in jax.tree.leaves(own) if isinstance(x, jax.Array)]
  return sorted(set().union(*held), key=lambda d: d.id) if held else jax.local_devices()


def _side_by_side(platform: str, rows: int) -> int:
  """How many members a device evaluates at once: as many as ROWS allows, on a CPU one.

  On a CPU a batch of one member occupies the cores, and the activations of more would fall
  out of the cache.
  """
  return 1 if platform == "cpu" else max(1, ROWS // rows)
