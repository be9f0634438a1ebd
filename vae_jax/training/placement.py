"""How a step is compiled: which members and batches run where."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.training.feed import Feed
from vae_jax.training.step import METRICS, State
from vae_jax.types import Array, Hyper


def single(train_step: Callable, feed: Feed) -> Callable:
  """`chunk(state [M], hyper [M], source, start, stop) -> (state [M], metrics [M])`, compiled.

  All steps from `start` to `stop` in one dispatch on one device, members by `vmap`, every
  member on the same batches. The bounds are traced: chunks of any length are one program.
  The state is donated. A metric is its average over the chunk, but "skipped" is a count.
  """
  step_of_all = jax.vmap(train_step, in_axes=(0, 0, None))

  def chunk(
    state: State, hyper: Hyper, source: dict, start: Array, stop: Array
  ) -> tuple[State, dict[str, Array]]:
    def body(step: Array, carry: tuple) -> tuple:
      state, sums = carry
      state, metrics = step_of_all(state, hyper, feed.batch(source, step))
      return state, {name: sums[name] + metrics[name] for name in METRICS}

    zeros = {name: jnp.zeros(hyper["seed"].shape) for name in METRICS}
    state, sums = jax.lax.fori_loop(start, stop, body, (state, zeros))
    share = 1.0 / (stop - start)
    return state, {k: v if k == "skipped" else v * share for k, v in sums.items()}

  return jax.jit(chunk, donate_argnums=0)
