"""Part 4: how long a user waits before anything happens."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.report import Part, seconds

DEMO = "--config=configs/digits.py"
TIMEOUT = 180


def startup(quick: bool) -> Part:
  """Process start to first training step of the demo, cold and warm; imports; evaluate.py."""
  rows, tries = [], 1 if quick else 2
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    caches = [root / f"cache{i}" for i in range(tries)]
    row = lambda name, taken: rows.append([name, _middle(taken), _range(taken)])
    row(
      "first step of the demo, no compilation cache", [_first_step(root, c) for c in caches]
    )
    row("first step of the demo, warm cache", [_first_step(root, c) for c in caches])
    row("import vae_jax", _imports("vae_jax", tries))
    row("import vae_jax.training.loop", _imports("vae_jax.training.loop", tries))
    run = ["--workdir", str(root / "run")]
    _call("train.py", [DEMO, *run, "--config.train.steps=200"], caches[0])
    evaluate = [*run, "--application=reconstruction"]
    row(
      "evaluate.py, reconstruction, first time", [_call("evaluate.py", evaluate, caches[0])]
    )
    again = [_call("evaluate.py", evaluate, caches[0]) for _ in range(tries)]
    row("evaluate.py, reconstruction, warm cache", again)
  return Part("Start-up", str(startup.__doc__), [(["what", "s", "min–max"], rows)], [])


def _first_step(root: pathlib.Path, cache: pathlib.Path) -> float:
  """Seconds from the start of train.py until its first step is in metrics.jsonl."""
  workdir = pathlib.Path(tempfile.mkdtemp(dir=root))
  words = [DEMO, f"--workdir={workdir}", "--config.train.log_every=1"]
  began = time.perf_counter()
  process = subprocess.Popen(
    [sys.executable, "train.py", *words],
    cwd=ROOT,
    env=_environment(cache),
    stdout=-3,
    stderr=-3,
  )
  metrics = workdir / "metrics.jsonl"
  while not (metrics.exists() and metrics.stat().st_size):
    if process.poll() is not None or time.perf_counter() - began > TIMEOUT:
      process.kill()
      raise RuntimeError("train.py wrote no first step")
    time.sleep(0.005)
  taken = time.perf_counter() - began
  process.kill()
  process.wait()
  return taken


def _imports(name: str, tries: int) -> list[float]:
  return [
    _timed([sys.executable, "-c", f"import {name}"], dict(os.environ)) for _ in range(tries)
  ]


def _call(program: str, words: list[str], cache: pathlib.Path) -> float:
  return _timed([sys.executable, program, *words], _environment(cache))


def _timed(command: list[str], environment: dict[str, str]) -> float:
  began = time.perf_counter()
  subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
  return time.perf_counter() - began


def _environment(cache: pathlib.Path) -> dict[str, str]:
  return {**os.environ, "VAE_JAX_CACHE": str(cache)}


def _middle(taken: list[float]) -> str:
  return seconds(float(np.median(taken)))


def _range(taken: list[float]) -> str:
  return f"{seconds(min(taken))}–{seconds(max(taken))}"
