"""Rows of few ones among many places, stored small and made dense inside the program.

A row is stored as the places of its ones, int32 [W], filled up with I; or, where that is no
less, as bits in words, int32 [ceil(I / 32)]. What is stored is told from its width alone.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import scipy.sparse

from vae_jax.data import _bits
from vae_jax.types import Array, Example

CHUNK = 4096  # rows made dense at once on the host


def words(items: int) -> int:
  """Words of 32 bits that hold a row of I places."""
  return -(-items // _bits.WORD)


def padded(rows: scipy.sparse.csr_array, width: int) -> np.ndarray:
  """The places of the ones of each row, int32 [N, width], filled up with I."""
  counts = np.diff(rows.indptr)
  found = np.full((rows.shape[0], width), rows.shape[1], np.int32)
  found[np.arange(width)[None] < counts[:, None]] = rows.indices
  return found


def packed(rows: scipy.sparse.csr_array) -> np.ndarray:
  """Rows as bits in words, int32 [N, ceil(I / 32)]; a dense copy of CHUNK rows at a time."""
  count, items = rows.shape
  found = np.zeros((count, words(items)), np.int32)
  for start in range(0, count, CHUNK):
    part = rows[start : start + CHUNK]
    dense = np.zeros((part.shape[0], words(items) * _bits.WORD), bool)
    dense[part.nonzero()] = True
    found[start : start + CHUNK] = _bits.pack(dense)
  return found


def store(parts: dict[str, scipy.sparse.csr_array]) -> dict[str, np.ndarray]:
  """The rows of every split in whichever of the two ways is smaller, the same for all."""
  items = next(iter(parts.values())).shape[1]
  width = max(1, *(int(np.diff(rows.indptr).max(initial=0)) for rows in parts.values()))
  if width < words(items):
    return {name: padded(rows, width) for name, rows in parts.items()}
  return {name: packed(rows) for name, rows in parts.items()}


def load(stored: np.ndarray, items: int) -> scipy.sparse.csr_array:
  """The inverse of `store` for one split: [N, I] of ones, float32."""
  if stored.shape[1] < words(items):
    row, column = np.nonzero(stored < items)
    place = stored[row, column]
  else:
    pairs = []
    for start in range(0, len(stored), CHUNK):
      size = (words(items) * _bits.WORD,)
      row, place = np.nonzero(_bits.unpack(stored[start : start + CHUNK], size))
      pairs.append((start + row, place))
    row, place = (np.concatenate(part) for part in zip(*pairs, strict=True))
  ones = np.ones(len(row), np.float32)
  return scipy.sparse.csr_array((ones, (row, place)), (len(stored), items))


def unstoring(items: int, width: int) -> Callable[[Array, Example], Example]:
  """A `Dataset.transform` that makes x [I] float32 of what is stored at this width."""

  def transform(key: Array, example: Example) -> Example:
    del key
    x = example["x"]
    if width < words(items):
      # A filler lies outside and is dropped.
      dense = jnp.zeros(items, jnp.float32).at[x].set(1.0, mode="drop")
    else:
      bits = x[:, None] >> jnp.arange(_bits.WORD, dtype=jnp.int32)[None] & 1
      dense = bits.reshape(-1)[:items].astype(jnp.float32)
    return {**example, "x": dense}

  return transform
