"""What several tests build: small configurations and runs."""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

from vae_jax import config as configuration

ROOT = pathlib.Path(__file__).parent.parent
QUICK = (
  "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
  " --xla_cpu_parallel_codegen_split_count=1"  # a small program is not worth several threads
)


def tiny(**parts: Any) -> dict:
  """A complete configuration that trains in a second; parts are merged over it."""
  partial: dict[str, Any] = {
    "data": {"name": "digits"},
    "model": {"name": "mlp", "latents": 3, "hidden": [16]},
    "likelihood": {"name": "cross_entropy"},
    "objective": {"name": "beta"},
    "train": {"steps": 12, "batch_size": 16, "log_every": 4, "eval_every": 6},
  }
  for part, values in parts.items():
    merged = isinstance(values, dict) and part != "sweep"
    partial[part] = {**partial.get(part, {}), **values} if merged else values
  return configuration.resolve(partial)


def copied(config: dict, folder: Any) -> pathlib.Path:
  """A run of this configuration in a new folder, trained once for all tests of all workers."""
  from vae_jax.training import loop

  name = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]
  train = lambda making: loop.train(config, str(making), None, lambda line: None)
  return shutil.copytree(once(name, train), folder, dirs_exist_ok=True)


def once(name: str, make: Callable[[pathlib.Path], Any]) -> pathlib.Path:
  """A folder that `make` fills, made by whichever worker needs it first."""
  kept = pathlib.Path(os.environ["VAE_JAX_TEST_RUNS"], name)
  kept.parent.mkdir(parents=True, exist_ok=True)
  with kept.with_suffix(".lock").open("w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)  # the other worker waits, and finds it
    if not kept.is_dir():
      making = kept.with_suffix(".making")
      shutil.rmtree(making, ignore_errors=True)  # of a test that failed in it
      make(making)
      making.rename(kept)
  return kept


def quick(devices: int = 0) -> dict:
  """An environment whose programs are compiled as those of the tests are: soon, not well."""
  flags = [os.environ.get("XLA_FLAGS", ""), QUICK]
  if devices:
    flags.append(f"--xla_force_host_platform_device_count={devices}")
  return {**os.environ, "XLA_FLAGS": " ".join(flags)}


def program(name: str, *words: str, **options: Any) -> subprocess.CompletedProcess:
  """Runs train.py or evaluate.py as a user does."""
  return subprocess.run(
    [sys.executable, str(ROOT / name), *words],
    capture_output=True, text=True, cwd=ROOT, check=False, **options,
  )  # fmt: skip


def called(name: str, *words: str) -> subprocess.CompletedProcess:
  """The same within this process, where JAX is imported already: for what needs no more."""
  out, err, status = io.StringIO(), io.StringIO(), 0
  with (
    mock.patch.object(sys, "argv", [name, *words]),
    mock.patch.dict(os.environ),
    contextlib.chdir(ROOT),
    contextlib.redirect_stdout(out),
    contextlib.redirect_stderr(err),
  ):
    try:
      runpy.run_path(str(ROOT / name), run_name="__main__")
    except SystemExit as end:
      status = end.code or 0
  return subprocess.CompletedProcess([name, *words], status, out.getvalue(), err.getvalue())


def evaluated(name: str, runs: Any, settings: dict | None = None, seed: int = 0) -> Any:
  """The report of an application on a run, or on the programs of one."""
  return _asked("reporting", "report", name, runs, settings, seed)


def outcome(name: str, runs: Any, settings: dict | None = None, seed: int = 0) -> Any:
  """Everything that an application measured of a run, or of the programs of one."""
  return _asked("answer", "answer", name, runs, settings, seed)


def _asked(module: str, fn: str, name: str, runs: Any, settings: Any, seed: int) -> Any:
  import importlib

  import jax

  from vae_jax import registry
  from vae_jax.evaluation import protocol

  application = protocol.read(name, registry.find("applications", name))
  runs = runs if isinstance(runs, list) else [runs]
  ask = getattr(importlib.import_module(f"vae_jax.evaluation.{module}"), fn)
  return ask(application, runs, jax.random.key(seed), settings or {})


def means(report: Any, metric: str, **where: Any) -> dict[tuple, float]:
  """The long form's means of a metric by (method, condition), of rows that have these values."""
  at = {name: i for i, name in enumerate(report.scores.columns)}
  return {
    (row[at["method"]], row[at["condition"]]): row[at["mean"]]
    for row in report.scores.rows
    if row[at["metric"]] == metric
    and all(row[at[k]] in (v, None) for k, v in where.items())
  }


def scored(report: Any, metric: str, **known: Any) -> list[float]:
  """The means of a metric in the long form, in order, where columns have these values."""
  at = report.scores.columns.index
  named = {"metric": metric, **known}
  rows = [r for r in report.scores.rows if all(r[at(k)] == v for k, v in named.items())]
  return [row[at("mean")] for row in rows]


def lapack_calls(folder: pathlib.Path) -> list[str]:
  """The programs in JAX's dump that call LAPACK, with what they call; empties the folder."""
  found = []
  for path in sorted(folder.glob("*.mlir")):
    calls = sorted(set(re.findall(r"custom_call @(lapack_\w+)", path.read_text())))
    found += [f"{path.stem}: {', '.join(calls)}"] if calls else []
    path.unlink()
  return found


def validated(process: subprocess.Popen, least: int = 0) -> int:
  """The step of the first row, from `least` on, of the table that a training prints."""
  for line in process.stdout:
    found = re.match(r" +([0-9,]+)\*? ", line)
    if found and (step := int(found[1].replace(",", ""))) >= least:
      return step
  raise AssertionError(process.stderr.read() if process.stderr else "it ended")
