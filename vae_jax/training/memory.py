"""The bytes that training needs on a device, counted from shapes and a trace."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.latents import STATE
from vae_jax.training import feed, liveness, step
from vae_jax.types import VAE, Example, Hyper, Params

BETWEEN = 1.1  # what a compiler fills, for what has to be there: measured, docs/scaling.md
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

  def on_each(self, members: int, together: int, rows: float) -> int:
    """Bytes on a device with `members`, `together` at once on the share `rows` of a batch."""
    at_once = together * (self.gradient + math.ceil(self.activations * rows))
    if self.near:
      at_once = max(at_once - self.near, at_once // 8)  # some is in the main memory too
    return self.source + members * self.state + at_once

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
  held = liveness.peak(gradient, state.params, hyper, batch)
  whole = sum(values.nbytes for values in rows.values())
  streamed = whole > config["train"]["resident_bytes"]
  device = device or jax.devices()[0]
  tpu = device.platform == "tpu"
  choices = [choice["train"] for choice in program.dataset.choices]
  arrays = {**rows, "table": feed.Table.of(choices)} if choices else dict(rows)
  source = config["train"]["resident_bytes"] if streamed else nbytes(arrays, tpu)
  parameters = nbytes(state.params)
  at_once = math.ceil(BETWEEN * held) + SMALL
  activations = max(0, at_once - parameters)
  near = NEAR.get(device.device_kind, 0)
  return Memory(nbytes(state, tpu), parameters, activations, source, near)


def _gradient(vae: VAE, config: dict, examples: int) -> Callable[..., tuple]:
  """`(params, hyper, batch) -> ((loss, (metrics, statistics)), gradient)`, as a step takes it."""
  loss = step.batch_loss(vae, config, examples, None)

  def of(params: Params, hyper: Hyper, batch: Example) -> tuple:
    fixed = {part: tree for part, tree in params.items() if part == STATE}
    learned = {part: tree for part, tree in params.items() if part != STATE}
    more = {"lagged": params} if config["optimizer"]["ema"] else {}
    of_learned = lambda learned: loss({**learned, **fixed, **more}, hyper, batch, 0)
    return jax.value_and_grad(of_learned, has_aux=True)(learned)

  return of


def nbytes(tree: object, tpu: bool = False) -> int:
  """Bytes of a tree of arrays or shapes, in a TPU's memory or another."""
  size = liveness.tiled if tpu else lambda shape, width: math.prod(shape) * width
  return sum(size(x.shape, np.dtype(x.dtype).itemsize) for x in jax.tree.leaves(tree))
