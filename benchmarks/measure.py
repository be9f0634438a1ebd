"""Contestants against one another: started once, then a unit of work each, in turn."""

import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

ROOT = pathlib.Path(__file__).parent.parent


class Contestant(NamedTuple):
  """What the worker is to build; see `worker`."""

  name: str
  factory: str  # "module:function" within benchmarks
  options: dict[str, Any]
  devices: int = 1  # virtual ones, of the same cores


class Result(NamedTuple):
  """What one contestant did."""

  name: str
  items: int  # images of one unit of work
  first_s: float  # building, compiling and the first unit
  seconds: list[float]  # of each further unit, in the order of the rounds
  peak_bytes: int  # of its process

  @property
  def rate(self) -> float:
    """Images per second, the median over rounds."""
    return self.items / float(np.median(self.seconds))


def alternate(
  contestants: list[Contestant], rounds: int, start_together: bool = False
) -> tuple[list[Result], dict[str, str]]:
  """Every contestant one unit in each round, the order reversed from round to round.

  All processes are alive throughout and wait on their stdin while another works, so what
  else the machine does hurts all of them.

  Args:
    contestants: started one after another, so that building is timed alone.
    rounds: units each.
    start_together: starts all at once, where the time of building is not used.

  Returns:
    The results, and by name the reason of those that were left out.
  """
  started, skipped, workers = [], {}, []
  for contestant in contestants:
    started.append((contestant, _start(contestant)))
    if not start_together:
      _collect(started, workers, skipped)
  _collect(started, workers, skipped)
  seconds: dict[str, list[float]] = {c.name: [] for c, _, _ in workers}
  for turn in range(rounds):
    for contestant, process, _ in workers[:: 1 if turn % 2 == 0 else -1]:
      seconds[contestant.name].append(_ask(process)["seconds"])
  results = []
  for contestant, process, first in workers:
    process.stdin.close()
    peak = json.loads(process.stdout.readline())["peak_bytes"]
    _end(process)
    taken = seconds[contestant.name]
    results.append(Result(contestant.name, first["items"], first["first_s"], taken, peak))
  return results, skipped


def ratio(ours: Result, theirs: Result) -> tuple[float, float, float]:
  """How many times faster per image: the median of the rounds' ratios, and its quartiles."""
  paired = (np.array(theirs.seconds) / theirs.items) / (np.array(ours.seconds) / ours.items)
  middle, low, high = np.percentile(paired, [50, 25, 75])
  return float(middle), float(low), float(high)


def timed(call: Callable[[], Any]) -> float:
  """Seconds of one call."""
  began = time.perf_counter()
  call()
  return time.perf_counter() - began


def _start(contestant: Contestant) -> subprocess.Popen:
  command = [sys.executable, "-W", "ignore", "-m", "benchmarks.worker"]
  command += [contestant.factory, json.dumps(contestant.options)]
  flags = os.environ.get("XLA_FLAGS", "")
  if contestant.devices > 1:
    flags += f" --xla_force_host_platform_device_count={contestant.devices}"
  log = open(os.environ.get("BENCH_LOG", os.devnull), "a")  # noqa: SIM115
  with log:
    return subprocess.Popen(
      command, stdin=-1, stdout=-1, stderr=log, text=True, bufsize=1, cwd=ROOT,
      env={**os.environ, "XLA_FLAGS": flags},
    )  # fmt: skip


def _collect(started: list, workers: list, skipped: dict[str, str]) -> None:
  """Waits until every started process is ready."""
  while started:
    contestant, process = started.pop(0)
    line = process.stdout.readline()
    first = json.loads(line) if line else {"skipped": f"failed, exit {process.wait()}"}
    if "skipped" in first:
      skipped[contestant.name] = first["skipped"]
      _end(process)
    else:
      workers.append((contestant, process, first))


def _end(process: subprocess.Popen) -> None:
  process.stdin.close()
  process.stdout.close()
  process.wait()


def _ask(process: subprocess.Popen) -> dict:
  process.stdin.write("go\n")
  return json.loads(process.stdout.readline())
