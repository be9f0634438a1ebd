"""Part 5: time and memory of a step as each size grows; part of it, how members are grouped."""

import contextlib
import math
import tempfile
from collections.abc import Iterator

import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

from benchmarks import measure, ours
from benchmarks.measure import Contestant
from benchmarks.report import Part, seconds

AXES = {
  "members": ("mlp", [1, 8, 64]),
  "batch": ("conv", [32, 128, 1024, 4096]),
  "latents": ("conv", [2, 32, 512]),
  "side": ("conv", [28, 64, 128]),
}
DEVICES = (1, 2, 4, 8)
SPREAD = {"members spread": ("mlp", 8, 60), "rows of a batch split": ("conv", 1, 12)}


def scaling(quick: bool) -> Part:
  """Time of a step and memory of its program, against each size, the others as in part 1."""
  with _compiled_once():
    tables = [_table(axis, *AXES[axis], quick) for axis in AXES]
  virtual, results = _devices(quick)
  about = (
    f"{scaling.__doc__} Memory is the compiler's: arguments, results, temporaries. Virtual"
    " devices are of the same cores: their rows show what placement costs, and no speed."
  )
  return Part("Scaling", about, [*tables, virtual], results)


def _table(axis: str, network: str, sizes: list[int], quick: bool) -> tuple[list, list]:
  """Columns and rows of one axis: time, memory, and how both grow."""
  sizes = sizes[:2] if quick else sizes
  found = [_point(network, {axis: size}, 2 if quick else 3) for size in sizes]
  times, bytes_ = zip(*found, strict=True)
  rows = [
    [str(size), seconds(1e3 * t), f"{b / 1e6:,.0f}"]
    for size, t, b in zip(sizes, times, bytes_, strict=True)
  ]
  for name, few in (("exponent, all", len(sizes)), ("exponent, the last two", 2)):
    slopes = [_slope(sizes[-few:], v[-few:]) for v in (times, bytes_)]
    rows.append([name, *(f"{slope:.2f}" for slope in slopes)])
  return [f"{axis} ({network})", "ms a step", "MB of the program"], rows


def _devices(quick: bool) -> tuple[tuple, list[measure.Result]]:
  """The same work on 1 to 8 virtual devices: a table, and what it is made of."""
  rows, results = [], []
  for what, (network, members, steps) in SPREAD.items():
    options = {"network": network, "members": members, "steps": steps}
    contestants = [
      Contestant(f"{what}, {n} devices", "ours:on_devices", options, n)
      for n in (DEVICES[:2] if quick else DEVICES)
    ]
    found, _ = measure.alternate(contestants, 2 if quick else 3, True)
    results += found
    for one, contestant in zip(found, contestants, strict=True):
      per_step = 1e3 * float(np.median(one.seconds)) / steps
      ratio, low, high = measure.ratio(one, found[0])
      rows.append([
        str(contestant.devices), f"{what}: {network}, {members} member(s)",
        seconds(per_step), f"{ratio:.2f} ({low:.2f}–{high:.2f})",
        f"{one.peak_bytes / 1e6:,.0f}",
      ])  # fmt: skip
  columns = ["virtual devices", "work", "ms a step", "times as fast as one", "peak MB"]
  return (columns, rows), results


@contextlib.contextmanager
def _compiled_once() -> Iterator[None]:
  """The program whose memory is asked for is the one that runs."""
  with tempfile.TemporaryDirectory() as folder:
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_compilation_cache_dir", folder)
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()


def _point(network: str, size: dict[str, int], rounds: int) -> tuple[float, float]:
  """Seconds of a step, the median of some rounds, and bytes of the compiled program."""
  made = ours.program(network, **size)
  place = ours.placed(made)
  used = ours.memory(made, place)
  run, steps = ours.steps_of(made, place, 2), 2
  first = min(measure.timed(run) for _ in range(2))
  if first < 0.2:  # long enough for the clock and the rest of the machine
    steps = math.ceil(2 * 0.3 / first)
    run = ours.steps_of(made, place, steps)
  taken = [measure.timed(run) / steps for _ in range(rounds)]
  jax.clear_caches()
  return float(np.median(taken)), float(used)


def side_by_side(quick: bool) -> list[Part]:
  """How many members one inner program takes."""
  parts = []
  for network, members, choices, steps in (
    ("mlp", 64, [1, 4, 16, 64], 10),
    ("conv", 16, [1, 4, 16], 2),
  ):
    shared = {"network": network, "members": members, "steps": steps}
    contestants = [
      Contestant(str(n), "ours:training", {**shared, "group": n}) for n in choices
    ]
    results, _ = measure.alternate(contestants, 2 if quick else 3, True)
    rows = [
      [r.name, f"{r.rate:,.0f}", f"{min(r.seconds):.2f}–{max(r.seconds):.2f}"]
      for r in results
    ]
    rule = ours.together(ours.program(network, members=members))
    about = f"{members} members of the {network} network in groups; the rule takes {rule}."
    columns = ["members side by side", "images/s", "s a unit"]
    parts.append(
      Part(f"Members side by side ({network})", about, [(columns, rows)], results)
    )
  return parts


def _slope(sizes: list[int], values: list[float]) -> float:
  return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
