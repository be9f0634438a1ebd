"""How many bytes a traced function holds at once, counted without compiling it.

A compiler writes the results of products, loops and sums to memory and fuses what is between
them. So a value is counted if it is such a result, if a product or a loop reads it, if it is
costly and read twice, or if it leaves the function. It is counted from there to its last
use. Every other value is made again wherever it is read.

An operation comes as soon as what it reads is there, which is the order of XLA on a CPU. What
a loop writes, step by step, is kept to the end: the gradients that are made of it can wait.
"""

import collections
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # the bodies of calls that are their bodies
# What these read has to be in memory, and so have their results.
WHOLE = {
  "dot_general", "conv_general_dilated", "scan", "while", "cond", "sort", "gather",
  "scatter", "scatter-add", "cumsum", "cumlogsumexp", "cummax", "cumprod", "top_k", "argmax",
  "argmin", "dynamic_update_slice", "reduce_window_sum", "cholesky", "triangular_solve",
  "eigh", "lu", "qr", "fft", "psum", "all_gather",
}  # fmt: skip
# Their results are in memory.
SUMS = {
  "reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or",
}  # fmt: skip
# Not made twice.
DEAR = {
  "exp", "exp2", "expm1", "log", "log1p", "tanh", "logistic", "erf", "erf_inv", "sin", "cos",
  "pow", "sqrt", "rsqrt", "div", "rem", "lgamma", "digamma", "random_bits",
}  # fmt: skip
# Written where their first operand lies, if nothing else reads it.
PLACED = {"scatter", "scatter-add", "dynamic_update_slice"}
# They put numbers elsewhere, so that their result cannot take the place of what they read.
MOVES = {
  "transpose", "concatenate", "pad", "slice", "dynamic_slice", "rev", "broadcast_in_dim",
  "split",
}  # fmt: skip

Sets = dict[int, frozenset]
# (shape, bytes of one value, whether one loop stacks it for another) -> bytes
Size = Callable[[tuple[int, ...], int, bool], int]


class _Step(NamedTuple):
  """One operation of a flat program; values are numbers, -1 for a literal."""

  name: str
  reads: list[int]
  writes: list[int]
  inside: int  # bytes that its body holds besides them


class _Flat(NamedTuple):
  """A program without calls."""

  size: Size
  stacks: dict[int, Any]  # what loops write step by step: value -> variable
  steps: list[_Step]
  sizes: list[int]  # bytes of each value
  inputs: list[int]
  outputs: list[int]


class _Facts(NamedTuple):
  """What is known of the values of a program."""

  kept: set[int]  # those in memory
  last: dict[int, int]  # of what is in memory and read: the operation that reads it last
  under: Sets  # those whose place a value can take, as far as that is free


def plain(shape: tuple[int, ...], width: int, stacked: bool) -> int:
  """Bytes of an array without gaps."""
  del stacked
  return math.prod(shape) * width


def peak(fn: Callable, *shapes: Any) -> int:
  """The most bytes that `fn` holds at once, its results included.

  Args:
    fn: a pure function of trees of arrays.
    shapes: of its arguments. The first is held by the caller and not counted.
  """
  return counter(fn, *shapes)(plain)


def counter(fn: Callable, *shapes: Any) -> Callable[[Size], int]:
  """`size -> bytes`: as `peak`, traced once, with arrays of the sizes that are given."""
  closed = jax.make_jaxpr(fn)(*shapes)
  held = len(jax.tree.leaves(shapes[0]))

  def count(size: Size) -> int:
    flat = _flat(closed.jaxpr, size)
    return _peak(flat, set(flat.inputs[:held]))

  return count


def tiled(shape: tuple[int, ...], width: int) -> int:
  """Bytes of an array in a TPU's memory, where its two last axes are cut into tiles.

  The last axis is filled up to a multiple of 128, and the one before to a multiple of 8, or to 1, 2
  or 4 if it is as short. A word of 32 bits is of one column. The compiler chooses which axes these
  are. Here the choice that wastes least is assumed.

  Args:
    shape: of the array.
    width: bytes of one value.
  """
  if len(shape) < 2 or not math.prod(shape):
    return 128 * width * -(-math.prod(shape) // 128)
  places = range(len(shape))
  return min(_laid(shape, width, i, j) for i in places for j in places if i != j)


def is_turned(shape: tuple[int, ...], width: int) -> bool:
  """Whether a TPU's memory has fewer gaps with another axis than the last one in rows of 128."""
  if len(shape) < 2 or not math.prod(shape):
    return False
  last = len(shape) - 1
  return tiled(shape, width) < min(_laid(shape, width, last, j) for j in range(last))


def _laid(shape: tuple[int, ...], width: int, i: int, j: int) -> int:
  """Bytes with the axis i in rows of 128 and the axis j in the tile's 8 rows."""
  up = lambda n, to: to * -(-n // to)
  short = max(min(8, 1 << (shape[j] - 1).bit_length()), 4 // width)
  rest = math.prod(shape) // (shape[i] * shape[j])
  return width * rest * up(shape[i], 128) * up(shape[j], short)


def _flat(jaxpr: Any, size: Size) -> _Flat:
  """A jaxpr without calls, and without operations whose results are not read."""
  flat, names = _Flat(size, {}, [], [], [], []), {}
  for var in [*jaxpr.constvars, *jaxpr.invars]:
    names[var] = _new(flat, var)
  _walk(jaxpr, names, flat)
  outputs = [_at(names, var) for var in jaxpr.outvars]
  wanted, steps = set(outputs), []
  for step in reversed(flat.steps):
    if wanted.intersection(step.writes):
      wanted.update(step.reads)
      steps.append(step)
  looped = {v for step in steps if step.name == "scan" for v in step.reads}
  for value in looped.intersection(flat.stacks):
    flat.sizes[value] = _bytes(flat, flat.stacks[value], True)
  inputs = [names[var] for var in jaxpr.invars]
  return flat._replace(steps=_ordered(steps[::-1]), inputs=inputs, outputs=outputs)


def _walk(jaxpr: Any, names: dict, flat: _Flat) -> None:
  """Adds the operations of a jaxpr, with the bodies of calls in their place."""
  for eqn in jaxpr.eqns:
    reads = [_at(names, var) for var in eqn.invars]
    body = next((eqn.params[k] for k in CALLS if k in eqn.params), None)
    if body is None or eqn.primitive.name in WHOLE:
      writes = [_new(flat, var) for var in eqn.outvars]
      if eqn.primitive.name == "scan":
        first = eqn.params["num_carry"]
        flat.stacks.update(zip(writes[first:], eqn.outvars[first:], strict=True))
      names.update(zip(eqn.outvars, writes, strict=True))
      flat.steps.append(_Step(eqn.primitive.name, reads, writes, _inside(eqn, flat.size)))
      continue
    body = getattr(body, "jaxpr", body)
    inner = dict(zip(body.invars, reads, strict=True))
    inner |= {var: _new(flat, var) for var in body.constvars}
    _walk(body, inner, flat)
    outs = [_at(inner, var) for var in body.outvars]
    names.update(zip(eqn.outvars, outs, strict=True))


def _inside(eqn: Any, size: Size) -> int:
  """Bytes that the body of a loop or of a choice holds besides what goes in and out."""
  if eqn.primitive.name == "scan":
    flat = _flat(eqn.params["jaxpr"].jaxpr, size)
    carried = eqn.params["num_consts"] + eqn.params["num_carry"]
    return _peak(flat, set(flat.inputs[:carried]))
  bodies = {"while": ("body_jaxpr",), "cond": ("branches",)}.get(eqn.primitive.name, ())
  flats = [_flat(b.jaxpr, size) for k in bodies for b in _several(eqn.params[k])]
  return max((_peak(flat, set(flat.inputs)) for flat in flats), default=0)


def _several(value: Any) -> tuple:
  return value if isinstance(value, tuple | list) else (value,)


def _ordered(steps: list[_Step]) -> list[_Step]:
  """Each as soon as what it reads is there."""
  level: dict[int, int] = {}
  of = []
  for step in steps:
    of.append(1 + max((level.get(v, 0) for v in step.reads), default=0))
    level.update(dict.fromkeys(step.writes, of[-1]))
  return [steps[i] for i in sorted(range(len(steps)), key=lambda i: (of[i], i))]


def _peak(flat: _Flat, free: set[int]) -> int:
  """The most bytes at once; values in `free` are counted elsewhere."""
  facts = _facts(flat)
  size = lambda value: 0 if value in free else flat.sizes[value]
  dies = collections.defaultdict(set)
  for value, at in facts.last.items():
    dies[at].add(value)
  now = most = sum(size(v) for v in set(flat.inputs) if v in facts.last)
  for at, step in enumerate(flat.steps):
    new = [v for v in step.writes if v in facts.kept]
    made, gone = sum(map(size, new)), sum(map(size, dies[at]))
    shared = 0
    for value in new:
      over = [w for w in facts.under[value] & dies[at] if size(w) >= size(value)]
      shared += size(value) if over else 0
    most = max(most, now + made - shared + step.inside)
    now += made - gone - sum(size(v) for v in new if v not in facts.last)
  return most


def _facts(flat: _Flat) -> _Facts:
  kept, end = _kept(flat), len(flat.steps)
  # What has to be in memory for a value to be made, and that of it which is not moved.
  sources: Sets = {v: frozenset([v]) for v in range(len(flat.sizes))} | {-1: frozenset()}
  straight, under = dict(sources), dict.fromkeys(sources, frozenset())
  last: dict[int, int] = {}
  looped: set[int] = set()
  for at, step in enumerate(flat.steps):
    of = frozenset().union(*(sources[v] for v in step.reads))
    whole = step.name in WHOLE | SUMS
    unmoved = [] if whole or step.name in MOVES else step.reads
    place = frozenset().union(*(straight[v] for v in unmoved))
    under.update(dict.fromkeys(step.writes, place))
    if step.name in PLACED:
      under[step.writes[0]] = frozenset(step.reads[:1])
    if step.name == "scan" or (not whole and looped.intersection(step.reads)):
      looped.update(step.writes)
    for value in step.writes:
      if value in kept:
        last.update(dict.fromkeys(of, at))
      else:
        sources[value], straight[value] = of, place
  for value in flat.outputs:
    last.update(dict.fromkeys(sources[value], end))
  last.update({value: end for value in looped if value in last})
  return _Facts(kept, last, under)


def _kept(flat: _Flat) -> set[int]:
  """The values that are in memory."""
  kept = {*flat.inputs, *flat.outputs}
  readers = collections.Counter(v for step in flat.steps for v in set(step.reads))
  for step in flat.steps:
    if step.name in WHOLE:
      kept.update(step.reads)
    if step.name in WHOLE | SUMS:
      kept.update(step.writes)
    if step.name in DEAR:
      kept.update(v for v in step.writes if readers[v] > 1)
  return kept


def _new(flat: _Flat, var: Any) -> int:
  flat.sizes.append(_bytes(flat, var, False))
  return len(flat.sizes) - 1


def _bytes(flat: _Flat, var: Any, stacked: bool) -> int:
  shape, dtype = var.aval.shape, var.aval.dtype
  if jax.dtypes.issubdtype(dtype, jax.dtypes.extended):  # of a key
    shape, dtype = (*shape, 2), np.uint32
  return flat.size(shape, np.dtype(dtype).itemsize, stacked)


def _at(names: dict, var: Any) -> int:
  return -1 if hasattr(var, "val") else names[var]
