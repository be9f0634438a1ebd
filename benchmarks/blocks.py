"""What residual blocks cost at 64 x 64 pixels, in each lowering of convolutions.

`python -m benchmarks.blocks --seconds=60`: the gradient of the loss of `configs/faces.py` for a
batch of 32, without blocks and with one at each size, as dense products and as XLA's own
convolution. All of them take turns; a time is the least of the rounds.
"""

import argparse
import itertools
import time
from collections.abc import Callable

import jax

from vae_jax import config as configuration
from vae_jax import registry, vae
from vae_jax.types import Spec

BATCH, SPEC = 32, Spec((64, 64, 1), "image", "unit")


def main() -> None:
  """A row for each number of blocks and lowering."""
  flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  flags.add_argument("--seconds", type=float, default=60.0, help="of all rounds")
  until = flags.parse_args().seconds
  runs = {case: _run(*case) for case in itertools.product((0, 1), ("dense", "xla"))}
  least = dict.fromkeys(runs, float("inf"))
  began = time.perf_counter()
  while time.perf_counter() - began < until:
    for case, run in runs.items():
      start = time.perf_counter()
      run()
      least[case] = min(least[case], time.perf_counter() - start)
  print("| blocks at a size | lowering | ms a step |\n|---|---|---|")
  for (blocks, lowering), seconds in least.items():
    print(f"| {blocks} | {lowering} | {1e3 * seconds:.0f} |")


def _run(blocks: int, lowering: str) -> Callable[[], None]:
  """One gradient of a batch, compiled."""
  config = configuration.load("configs/faces.py", {})
  config["model"]["blocks"] = blocks
  model = vae.build(config, SPEC, lowering)
  params = model.init(jax.random.key(0))
  objective = registry.find("objectives", "beta")

  def loss(params: dict, x: jax.Array, keys: jax.Array) -> jax.Array:
    one = lambda x, key: objective.loss(model, params, {"x": x}, key, objective.HYPER).loss
    return jax.vmap(one)(x, keys).mean()

  gradient = jax.jit(jax.grad(loss))
  x = jax.random.uniform(jax.random.key(1), (BATCH, *SPEC.shape))
  keys = jax.random.split(jax.random.key(2), BATCH)
  run = lambda: jax.block_until_ready(gradient(params, x, keys))
  run()
  return run


if __name__ == "__main__":
  main()
