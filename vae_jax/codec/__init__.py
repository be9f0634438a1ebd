"""Lossless compression with a trained VAE: `compress` and `decompress`.

python -m vae_jax.codec compress images.npz out.vjz --run runs/mnist
python -m vae_jax.codec decompress out.vjz again.npz --run runs/mnist
python -m vae_jax.codec info out.vjz
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vae_jax.codec import binding, chain, container
from vae_jax.codec.stack import Stack, StreamError
from vae_jax.run import Run
from vae_jax.types import UserError

MOST_A_BIT = 64  # examples that a bit of a stream may stand for: none says more
SEED = 0  # of the random bits that a stream begins with
Say = Callable[[int], None]


class Made(NamedTuple):
  """A file, and what its bits are."""

  content: bytes
  bits: int  # of the stream, its random bits included
  borrowed: int  # random bits that it began with, which a receiver gets back


def compress(run: Run, x: np.ndarray, member: int = 0, say: Say = lambda n: None) -> Made:
  """Examples as a file of nearly their negative ELBO.

  Args:
    run: whose model codes; `decompress` needs the same one.
    x: [N, *shape] as the dataset stores them: integers 0 ... V - 1, or grey levels 0 ... 255
      of a likelihood with 256 levels.
    member: of the run.
    say: called with the number of examples that are done.

  Raises:
    UserError: examples or a model that cannot be coded.
  """
  binding.check(run)
  coded = symbols(run, x)
  model = binding.bind(run, member, chain.lanes(len(x)))
  stack, done = Stack(SEED), 0
  for size in chain.sizes(len(x)):
    stack.open(size)
    chain.put(stack, model, coded[done : done + size])
    done += size
    say(done)
  heads, words = stack.dump()
  digest = binding.digest(run, member)
  file = container.File(digest, _checksum(coded), len(x), stack.borrowed, heads, words)
  return Made(container.write(file), stack.bits, 32 * stack.borrowed)


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
  file = container.read(content, name)
  if file.model != binding.digest(run, member):
    raise UserError(f"{name} was made with another model than {run.workdir}.")
  if file.count > MOST_A_BIT * 32 * (len(file.words) + 2 * len(file.heads)):
    raise UserError(
      f"{name} says it holds {file.count:,} examples, more than its length allows."
    )
  model = binding.bind(run, member, chain.lanes(file.count))
  steps, found, done = chain.sizes(file.count), [], 0
  try:
    stack = Stack.load(file.heads, file.words)
    for at in reversed(range(len(steps))):
      found.append(chain.take(stack, model, steps[at]))
      stack.close(max(steps[:at], default=0))
      done += steps[at]
      say(done)
    _check_end(stack, file.borrowed)
  except StreamError as error:
    raise UserError(f"{name} does not decode here: {error}. {_WHY}") from error
  empty = np.zeros((0, run.spec.size), np.int64)
  found = np.concatenate([empty, *reversed(found)])
  if _checksum(found) != file.original:
    raise UserError(f"{name} does not decode here to what was put in. {_WHY}")
  kind = np.uint8 if model.symbols <= 256 else np.int32
  return found.astype(kind).reshape(-1, *run.spec.shape)


def _check_end(stack: Stack, borrowed: int) -> None:
  """What is left of a stream are the random words that it began with."""
  known = Stack(SEED)._take(borrowed)
  if not np.array_equal(np.sort(stack.tail[: stack.size]), np.sort(known)):
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
  if x.dtype.kind == "f" and run.spec.domain != "category":
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


def _checksum(symbols: np.ndarray) -> bytes:
  return hashlib.sha256(symbols.astype("<u2").tobytes()).digest()
