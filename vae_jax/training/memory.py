"""The bytes that training needs on a device, counted from shapes and a trace."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.latents import divided
from vae_jax.training import feed, liveness, step
from vae_jax.types import VAE, Example, Hyper, Params

# All measured, docs/scaling.md.
BETWEEN = 1.1  # what a compiler fills, for what has to be there
BETWEEN_TPU = 1.05  # the same of a TPU
TWICE = 1.75  # room of a stack that a TPU leaves in its main memory
BROUGHT = 14_000_000  # bytes that a TPU carries near its products while a program begins,
MEANWHILE = 6  # or so many times the data that it copies there in the meantime
TABLES = (
  7_000_000  # bytes of a program that does not carry its state near: 3.5 to 12.5 million
)
SMALL = 100_000  # bytes of counters, random numbers and the like
# The vector memory of the chips that a compiled program was seen to fill; others count as 0.
NEAR = {"TPU v5 lite": 2**27, "TPU v5e": 2**27}


class Memory(NamedTuple):
  """Bytes that training needs, counted from shapes."""

  state: int  # of a member: parameters, moments, average
  gradient: int  # of a member
  activations: int  # of a member and a whole batch: what a step holds besides
  source: int  # of the data on each device
  near: int = 0  # beside a device's products, where what a step holds may lie instead
  gaps: int = 0  # of a member and a whole batch, on a TPU: of the tiles that a step holds
  turned: int = 0  # of the same: stacks of loops that never lie near
  copied: int = 0  # of the data on a TPU: once more, row by row, where it does not lie so

  def on_each(self, members: int, together: int, rows: float) -> int:
    """Bytes on a device with `members`, `together` at once on the share `rows` of a batch."""
    whole = self.source + members * self.state
    at_once = together * (self.gradient + math.ceil(self.activations * rows))
    stacks = together * math.ceil(self.turned * rows)
    gaps = together * math.ceil(self.gaps * rows) if self.near else 0
    tiles = at_once + gaps
    left = max(0, tiles - self.near) + self._tables(together)
    return whole + self._second(tiles + together * self.state) + left + stacks

  def _tables(self, together: int) -> int:
    """Bytes that a TPU's program needs to read its state from the main memory in each step.

    Seen of v5e: the state, and data that is not copied, are carried near the products from step
    to step where they are few, or where data is copied there and takes as long.
    """
    carried = together * self.state + (0 if self.copied else self.source)
    small = carried <= max(BROUGHT, MEANWHILE * self.copied)
    return 0 if small or not self.near else TABLES

  def _second(self, beside: int) -> int:
    """Bytes of the second copy of the data that lie in the main memory, `beside` others near.

    Seen of v5e: small ones are always near, one that does not fit near at all is not made, and
    others lie where the state and what the step holds leave them room.
    """
    if not self.near:
      return self.copied
    if not self.near / 8 < self.copied <= self.near:
      return 0
    return min(self.copied, max(0, self.copied + beside - self.near))

  def saved(self, members: int) -> int:
    """Bytes of a checkpoint: every state, and as many parameters again, the best."""
    return members * (self.state + self.gradient)


def memory(program: Any, device: Any = None) -> Memory:
  """The bytes of one member, from shapes alone: nothing is compiled or run.

  Args:
    program: a `plan.Program`.
    device: that it is for, when it is not this machine's; on a TPU arrays lie in tiles.
  """
  vae, config = program.vae, program.config
  init = functools.partial(step.init, vae, config)
  state = jax.eval_shape(init, jax.ShapeDtypeStruct((), "int32"))
  rows = program.dataset.splits["train"]
  width = config["train"]["batch_size"]
  fields = {
    k: jax.ShapeDtypeStruct((width, *v.shape[1:]), v.dtype) for k, v in rows.items()
  }
  ids = jax.ShapeDtypeStruct((width,), np.int32)
  transform = program.dataset.transform
  batch = jax.eval_shape(lambda f, i: feed.prepare(transform, 0, i, f, i), fields, ids)
  batch = {**batch, "mask": jax.ShapeDtypeStruct((width,), np.float32)}
  hyper = {k: jax.ShapeDtypeStruct((), v.dtype) for k, v in program.hyper.items()}
  gradient = _gradient(vae, config, program.feed.examples)
  count = liveness.counter(gradient, state.params, hyper, batch)
  whole = sum(values.nbytes for values in rows.values())
  streamed = whole > config["train"]["resident_bytes"]
  device = device or jax.devices()[0]
  tpu = device.platform == "tpu"
  choices = [choice["train"] for choice in program.dataset.choices]
  arrays = {**feed.flat(rows), **({"table": feed.Table.of(choices)} if choices else {})}
  source = config["train"]["resident_bytes"] if streamed else nbytes(arrays, tpu)
  parameters = nbytes(state.params)
  held = count(_unturned if tpu else liveness.plain)
  filled = math.ceil((BETWEEN_TPU if tpu else BETWEEN) * held)
  activations = max(0, filled + SMALL - parameters)
  found = Memory(nbytes(state, tpu), parameters, activations, source)
  if not tpu:
    return found
  return found._replace(
    near=NEAR.get(device.device_kind, 0),
    gaps=max(0, count(_tiles) - held),
    turned=count(_turned),
    copied=0 if streamed else _copied(feed.flat(rows)),
  )


def _copied(fields: dict[str, np.ndarray]) -> int:
  """Bytes of a TPU's copy of fields whose rows do not lie one after another in their tiles."""
  of_row = lambda n, d, width: n * width * 128 * -(-d // 128)
  return sum(
    of_row(*x.shape, x.dtype.itemsize)
    for x in fields.values()
    if x.ndim == 2 and liveness.is_turned(x.shape, x.dtype.itemsize)
  )


def _tiles(shape: tuple[int, ...], width: int, stacked: bool) -> int:
  """Bytes in tiles of what is not `_turned`."""
  return 0 if _turned(shape, width, stacked) else liveness.tiled(shape, width)


def _turned(shape: tuple[int, ...], width: int, stacked: bool) -> int:
  """Bytes of what one loop stacks for another in another order of axes, and of nothing else.

  XLA was seen to leave such a stack in a TPU's main memory, where it has others near the products,
  and to need 1.6 times its room: for the empty stack before the loop, and the full one.
  """
  turned = stacked and liveness.is_turned(shape, width)
  return math.ceil(TWICE * liveness.tiled(shape, width)) if turned else 0


def _unturned(shape: tuple[int, ...], width: int, stacked: bool) -> int:
  """Bytes of everything else, without the gaps of tiles."""
  return 0 if _turned(shape, width, stacked) else liveness.plain(shape, width, stacked)


def _gradient(vae: VAE, config: dict, examples: int) -> Callable[..., tuple]:
  """`(params, hyper, batch) -> ((loss, (metrics, statistics)), gradient)`, as a step takes it."""
  loss = step.batch_loss(vae, config, examples, None)

  def of(params: Params, hyper: Hyper, batch: Example) -> tuple:
    learned, fixed = divided(params, config)
    more = {"lagged": params} if config["optimizer"]["ema"] else {}
    of_learned = lambda learned: loss({**learned, **fixed, **more}, hyper, batch, 0)
    return jax.value_and_grad(of_learned, has_aux=True)(learned)

  return of


def nbytes(tree: object, tpu: bool = False) -> int:
  """Bytes of a tree of arrays or shapes, in a TPU's memory or another."""
  size = liveness.tiled if tpu else lambda shape, width: math.prod(shape) * width
  return sum(size(x.shape, np.dtype(x.dtype).itemsize) for x in jax.tree.leaves(tree))
