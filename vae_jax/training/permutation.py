"""The order in which examples are drawn: a counter-based pseudo-random permutation.

Position p of epoch e is example P_{seed,e}(p), where P is a bijection of [0, n) that is
computed, never stored. A Feistel network permutes the smallest power of two that holds n,
and a value that falls outside [0, n) is put through it again (cycle walking) until it falls
inside. The same integers come out under `jit` and from NumPy (`xp=np`), so a resident and a
streamed dataset give the same batches, and a resumed run continues where it stopped.

Sources: Luby and Rackoff 1988 (Feistel networks as permutations); Black and Rogaway 2002,
section 4 (cycle walking); the finaliser of MurmurHash3 (Appleby) as the round function.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import UserError

ROUNDS = 8  # even: halves of unequal width are back in their places after two rounds
LIMIT = 2**32  # positions are uint32


def permuted_index(seed: Any, epoch: Any, position: Any, n: int, xp: Any = jnp) -> Any:
  """The example at a position of an epoch: P_{seed,epoch}(position), a bijection of [0, n).

  Args:
    seed: [] or [B] integer, taken modulo 2^32.
    epoch: [] or [B] integer; every epoch has its own permutation.
    position: [] or [B] integer in [0, n).
    n: number of examples, below 2^31; an int or, of `jnp`, traced.
    xp: `jnp` (traceable) or `np`; both give the same integers.

  Returns:
    [] or [B] uint32 in [0, n).
  """
  bits = (n - 1).bit_length() if isinstance(n, int) else _bits(n)
  with np.errstate(over="ignore"):  # NumPy scalars warn where uint32 arithmetic wraps
    keys = _round_keys(_word(seed, xp), _word(epoch, xp), xp)
    value = _feistel(_word(position, xp), keys, bits)
    if xp is np:
      while np.any(value >= n):
        value = np.where(value >= n, _feistel(value, keys, bits), value)
      return value
  outside = _word(n, np if isinstance(n, int) else xp)
  return jax.lax.while_loop(
    lambda v: jnp.any(v >= outside),
    lambda v: jnp.where(v >= outside, _feistel(v, keys, bits), v),
    value,
  )


def batch_indices(
  seed: Any, step: Any, batch_size: int, n: int, xp: Any = jnp
) -> tuple[Any, Any]:
  """The examples of a step; batches are full and run across the borders of epochs.

  position = step * B + i;  epoch = position // n;  index = P_{seed,epoch}(position mod n).

  Args:
    seed: [] integer.
    step: [] integer, traced or not; `check_steps` says how far it may count.
    batch_size: static B.
    n: number of examples of the split; an int or, of `jnp`, traced: the integers are the same.
    xp: `jnp` or `np`.

  Returns:
    index [B] int32 in [0, n) and epoch [B] int32.
  """
  with np.errstate(over="ignore"):
    first = _word(step, xp) * np.uint32(batch_size)
    position = first + xp.arange(batch_size, dtype=np.uint32)
  count = _word(n, np if isinstance(n, int) else xp)
  epoch = position // count
  index = permuted_index(seed, epoch, position % count, n, xp)
  return index.astype(np.int32), epoch.astype(np.int32)


def check_steps(steps: int, batch_size: int, n: int) -> None:
  """Refuses a plan whose positions do not fit uint32, or a split that is empty or too big.

  Raises:
    UserError: steps * batch_size exceeds 2^32, or n is not in [1, 2^31), or B is below 1.
  """
  if not 1 <= n < 2**31:
    raise UserError(f"A split has {n} examples; expected between 1 and 2^31 - 1.")
  if batch_size < 1:
    raise UserError(f"The batch size is {batch_size}; expected at least 1.")
  if steps * batch_size > LIMIT:
    raise UserError(
      f"{steps} steps of {batch_size} examples are {steps * batch_size} positions, more "
      f"than the 2^32 that the order of examples counts; use at most "
      f"{LIMIT // batch_size} steps."
    )


def _word(value: Any, xp: Any) -> Any:
  """An integer as uint32, modulo 2^32."""
  if isinstance(value, int):
    value = np.uint32(value % LIMIT)
  return xp.asarray(value).astype(np.uint32)


def _mix(h: Any) -> Any:
  """The finaliser of MurmurHash3: a bijection of uint32 in which every bit moves all."""
  h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
  h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
  return h ^ (h >> np.uint32(16))


def _round_keys(seed: Any, epoch: Any, xp: Any) -> list[Any]:
  stem = _mix(_mix(seed + np.uint32(0x9E3779B9)) ^ epoch)
  return [
    _mix(stem + xp.asarray(np.uint32((r + 1) * 0x9E3779B9 % LIMIT))) for r in range(ROUNDS)
  ]


def _bits(n: Any) -> Any:
  """The bit length of n - 1 for a traced n >= 1, [] uint32."""
  return np.uint32(32) - jax.lax.clz(_word(n, jnp) - np.uint32(1))


def _feistel(value: Any, keys: list[Any], bits: Any) -> Any:
  """One pass over [0, 2^bits): the high half takes a hash of the low one, then they swap."""
  high_bits, low_bits = bits // 2, bits - bits // 2
  one = 1 if isinstance(bits, int) else np.uint32(1)
  word = np.uint32 if isinstance(bits, int) else lambda value: value
  for key in keys:
    mask = word((one << high_bits) - one)
    low = value & word((one << low_bits) - one)
    high = (value >> word(low_bits)) ^ (_mix(low ^ key) & mask)
    value = (low << word(high_bits)) | high
    high_bits, low_bits = low_bits, high_bits
  return value
