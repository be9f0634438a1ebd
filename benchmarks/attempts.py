"""What was tried to make a training step cheaper on a CPU, timed again in one process.

`python -m benchmarks.attempts --seconds=60`: the step as it is and each attempt take turns, the
order is reversed from round to round, and a ratio is the median over rounds of the ratio within
a round. The seconds of the processor are printed beside those of the clock: on a machine that
others use too they say more.
"""

import argparse
import contextlib
import functools
import time
from collections.abc import Callable
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import ours
from vae_jax.training import permutation, placement, step, trainer

STEPS = 4  # a unit of work
NOW, PAIR = "as it is", "two members, two programs at once"
OPTIONS = {  # of XLA's compiler for CPUs
  "two members, one thread each": {"xla_cpu_multi_thread_eigen": False},
  "two members, vectors of 512 bits": {"xla_cpu_prefer_vector_width": 512},
  "two members, in the order of least memory": {
    "xla_cpu_enable_concurrency_optimized_scheduler": False
  },
}


def main() -> None:
  flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  flags.add_argument("--seconds", type=float, default=60.0, help="of all rounds")
  seconds = flags.parse_args().seconds
  indices, adam = permutation.batch_indices, optax.scale_by_adam()
  in_order = lambda *a, **k: (jnp.sort(indices(*a, **k)[0]), indices(*a, **k)[1])
  no_adam = optax.GradientTransformation(adam.init, lambda g, m, p=None: (g, m))
  one = lambda tree: jnp.ones(())
  runs = {
    NOW: _trained(),
    "rows of a batch in order": _trained((permutation, "batch_indices", in_order)),
    "without Adam": _trained((step, "_adam", lambda *_: no_adam)),
    "without the norm of the gradient": _trained((optax.tree, "norm", one)),
    PAIR: _trained(members=2),
    "two members, one program": _together(),
    **{name: _trained(_compiled(options), members=2) for name, options in OPTIONS.items()},
  }
  for line in _compared(runs, seconds):
    print(line)


def _compiled(options: dict) -> tuple:
  """The change that compiles with these options."""
  return jax, "jit", functools.partial(jax.jit, compiler_options=options)


def _trained(*changes: tuple, members: int = 1) -> Callable[[], None]:
  """A unit of training, compiled with some functions replaced."""
  with contextlib.ExitStack() as stack:
    for change in changes:
      stack.enter_context(mock.patch.object(*change))
    run = ours.training(STEPS, network="conv", members=members)[0]
    run()
  return run


def _together() -> Callable[[], None]:
  """Two members whose steps are one body of one loop."""
  made = ours.program("conv", 2)
  train = step.make(made.vae, made.config, made.total, made.feed.examples)

  def both(states: tuple, hypers: tuple, source: object, start: int, stop: int) -> tuple:
    def body(at: jax.Array, states: tuple) -> tuple:
      batch = made.feed.batch(source, at)
      return tuple(train(*one, batch)[0] for one in zip(states, hypers, strict=True))

    return jax.lax.fori_loop(start, stop, body, states)

  program = jax.jit(both, donate_argnums=0)
  place = placement.single(2, train, made.feed, 1)
  of_one = lambda tree: jax.tree.map(lambda x: jnp.copy(x[0]), tree)
  states = tuple(map(of_one, place.put(trainer.init(made))))
  hypers = tuple(map(of_one, place.put(made.hyper)))
  source, at = place.source(made.feed.source(0, 1)), 0

  def run() -> None:
    nonlocal states, at
    states = jax.block_until_ready(program(states, hypers, source, at, at + STEPS))
    at += STEPS

  run()
  return run


def _compared(runs: dict[str, Callable[[], None]], seconds: float) -> list[str]:
  """A line for each attempt: how many times as fast it is, with quartiles."""
  found = {name: [] for name in runs}  # (clock, processor) of each round
  began, order = time.perf_counter(), [*runs]
  while time.perf_counter() - began < seconds or len(found[NOW]) < 3:
    for name in order:
      clock, processor = time.perf_counter(), time.process_time()
      runs[name]()
      taken = time.perf_counter() - clock, time.process_time() - processor
      found[name].append(taken)
    order.reverse()
  lines = []
  for name in runs:
    base = np.array(found[PAIR if "two" in name else NOW])
    low, mid, high = np.quantile(base / np.array(found[name]), [0.25, 0.5, 0.75], axis=0)
    said = [
      f"{unit} {b:.3f} ({a:.3f}-{c:.3f})"
      for unit, a, b, c in zip(("clock", "processor"), low, mid, high, strict=True)
    ]
    spent = 1e3 * np.median(found[name], axis=0)[1] / STEPS
    lines.append(
      f"{name}: {', '.join(said)}; {spent:.1f} ms of the processor a step, {len(base)} rounds"
    )
  return lines


if __name__ == "__main__":
  main()
