"""What several tests build: small configurations and runs."""

import pathlib
import subprocess
import sys
from typing import Any

from vae_jax import config as configuration

ROOT = pathlib.Path(__file__).parent.parent


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


def program(name: str, *words: str, **options: Any) -> subprocess.CompletedProcess:
  """Runs train.py or evaluate.py as a user does."""
  return subprocess.run(
    [sys.executable, str(ROOT / name), *words],
    capture_output=True, text=True, cwd=ROOT, check=False, **options,
  )  # fmt: skip
