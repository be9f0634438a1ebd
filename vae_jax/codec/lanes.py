"""Symbols [n, D] of n examples on a stack, some elements of each side by side.

Elements go on from the last to the first and come off from the first to the last.
"""

from collections.abc import Callable

import numpy as np

from vae_jax.codec.stack import Find, Stack


def push(
  stack: Stack, wide: int, start: np.ndarray, mass: np.ndarray, precision: int
) -> None:
  """Puts symbols on that take [start, start + mass) of 2^precision, [n, D] each.

  Args:
    stack: with n `wide` lanes at least.
    wide: elements of an example side by side, each on a lane of its own.
    start: integers.
    mass: integers, 1 at least.
    precision: p.
  """
  for part in reversed(_parts(start.shape[1], wide)):
    stack.push(start[:, part].ravel(), mass[:, part].ravel(), precision)


def pop(
  stack: Stack,
  wide: int,
  shape: tuple[int, int],
  find: Callable[[slice], Find],
  precision: int,
) -> np.ndarray:
  """Takes symbols [n, D] off; `find` of a slice of the elements tells whose place it is."""
  found = np.zeros(shape, np.int64)
  for part in _parts(shape[1], wide):
    own = found[:, part]
    own[:] = stack.pop(own.size, find(part), precision).reshape(own.shape)
  return found


def _parts(size: int, wide: int) -> list[slice]:
  return [slice(a, min(a + wide, size)) for a in range(0, size, wide)]
