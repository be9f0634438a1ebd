"""What each posterior, prior, objective and hierarchy brings on digits, and what it costs.

Command:  python -m benchmarks.latents [steps [name ...]]

Every row is the same network where there is a choice (mlp, 200 tanh units, 10 latents, a
discretised logistic of 17 levels), batches of 128, Adam at 1e-3, seeds 0 and 1, scored on the
test split.
"""

import sys
import time

import jax
import numpy as np

from vae_jax import config as configuration
from vae_jax import distributions
from vae_jax.metrics import importance
from vae_jax.training import evaluation, loop, placement, plan, step, trainer

ROWS = {
  "beta": {},
  "mixture": {"prior": {"name": "mixture"}},
  "vamp": {"prior": {"name": "vamp"}},
  "flow": {"prior": {"name": "flow"}},
  "autoregressive": {"prior": {"name": "autoregressive"}},
  "planar": {"posterior": {"name": "planar"}},
  "iaf": {"posterior": {"name": "iaf"}},
  "power_spherical": {"posterior": {"name": "power_spherical"}, "prior": {"name": "sphere"}},
  "categorical": {
    "posterior": {"name": "categorical", "categories": 10}, "prior": {"name": "uniform"},
    "model": {"latents": 100},
  },
  "vq": {
    "posterior": {"name": "vq", "entries": 64, "vectors": 5}, "prior": {"name": "uniform"},
    "model": {"latents": 20},
  },
  "iwae, K = 5": {"objective": {"name": "iwae", "samples": 5}},
  "dreg, K = 5": {"objective": {"name": "dreg", "samples": 5}},
  "geco, target 80": {"objective": {"name": "geco"}, "hyper": {"target": 80.0}},
  "two_layers": {"model": {"name": "two_layers", "latents": 15, "hidden": [200]}},
  "ladder": {"model": {"name": "ladder", "latents": 2, "channels": [16, 32], "blocks": [1, 1]}},
}  # fmt: skip
WINDOW = 50  # steps of one timing; the least of them is told


def configured(row: dict, steps: int) -> dict:
  """A complete configuration of one row."""
  model = {"name": "mlp", "latents": 10, "hidden": [200], "activation": "tanh"}
  given = row.get("model", {})
  return configuration.resolve(
    {
      "data": {"name": "digits"},
      "likelihood": {"name": "discretised_logistic", "levels": 17},
      "objective": {"name": "beta"},
      "train": {"steps": steps, "batch_size": 128},
      "sweep": {"seed": [0, 1]},
      **row,
      "model": given if "name" in given else {**model, **given},
    }
  )


def measured(row: dict, steps: int) -> list[float]:
  """Rate, distortion, ELBO and log p_50 in nats, the mean of two seeds, and ms for a step."""
  program = loop.assemble(configured(row, steps), None)
  make = lambda axis: step.make(
    program.vae, program.config, program.total, program.feed.examples, axis
  )
  state_bytes, devices = plan.memory(program).state, jax.devices()[:1]
  place = placement.make("single", 2, devices, make, program.feed, state_bytes)
  state, hyper = place.put(trainer.init(program)), place.put(program.hyper)
  source, times = place.source(program.feed.source(0, steps)), []
  for start in range(0, steps, WINDOW):
    began = time.perf_counter()
    state, metrics = place.chunk(state, hyper, source, start, start + WINDOW)
    jax.block_until_ready((state, metrics))
    times.append(1e3 * (time.perf_counter() - began) / WINDOW)
  return [*scored(program, place.get(state, step.evaluated)), min(times[1:])]


def scored(program: plan.Program, params: dict) -> list[float]:
  """The terms of the test split, and the importance-weighted bound with 50 draws."""
  config, split = program.config, program.dataset.splits["test"]
  objective = step._objective(config)[0]
  of_split = evaluation.split_terms(program.vae, objective, config, program.dataset)
  terms = of_split(params, program.hyper, split, 250)

  def weigh(params, hyper, example, key):
    log_weight = lambda key: distributions.log_weight(program.vae, params, example, key)
    return importance.estimate(log_weight, key, 50).log_evidence

  mapped = evaluation.over_examples(weigh, program.dataset, config["data"]["seed"])
  bound = mapped(params, program.hyper, split, jax.random.key(0), 50, 50)
  return [
    *(float(terms[name].mean()) for name in ("rate", "distortion", "elbo")),
    bound.mean(),
  ]


def main() -> None:
  """The table, a line for each row."""
  steps, chosen = int(sys.argv[1]) if len(sys.argv) > 1 else 1500, sys.argv[2:]
  print(
    "| | rate | distortion | ELBO | log p_50 | ms a step, beside beta |\n|---|---|---|---|---|---|"
  )
  first = None
  for name, row in ROWS.items():
    if chosen and name not in chosen:
      continue
    *values, ms = measured(row, steps)
    first = first or ms
    cells = " | ".join(f"{value:.2f}" for value in np.asarray(values, float))
    print(f"| {name} | {cells} | {ms:.2f}, {ms / first:.2f} |", flush=True)


if __name__ == "__main__":
  main()
