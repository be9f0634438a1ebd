"""Part 6: how near a step comes to what the machine can do."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import measure, ours, problem
from benchmarks.report import Part

MATRIX, STREAM = 3072, 64_000_000  # side of the product; float32 numbers in each array


def roofline(quick: bool) -> Part:
  """Operations and bytes of a step of the network of configs/mnist.py, and the machine's rates."""
  rounds = 3 if quick else 9
  made = ours.program()
  run = ours.steps_of(made, ours.placed(made), 20)
  a, b = jnp.ones((MATRIX, MATRIX)), jnp.ones((MATRIX, MATRIX))
  x, y = jnp.ones(STREAM), jnp.ones(STREAM)
  product, triad = jax.jit(jnp.matmul), jax.jit(lambda x, y: x + 0.5 * y)
  work = {
    "step": run,
    "product": lambda: product(a, b).block_until_ready(),
    "triad": lambda: triad(x, y).block_until_ready(),
  }
  taken: dict[str, list[float]] = {name: [] for name in work}
  for turn in range(rounds + 1):
    for name, call in work.items():
      taken[name] += [measure.timed(call)] * (turn > 0)
  step, matrix, stream = (float(np.median(taken[name])) for name in work)
  step /= 20
  rate, band = 2 * MATRIX**3 / matrix, 3 * 4 * STREAM / stream
  flops, moved = flops_of_a_step(), bytes_of_a_step()
  cost = ours.cost_of_a_step(made)
  rows = [
    ["operations, by hand (products)", f"{flops / 1e9:.2f} GFLOP", _ms(flops / rate)],
    ["operations, by the compiler", f"{cost['flops'] / 1e9:.2f} GFLOP", _ms(cost["flops"] / rate)],
    ["bytes, by hand (each array once)", f"{moved / 1e6:.0f} MB", _ms(moved / band)],
    ["bytes, by the compiler (each use)", f"{cost['bytes accessed'] / 1e6:.0f} MB",
     _ms(cost["bytes accessed"] / band)],
    ["matrix products of this machine", f"{rate / 1e9:.0f} GFLOP/s", ""],
    ["memory of this machine (triad)", f"{band / 1e9:.1f} GB/s", ""],
    ["a step", f"{flops / step / 1e9:.0f} GFLOP/s", _ms(step)],
    ["fraction of the matrix-product rate", f"{100 * flops / step / rate:.0f} %", ""],
  ]  # fmt: skip
  return Part(
    "Roofline", str(roofline.__doc__), [(["what", "", "ms at the rate"], rows)], []
  )


def products() -> list[tuple[int, int, bool]]:
  """(multiplications for one example, weights, has a gradient for its input) of each layer."""
  conv = lambda places, inputs, outputs: (
    places * 9 * inputs * outputs,
    9 * inputs * outputs,
  )
  dense = lambda inputs, outputs: (inputs * outputs, inputs * outputs)
  layers = [
    conv(14 * 14, 1, 32), conv(7 * 7, 32, 64), dense(3136, 400), dense(400, 20),
    dense(10, 400), dense(400, 3136), conv(7 * 7, 64, 32), conv(14 * 14, 32, 1),
  ]  # fmt: skip
  return [(*layer, i > 0) for i, layer in enumerate(layers)]


def flops_of_a_step() -> int:
  """Forward, gradient of the weights, gradient of the input: two operations each."""
  return sum(
    2 * problem.BATCH * count * (3 if below else 2) for count, _, below in products()
  )


def bytes_of_a_step() -> int:
  """Adam's three arrays read and written, gradients and weights; activations both ways."""
  weights = (
    sum(size for _, size, _ in products()) + 32 + 64 + 400 + 20 + 400 + 3136 + 32 + 1
  )
  places = 784 + 14 * 14 * 9 + 14 * 14 * 32 + 7 * 7 * 288 + 3136 + 400 + 40
  places += 400 + 3136 + 7 * 7 * 288 + 14 * 14 * 32 + 14 * 14 * 9 + 784
  adam, gradients, reading = 6, 2, 2  # of each weight: m, v, p; written, read; both passes
  return 4 * (weights * (adam + gradients + reading) + problem.BATCH * places * 4)


def _ms(seconds: float) -> str:
  return f"{1e3 * seconds:.2f}"
