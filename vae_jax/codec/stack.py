"""An asymmetric numeral system as a stack of symbols, on several interleaved streams.

A symbol of probability f / 2^p costs log2(2^p / f) bits on the stack, and taking it off again
restores the state exactly, because only integers are used. `constriction` has the same coder
for its own models, one symbol after the other. Here each symbol has its own distribution, and
a whole batch of images is coded by one vector operation.

Duda (2009), "Asymmetric numeral systems"; Giesen (2014), "Interleaved entropy coders".
"""

from collections.abc import Callable

import numpy as np

WORD = 32  # bits that are moved between a head and the tail
LEAST = np.uint64(1 << WORD)  # a head is at least that, and below 2^64
MOST_PRECISION = 31
Find = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


class StreamError(ValueError):
  """More is taken off than was put on: the stream is not what it says."""


class Stack:
  """The streams: a head of 64 bits for each lane, and the words that all of them share."""

  def __init__(self, seed: int | None = None):
    """An empty stack without a lane.

    Args:
      seed: of the random words that are taken where the stack is empty (bits-back needs some
        to begin with); None: taking from an empty stack is an error.
    """
    self.heads = np.zeros(0, np.uint64)
    self.tail = np.zeros(1 << 12, np.uint32)
    self.size = 0
    self.borrowed = 0  # random words that were taken
    self._random = None if seed is None else np.random.Generator(np.random.PCG64(seed))

  def open(self, lanes: int) -> None:
    """Makes it so many lanes at least, each new one begun with a word of the stack.

    A head without a random word in it would give a first symbol that is always the same.
    """
    words = self._take(max(0, lanes - len(self.heads)))
    self.heads = np.concatenate([self.heads, LEAST | words.astype(np.uint64)])

  def close(self, lanes: int) -> None:
    """Undoes `open`: back to so many lanes.

    Raises:
      StreamError: a head is not as `open` made it.
    """
    words = self.heads[lanes:]
    if (words >> np.uint64(WORD) != 1).any():
      raise StreamError("a lane does not end as it began")
    self._append((words & np.uint64(0xFFFFFFFF)).astype(np.uint32))
    self.heads = self.heads[:lanes]

  @property
  def bits(self) -> float:
    """Information on the stack, that of the heads included."""
    return WORD * self.size + float(np.log2(self.heads.astype(np.float64)).sum())

  def push(self, start: np.ndarray, mass: np.ndarray, precision: int) -> None:
    """Puts a symbol on each of the first n lanes, which takes [start, start + mass) of 2^p.

    Args:
      start: [n] integers.
      mass: [n] integers, 1 ... 2^p - 1.
      precision: p, at most 31.
    """
    start, mass = (np.asarray(v, np.uint64) for v in (start, mass))
    head = self.heads[: len(start)]
    full = head >= mass << np.uint64(64 - precision)
    self._append((head[full] & np.uint64(0xFFFFFFFF)).astype(np.uint32))
    head[full] >>= np.uint64(WORD)
    quotient, rest = np.divmod(head, mass)
    head[:] = (quotient << np.uint64(precision)) + rest + start

  def pop(self, count: int, find: Find, precision: int) -> np.ndarray:
    """Takes a symbol off each of the first `count` lanes.

    Args:
      count: n.
      find: places [n] in 0 ... 2^p - 1 -> symbols, their starts and their masses, [n] each.
      precision: p.

    Raises:
      StreamError: the stack has no more words.
    """
    head, bits = self.heads[:count], np.uint64(precision)
    place = head & ((np.uint64(1) << bits) - np.uint64(1))
    symbol, start, mass = find(place.astype(np.int64))
    start, mass = start.astype(np.uint64), mass.astype(np.uint64)
    head[:] = mass * (head >> bits) + place - start
    low = head < LEAST
    words = self._take(int(low.sum()))
    head[low] = (head[low] << np.uint64(WORD)) | words.astype(np.uint64)
    return symbol

  def _append(self, words: np.ndarray) -> None:
    need = self.size + len(words)
    if need > len(self.tail):
      self.tail = np.resize(self.tail, max(need, 2 * len(self.tail)))
    self.tail[self.size : need] = words
    self.size = need

  def _take(self, count: int) -> np.ndarray:
    known = min(count, self.size)
    words = self.tail[self.size - known : self.size].copy()
    self.size -= known
    if known == count:
      return words
    if self._random is None:
      raise StreamError("the stream ends too early")
    self.borrowed += count - known
    drawn = self._random.integers(0, 1 << WORD, count - known, np.uint64)
    return np.concatenate([drawn.astype(np.uint32), words])

  def dump(self) -> tuple[np.ndarray, np.ndarray]:
    """The heads uint64 [lanes] and the words uint32 of the stack."""
    return self.heads, self.tail[: self.size]

  @staticmethod
  def load(heads: np.ndarray, words: np.ndarray) -> "Stack":
    """A stack from what `dump` gave.

    Raises:
      StreamError: a head is not one that `push` leaves.
    """
    if (heads < LEAST).any():
      raise StreamError("a head is too small")
    stack = Stack()
    stack.heads = heads.copy()
    stack.tail, stack.size = words.copy(), len(words)
    return stack
