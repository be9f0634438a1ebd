"""One contestant in its own process: builds itself, warms up, then runs when it is told to.

Lines of JSON on stdin and stdout: first {"first_s", "items"} or {"skipped"}; then a
{"seconds"} for each line read; at the end of stdin {"peak_bytes"}. A contestant is a
factory `module:function` of `benchmarks` that returns (run, items): `run()` does one unit
of work and returns when it is done, `items` says how many images that was.
"""

import importlib
import json
import os
import pathlib
import re
import resource
import sys
import time


def main() -> None:
  module, _, function = sys.argv[1].partition(":")
  options = json.loads(sys.argv[2])
  out = os.fdopen(os.dup(1), "w", buffering=1)
  os.dup2(2, 1)  # what a library prints does not disturb the protocol

  def say(**line: object) -> None:
    out.write(json.dumps(line) + "\n")

  try:
    factory = getattr(importlib.import_module(f"benchmarks.{module}"), function)
  except ModuleNotFoundError as error:
    say(skipped=f"{error.name} is not installed")
    return
  began = time.perf_counter()  # packages are imported, nothing is built
  run, items = factory(**options)
  run()
  say(first_s=time.perf_counter() - began, items=items)
  for _ in sys.stdin:
    began = time.perf_counter()
    run()
    say(seconds=time.perf_counter() - began)
  say(peak_bytes=_peak_bytes())


def _peak_bytes() -> int:
  """The most memory this process held, and not the one that started it."""
  status = pathlib.Path("/proc/self/status")
  if status.exists():
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    if found:
      return int(found[1]) * 1024
  unit = 1 if sys.platform == "darwin" else 1024
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
  main()
