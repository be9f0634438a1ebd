"""Real numbers in a file, rounded to a step: what a lossy code takes."""

import struct

import numpy as np
from scipy.special import ndtr

from vae_jax.codec import tables
from vae_jax.codec.stack import Stack, StreamError

LANES = 4  # streams side by side: each costs 8 bytes at the end
REACH = 2**11  # steps each way that a number can be from the mean
HEAD = "<IHfI"  # rows, columns, step, words


def pack(z: np.ndarray, mean: np.ndarray, std: np.ndarray, step: float) -> bytes:
  """A file of z [N, L], each number rounded to a multiple of `step` from its column's mean.

  A whole number k is coded under N(0, std^2) integrated over k ± 1/2 steps; means and deviations
  of the columns are in the file, as float32. Numbers beyond REACH steps are cut.
  """
  mean, std = (np.asarray(v, np.float32) for v in (mean, std))
  step = float(np.float32(step))
  k = np.clip(np.rint((z - mean) / step), -REACH, REACH - 1).astype(np.int64) + REACH
  stack = Stack(seed=0)
  stack.open(LANES)
  for rows, column in reversed(_turns(*k.shape)):
    start = _start(np.full(len(rows), std[column]), step)
    stack.push(*tables.masses(start, k[rows, column]), tables.SYMBOL)
  heads, words = stack.dump()
  head = struct.pack(HEAD, *k.shape, step, len(words))
  return head + mean.tobytes() + std.tobytes() + heads.tobytes() + words.tobytes()


def unpack(content: bytes) -> np.ndarray:
  """The rounded numbers [N, L] of a file of `pack`, float32.

  Raises:
    StreamError: the file is not one of them.
  """
  at = struct.calcsize(HEAD)
  rows, columns, step, words = struct.unpack(HEAD, content[:at])
  if len(content) != at + 8 * columns + 8 * LANES + 4 * words:
    raise StreamError("the file is not as long as it says")
  mean, std = np.frombuffer(content, np.float32, 2 * columns, at).reshape(2, -1)
  heads = np.frombuffer(content, np.uint64, LANES, at + 8 * columns)
  tail = np.frombuffer(content, np.uint32, words, at + 8 * columns + 8 * LANES)
  stack, k = Stack.load(heads, tail), np.zeros((rows, columns), np.int64)
  for lanes, column in _turns(rows, columns):
    start = _start(np.full(len(lanes), std[column]), step)
    find = tables.finder(start, 2 * REACH)
    k[lanes, column] = stack.pop(len(lanes), find, tables.SYMBOL)
  return (mean + (k - REACH) * step).astype(np.float32)


def _turns(rows: int, columns: int) -> list[tuple[np.ndarray, int]]:
  """The rows that are coded side by side, and their column, in order."""
  blocks = [np.arange(a, min(a + LANES, rows)) for a in range(0, rows, LANES)]
  return [(block, column) for block in blocks for column in range(columns)]


def _start(std: np.ndarray, step: float) -> tables.Cumulative:
  scale = step / np.maximum(std.astype(np.float64), 1e-6)
  below = lambda k: ndtr((k - REACH - 0.5) * scale)
  return tables.integers(below, 2 * REACH, tables.SYMBOL)
