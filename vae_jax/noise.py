"""Where every random number comes from: a key that is a function of its use.

No key is stored in a state and none has a default. The key of a draw follows from (seed,
step, use, example id), so a run sees the same noise on any number of devices, in any batch
split, and after a resume.
"""

import zlib

import jax

from vae_jax.types import Array


def key(seed: Array | int, step: Array | int, use: str, example_id: Array | int) -> Array:
  """The key of one draw for one example.

  Args:
    seed: [] int, of the member or of the data.
    step: [] int, of training; an epoch, or 0, where a draw does not change with the step.
    use: what the draw is for ("latent", "corruption", ...); two uses never share a key.
    example_id: [] int, the row of the example in its split.

  Returns:
    [] a typed PRNG key.
  """
  return jax.random.fold_in(stream(seed, step, use), example_id)


def stream(seed: Array | int, step: Array | int, use: str) -> Array:
  """The key of one use at one step, before the example's id is folded in."""
  base = jax.random.fold_in(jax.random.key(seed), step)
  return jax.random.fold_in(base, zlib.crc32(use.encode()))
