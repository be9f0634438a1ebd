"""Lossless compression with a trained VAE: `compress` and `decompress`.

python -m vae_jax.codec compress images.npz out.vjz --run runs/mnist
python -m vae_jax.codec decompress out.vjz again.npz --run runs/mnist
python -m vae_jax.codec info out.vjz
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from vae_jax.codec import binding, chain, container
from vae_jax.codec.stack import Stack, StreamError
from vae_jax.run import Run
from vae_jax.types import UserError

BLOCK = 10_000  # examples that are coded together: what is in memory at once
MOST_A_BIT = 64  # examples that a bit of a stream may stand for: none says more
SEED = 0  # of the random bits that a stream begins with
Say = Callable[[int], None]


class Made(NamedTuple):
  """A file, and what its bits are."""

  content: bytes
  bits: int  # of the streams, their random bits included
  borrowed: int  # random bits that they began with, which a receiver gets back


def compress(
  run: Run,
  x: np.ndarray,
  member: int = 0,
  say: Say = lambda n: None,
  label: np.ndarray | None = None,
) -> Made:
  """Examples as a file of nearly their negative ELBO.

  Args:
    run: whose model codes; `decompress` needs the same one.
    x: [N, *shape] as the dataset stores them: integers 0 ... V - 1, or grey levels 0 ... 255
      of a likelihood with 256 levels.
    member: of the run.
    say: called with the number of examples that are done.
    label: [N] integers, of a conditional model: they are in the file.

  Raises:
    UserError: examples or a model that cannot be coded.
  """
  parts = list(blocks(run, x, member, say, label))
  return Made(
    b"".join(part.content for part in parts),
    sum(part.bits for part in parts),
    sum(part.borrowed for part in parts),
  )


def blocks(
  run: Run,
  x: np.ndarray,
  member: int = 0,
  say: Say = lambda n: None,
  label: np.ndarray | None = None,
) -> Iterator[Made]:
  """As `compress`, BLOCK examples after BLOCK examples: x may be an array on the disk."""
  binding.check(run)
  digest, sum_so_far, total = binding.digest(run, member), b"", len(x)
  model = binding.bind(run, member, chain.examples(min(total, BLOCK)))
  for before in range(0, max(total, 1), BLOCK):
    own = symbols(run, x[before : before + BLOCK])
    named = None if label is None else label[before : before + BLOCK]
    named = _labels(model.classes, named, len(own))
    rows = chain.examples(len(own))
    if before and rows != chain.examples(BLOCK):
      model = binding.bind(run, member, rows)
    stack = _coded(model, own, named, lambda done, before=before: say(before + done))
    sum_so_far = _checksum(sum_so_far, own, named)
    ends = (total, before, len(own), stack.borrowed)
    block = container.Block(digest, sum_so_far, *ends, *stack.dump())
    bits = 32 * stack.size + container.head_bits(stack.heads)
    yield Made(container.write(block), bits, 32 * stack.borrowed)


def _coded(model: chain.Model, x: np.ndarray, label: np.ndarray, say: Say) -> Stack:
  stack, done = Stack(SEED), 0
  for step in chain.steps(len(x)):
    stack.open(step.lanes)
    own = slice(done, done + step.count)
    chain.put(stack, model, x[own], label[own], step.wide)
    done += step.count
    say(done)
  return stack


def decompress(
  run: Run,
  content: bytes,
  member: int = 0,
  name: str = "The file",
  say: Say = lambda n: None,
) -> np.ndarray:
  """The examples [N, *shape] of a file, as integers 0 ... V - 1, exactly.

  Raises:
    UserError: no such file, another model, or a stream that gives anything but the original.
  """
  return np.concatenate([x for x, _ in unblocked(run, content, member, name, say)])


def unblocked(
  run: Run,
  content: bytes,
  member: int = 0,
  name: str = "The file",
  say: Say = lambda n: None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """As `decompress`, block after block: the examples [n, *shape] of each, and their labels [n].

  The labels are 0 of a model that is not conditional.
  """
  found = container.read(content, name)
  if found[0].model != binding.digest(run, member):
    raise UserError(f"{name} was made with another model than {run.workdir}.")
  model, rows, sum_so_far = None, 0, b""
  for block in found:
    if block.count > MOST_A_BIT * 32 * (len(block.words) + 2 * len(block.heads)):
      raise UserError(
        f"{name} says it holds {block.count:,} examples, more than its length allows."
      )
    if rows != chain.examples(block.count):
      rows = chain.examples(block.count)
      model = binding.bind(run, member, rows)
    try:
      x, label = _decoded(model, block, lambda n, own=block: say(own.before + n))
    except StreamError as error:
      raise UserError(f"{name} does not decode here: {error}. {_WHY}") from error
    sum_so_far = _checksum(sum_so_far, x, label)
    if sum_so_far != block.original:
      raise UserError(f"{name} does not decode here to what was put in. {_WHY}")
    kind = np.uint8 if model.symbols <= 256 else np.int32
    yield x.astype(kind).reshape(-1, *run.spec.shape), label


def _decoded(
  model: chain.Model, block: container.Block, say: Say
) -> tuple[np.ndarray, np.ndarray]:
  steps, done, found = chain.steps(block.count), 0, []
  stack = Stack.load(block.heads, block.words)
  for at in reversed(range(len(steps))):
    found.append(chain.take(stack, model, *steps[at]))
    stack.close(chain.lanes_of(steps[:at]))
    done += steps[at].count
    say(done)
  _check_end(stack, block.borrowed)
  empty = np.zeros((0, model.size), np.int64), np.zeros(0, np.int64)
  x, label = zip(empty, *reversed(found), strict=True)
  return np.concatenate(x), np.concatenate(label)


def _check_end(stack: Stack, borrowed: int) -> None:
  """What is left of a stream are the random words that it began with."""
  known = Stack(SEED)._take(borrowed) if borrowed <= stack.size else None
  if known is None or not np.array_equal(np.sort(stack.tail[: stack.size]), np.sort(known)):
    raise StreamError("what is left is not what the stream began with")


_WHY = (
  "The codec relies on float64 arithmetic that agrees between both sides to 1e-12; decode with"
  " the versions of jaxlib, numpy and scipy that compressed it."
)


def symbols(run: Run, x: np.ndarray) -> np.ndarray:
  """Examples as integers 0 ... V - 1, [N, D]."""
  shape, levels = run.spec.shape, run.likelihood.symbols
  x = np.asarray(x)
  if x.shape[1:] != shape and x.shape[1:] == shape[:-1] and shape[-1] == 1:
    x = x[..., None]
  if x.shape[1:] != shape or x.dtype.kind not in "biuf":
    raise UserError(
      f"The examples have shape {x.shape} and type {x.dtype}; expected numbers"
      f" [N, {', '.join(map(str, shape))}]."
    )
  if x.dtype.kind == "f" and run.spec.domain not in ("category", "mixed"):
    x = x * (levels - 1)
  whole = np.round(x).astype(np.int64)
  if x.size and (
    np.abs(whole - x).max() > 1e-3 or whole.min() < 0 or whole.max() >= levels
  ):
    raise UserError(
      f"The examples are no levels 0 ... {levels - 1} of the likelihood"
      f" {run.likelihood.name!r}: expected such integers, or multiples of 1/{levels - 1}."
    )
  return whole.reshape(len(x), run.spec.size)


def _labels(classes: int, label: np.ndarray | None, count: int) -> np.ndarray:
  """The labels [N] of a conditional model; zeros of another."""
  if not classes:
    return np.zeros(count, np.int64)
  found = None if label is None else np.asarray(label)
  if (
    found is None
    or found.shape != (count,)
    or found.dtype.kind not in "iu"
    or (count and not 0 <= found.min() <= found.max() < classes)
  ):
    raise UserError(
      f"The model is conditional on a label: give one integer 0 ... {classes - 1} for each of"
      f" the {count:,} examples."
    )
  return found.astype(np.int64)


def _checksum(before: bytes, x: np.ndarray, label: np.ndarray) -> bytes:
  """A digest of these symbols and of all before them."""
  found = hashlib.sha256(before + x.astype("<u2").tobytes())
  found.update(label.astype("<u2").tobytes())
  return found.digest()
