"""What each posterior, prior, objective and hierarchy brings on digits, and what it costs.

Command:  python -m benchmarks.latents [--steps=1500] [--store] [name ...]

With --store the table is docs/results/latents.json, from which the pages of the parts show rows
(python -m vae_jax.report.pages).

Every row is the same network where there is a choice (mlp, 200 tanh units, 10 latents, a
discretised logistic of 17 levels), batches of 128, Adam at 1e-3, seeds 0 and 1, scored on the
test split.
"""

import argparse
import json
import time

import jax

from benchmarks import report
from benchmarks.measure import ROOT
from vae_jax import config as configuration
from vae_jax import distributions, files
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
  "vq, autoregressive prior": {
    "posterior": {"name": "vq", "entries": 64, "vectors": 5},
    "prior": {"name": "autoregressive_categorical"}, "model": {"latents": 20},
  },
  "categorical, autoregressive prior": {
    "posterior": {"name": "categorical", "categories": 10},
    "prior": {"name": "autoregressive_categorical"}, "model": {"latents": 100},
  },
  "iwae, K = 5": {"objective": {"name": "iwae", "samples": 5}},
  "dreg, K = 5": {"objective": {"name": "dreg", "samples": 5}},
  "geco, target 80": {"objective": {"name": "geco"}, "hyper": {"target": 80.0}},
  "two_layers": {"model": {"name": "two_layers", "latents": 15, "hidden": [200]}},
  "ladder": {"model": {"name": "ladder", "latents": 2, "channels": [16, 32], "blocks": [1, 1]}},
}  # fmt: skip
WINDOW = 50  # steps of one timing; the least of them counts
TIME = "a step's time"  # as a multiple of the first row's


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
    float(bound.mean()),
  ]


def main() -> None:
  """The table, a line for each row."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("names", nargs="*", help=f"of {', '.join(ROWS)}; none: all")
  parser.add_argument("--steps", type=int, default=1500)
  parser.add_argument("--store", action="store_true")
  given = parser.parse_args()
  columns = ["part", "rate, nats", "distortion, nats", "ELBO, nats", "log p₅₀, nats", TIME]
  print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
  rows, first = [], None
  for name in given.names or ROWS:
    *values, ms = measured(ROWS[name], given.steps)
    first = first or ms
    rows.append([name, *map(float, values), ms / first])
    print(f"| {' | '.join([name, *(f'{v:.2f}' for v in rows[-1][1:])])} |", flush=True)
  if given.store:
    store(columns, rows, given.steps)


def store(columns: list[str], rows: list[list], steps: int) -> None:
  """Writes the rows in the form of a stored report."""
  about = report.machine()
  table = {"title": "Digits", "columns": columns, "rows": rows, "note": "", "marks": []}
  found = {
    "application": "benchmarks.latents",
    "data": f"digits, test split; {steps} steps, two seeds",
    "device": f"{about['cores']} cores of {about['processor']}",
    "versions": about["versions"],
    "headline": {},
    "findings": [],
    "tables": [table],
  }
  text = json.dumps(found, ensure_ascii=False, indent=1)
  files.write_text(ROOT / "docs" / "results" / "latents.json", text + "\n")


if __name__ == "__main__":
  main()
