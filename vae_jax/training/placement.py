"""How a step is compiled: which members run where, and how many of them at once."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.training.feed import Feed
from vae_jax.training.step import METRICS, State
from vae_jax.types import Array, Hyper


def single(train_step: Callable, feed: Feed, together: int) -> Callable:
  """`chunk(state [M], hyper [M], source, start, stop) -> (state [M], metrics [M])`, compiled.

  All steps from `start` to `stop` in one dispatch on one device, every member on the same
  batches. `together` members, a divisor of M, step side by side under a `vmap`; group after
  group runs its whole chunk, so that on a CPU the state of a group can stay in the cache.
  The bounds are traced: chunks of any length are one program. The state is donated. A
  metric is its average over the chunk, but "skipped" is a count.
  """

  def of_member(
    state: State, hyper: Hyper, source: dict, start: Array, stop: Array
  ) -> tuple:
    def body(step: Array, carry: tuple) -> tuple:
      state, sums = carry
      state, metrics = train_step(state, hyper, feed.batch(source, step))
      return state, {name: sums[name] + metrics[name] for name in METRICS}

    zeros = {name: jnp.zeros(()) for name in METRICS}
    state, sums = jax.lax.fori_loop(start, stop, body, (state, zeros))
    share = 1.0 / (stop - start)
    return state, {k: v if k == "skipped" else v * share for k, v in sums.items()}

  def chunk(
    state: State, hyper: Hyper, source: dict, start: Array, stop: Array
  ) -> tuple[State, dict[str, Array]]:
    one = lambda member: of_member(*member, source, start, stop)
    return jax.lax.map(one, (state, hyper), batch_size=together if together > 1 else None)

  return jax.jit(chunk, donate_argnums=0)


def side_by_side(backend: str, members: int, bytes_each: int) -> int:
  """How many members step under one `vmap`: all on an accelerator, a cacheful on a CPU.

  Args:
    backend: of `jax.default_backend()`.
    members: M.
    bytes_each: of one member's state: parameters and moments.

  Returns:
    A divisor of M.
  """
  if backend != "cpu":
    return members
  most = max(1, CACHE_BYTES // bytes_each)
  return max(d for d in range(1, members + 1) if members % d == 0 and d <= most)


CACHE_BYTES = 16_000_000  # measured: docs/benchmarks.md, "Members side by side"
