"""Binary images kept as bits, an eighth of a byte a pixel, and unpacked inside the program."""

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array, Example

WORD = 32  # int32, which `data.decode` leaves as it is


def pack(x: np.ndarray) -> np.ndarray:
  """Zeros and ones [N, *shape] as int32 words [N, size / 32]; bit b of word w is 32 w + b.

  The size of one example is a multiple of 32.
  """
  flat = np.asarray(x, bool).reshape(len(x), -1)
  return words(np.packbits(flat, axis=1, bitorder="little"))


def words(packed: np.ndarray) -> np.ndarray:
  """Bytes [N, size / 8] of the lowest bit first as words [N, size / 32]."""
  # Named byte order: a cache may be carried to another machine.
  return np.ascontiguousarray(packed).view("<i4").astype(np.int32, copy=False)


def unpack(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  """The inverse of `pack` on the host: [N, size / 32] -> bool [N, *shape]."""
  packed = np.ascontiguousarray(x).astype("<i4", copy=False).view(np.uint8)
  bits = np.unpackbits(packed, axis=1, bitorder="little", count=math.prod(shape))
  return bits.reshape(len(x), *shape).view(np.bool_)


def unpacking(shape: tuple[int, ...]) -> Callable[[Array, Example], Example]:
  """A `Dataset.transform` that makes x [*shape] float32 of its words."""

  def transform(key: Array, example: Example) -> Example:
    del key
    bits = example["x"][:, None] >> jnp.arange(WORD, dtype=jnp.int32)[None] & 1
    return {**example, "x": bits.reshape(shape).astype(jnp.float32)}

  return transform
