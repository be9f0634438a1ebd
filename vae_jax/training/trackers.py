"""Copies of a run's numbers to a service, where VAE_JAX_TRACK names it: wandb, mlflow.

metrics.jsonl stays the record; a tracker is told the same numbers by tag and step.
"""

import importlib
import os
import pathlib
from typing import Any, Protocol

from vae_jax import files, registry
from vae_jax.types import UserError

VARIABLE = "VAE_JAX_TRACK"
PROJECT = "vae_jax"


class Tracker(Protocol):
  """What is told the numbers of a run."""

  def write(self, values: dict[str, float], step: int) -> None:
    """Numbers by tag, train/loss/beta_4_seed_0, at a step."""

  def close(self) -> None:
    """The training has ended, for now."""


class Wandb:
  """Weights & Biases; the same run directory continues the same run."""

  def __init__(self, folder: pathlib.Path, config: dict[str, Any]):
    wandb = _package("wandb")
    self._run = wandb.init(
      project=PROJECT,
      name=folder.name,
      id=_identity(folder, wandb.util.generate_id),
      resume="allow",
      config=config,
      dir=str(folder),
    )

  def write(self, values: dict[str, float], step: int) -> None:
    """Numbers by tag at a step."""
    self._run.log(values, step=step)

  def close(self) -> None:
    """Ends the upload."""
    self._run.finish()


class Mlflow:
  """MLflow; MLFLOW_TRACKING_URI says where, by default a folder beside the program."""

  def __init__(self, folder: pathlib.Path, config: dict[str, Any]):
    self._mlflow = _package("mlflow")
    self._mlflow.set_experiment(PROJECT)
    kept = folder / "mlflow.id"
    known = kept.read_text() if kept.is_file() else None
    run = self._mlflow.start_run(run_id=known, run_name=None if known else folder.name)
    if known is None:
      files.write_text(kept, run.info.run_id)
      self._mlflow.log_dict(config, "config.json")

  def write(self, values: dict[str, float], step: int) -> None:
    """Numbers by tag at a step."""
    self._mlflow.log_metrics(values, step=step)

  def close(self) -> None:
    """Ends the run."""
    self._mlflow.end_run()


KNOWN = {"wandb": Wandb, "mlflow": Mlflow}


def names() -> list[str]:
  """The trackers that the environment asks for, each checked to be there.

  Raises:
    UserError: an unknown name, or its package is not installed.
  """
  found = [name for name in os.environ.get(VARIABLE, "").split(",") if name]
  for name in found:
    if name not in KNOWN:
      raise UserError(f"{VARIABLE} names {name!r}.{registry.nearest(name, [*KNOWN])}")
    _package(name)
  return found


def start(folder: pathlib.Path) -> list[Tracker]:
  """The trackers of a run directory, told its configuration."""
  chosen = names()
  config = files.read_json(folder / "config.json", dict) if chosen else {}
  return [KNOWN[name](folder, config) for name in chosen]


def _package(name: str) -> Any:
  try:
    return importlib.import_module(name)
  except ImportError as error:
    raise UserError(
      f"Tracking with {name} needs its package: pip install 'vae-jax[{name}]' ({error})."
    ) from error


def _identity(folder: pathlib.Path, make: Any) -> str:
  kept = folder / "wandb.id"
  if not kept.is_file():
    files.write_text(kept, make())
  return kept.read_text()
