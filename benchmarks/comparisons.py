"""Parts 1 to 3: training, a sweep and an evaluation, against what a user would take instead."""

import os
from typing import Any

from benchmarks import measure
from benchmarks.measure import Contestant, Result
from benchmarks.report import Part, seconds, spread

EPOCH = 60_000  # images, of the sentence that includes compiling


def training(quick: bool, data_dir: str | None) -> Part:
  """Throughput of the network of configs/mnist.py, batch 128, Adam, cross-entropy + KL."""
  steps = 10 if quick else 40
  contestants = [
    Contestant("vae_jax", "ours:training", {"steps": steps}),
    Contestant("plain Flax, a jit per step", "plain_flax:training", {"steps": steps}),
    *_pytorch("conv", steps, quick),
    Contestant("pythae", "with_pythae:training", {"steps": steps, "threads": cores()}),
  ]
  if quick:
    contestants = [c for c in contestants if c.name != "pythae"]
  results, skipped = measure.alternate(_with_data(contestants, data_dir), 5, quick)
  return versus("Training throughput", training.__doc__, results, skipped)


def sweep(quick: bool, data_dir: str | None, best: dict[str, Any]) -> list[Part]:
  """Members as one program, and one after another.

  Args:
    quick: fewer steps and members of the network of configs/mnist.py only.
    data_dir: of MNIST, or None.
    best: options of PyTorch's best contestant in `training`.
  """
  sizes = [("conv", 16, 2 if quick else 4)] + ([] if quick else [("mlp", 64, 16)])
  parts = []
  for network, members, steps in sizes:
    shared = {"network": network, "steps": steps, "members": members}
    contestants = [
      Contestant("vae_jax, one sweep", "ours:training", shared),
      Contestant("vae_jax, one after another", "ours:one_after_another", shared),
    ]
    choices = [best] if network == "conv" else _choices(network, quick)
    contestants += [
      _torch(f"PyTorch {_label(c)}, one after another", **shared, **c) for c in choices
    ]
    contestants = _with_data(contestants, data_dir)
    results, skipped = measure.alternate(contestants, 2 if quick else 3, quick)
    about = (
      f"{members} members, network {network}, batch 128; a unit is {steps} steps of each."
    )
    part = versus(f"A sweep of {members} ({network})", about, results, skipped)
    parts.append(part._replace(tables=[*part.tables, _with_compiling(results, members)]))
  return parts


def evidence(quick: bool, data_dir: str | None) -> Part:
  """Importance-weighted NLL, K = 1000, network of configs/mnist.py, against `pythae.get_nll`."""
  few, many = (2, 50) if quick else (4, 1000)
  threads = [1] if cores() == 1 else [1, cores()]
  contestants = [
    Contestant("vae_jax", "ours:evidence", {"images": many, "samples": 1000}),
    *(
      Contestant(
        f"pythae, {t} threads", "with_pythae:evidence",
        {"images": few, "samples": 1000, "threads": t},
      )
      for t in threads
    ),
  ]  # fmt: skip
  results, skipped = measure.alternate(_with_data(contestants, data_dir), 2)
  about = (
    f"{evidence.__doc__} pythae is timed on {few} images, vae_jax on {many}; rates are images"
    " per second, so that 1,000 images take 1,000 divided by the rate."
  )
  return versus("Importance-weighted NLL", about, results, skipped)


def best_of_pytorch(parts: list[Part]) -> dict[str, Any]:
  """The options of the fastest PyTorch contestant of `training`, where that was run."""
  results = [r for part in parts for r in part.results if r.name.startswith("PyTorch")]
  if not results:
    return {"threads": cores()}
  best = max(results, key=lambda r: r.rate).name
  chosen = next(c for c in _pytorch("conv", 1, False) if c.name == best)
  return {k: v for k, v in chosen.options.items() if k not in ("network", "steps")}


def _pytorch(network: str, steps: int, quick: bool) -> list[Contestant]:
  return [
    _torch(f"PyTorch {_label(choice)}", network=network, steps=steps, **choice)
    for choice in _choices(network, quick)
  ]


def _choices(network: str, quick: bool) -> list[dict[str, Any]]:
  """Eager and compiled, on one core and on all; in a quick run compiled on all alone."""
  threads = sorted({1, cores()})
  choices = [{"compile": False, "threads": t} for t in threads]
  choices += [{"compile": True, "threads": t} for t in (threads[-1:] if quick else threads)]
  if network == "conv" and not quick:
    choices += [{"channels_last": True, "threads": threads[-1]}]
  return choices


def _torch(name: str, **options: Any) -> Contestant:
  return Contestant(name, "pytorch:training", options)


def _label(options: dict[str, Any]) -> str:
  kind = "torch.compile" if options.get("compile") else "eager"
  last = ", channels last" if options.get("channels_last") else ""
  return f"{kind}{last}, threads {options['threads']}"


def _with_data(contestants: list[Contestant], data_dir: str | None) -> list[Contestant]:
  if data_dir is None:
    return contestants
  return [c._replace(options={**c.options, "data_dir": data_dir}) for c in contestants]


def versus(
  title: str,
  about: str,
  results: list[Result],
  skipped: dict[str, str],
  unit: str = "images/s",
) -> Part:
  """A row for each contestant, with how many times slower than ours it is."""
  if not results or not results[0].name.startswith("vae_jax"):
    raise RuntimeError(f"{title}: vae_jax did not run; BENCH_LOG=<file> keeps its output.")
  rows = []
  for result in results:
    middle, low, high = measure.ratio(results[0], result)
    rows.append([
      result.name, f"{result.rate:,.1f}" if result.rate < 100 else f"{result.rate:,.0f}",
      spread(result), f"{middle:.2f} ({low:.2f}–{high:.2f})",
      seconds(result.first_s), f"{result.peak_bytes / 1e6:,.0f}",
    ])  # fmt: skip
  columns = ["contestant", unit, "min–max", "vae_jax is faster by (quartiles)"]
  columns += ["s to the first unit", "peak MB"]
  notes = [f"Left out: {name}, {reason}." for name, reason in skipped.items()]
  return Part(title, " ".join([about, *notes]), [(columns, rows)], results)


def _with_compiling(
  results: list[Result], members: int
) -> tuple[list[str], list[list[str]]]:
  """Seconds for an epoch of every member: building and compiling, and steps at the rate."""
  rows = []
  for result in results:
    compiling = max(0.0, result.first_s - min(result.seconds))
    stepping = members * EPOCH / result.rate
    rows.append([result.name, seconds(stepping), seconds(stepping + compiling)])
  columns = [
    "contestant",
    "s for an epoch of every member, compiled",
    "compile time included",
  ]
  return columns, rows


def cores() -> int:
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1
