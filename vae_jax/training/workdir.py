"""The run directory: claimed by one configuration, checked before any compute."""

import json
import os
import pathlib
import shutil
from typing import Any

from vae_jax import config as configuration
from vae_jax.types import UserError

FORMAT = 1  # of a run directory, in its run.json; one without a number is of format 1


def require(workdir: pathlib.Path, config: dict, writes: bool = True) -> None:
  """Makes sure that the folder can be this configuration's, and can be written.

  Args:
    workdir: the run directory.
    config: complete.
    writes: whether this process will write there; of several one does.

  Raises:
    UserError: it belongs to another configuration (the difference is shown), holds
      something else, or cannot be written.
  """
  written = workdir / "config.json"
  if written.is_file():
    # A field that came later has the value its absence meant: the default.
    there = configuration.resolve(read_json(written))
    lines = configuration.difference(there, json.loads(json.dumps(config)))
    if lines:
      shown = "; ".join(lines[:8]) + (
        f"; and {len(lines) - 8} more" if len(lines) > 8 else ""
      )
      raise UserError(
        f"{workdir} holds a run of another configuration: {shown}. Take another --workdir, or"
        f" give the same configuration to resume."
      )
  elif (workdir / "checkpoints").exists():
    raise UserError(
      f"{workdir} has checkpoints and no config.json: take another --workdir."
    )
  if not writes:
    return
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    probe = workdir / ".probe"
    probe.write_text("")
    probe.unlink()
  except OSError as error:
    raise UserError(
      f"{workdir} cannot be written ({error.strerror}): choose a --workdir that can."
    ) from error


def require_space(workdir: pathlib.Path, needed: int) -> None:
  """Refuses to start what the disk cannot hold.

  Raises:
    UserError: fewer than `needed` bytes are free where the run is written.
  """
  free = shutil.disk_usage(workdir).free
  if free < needed:
    raise UserError(
      f"{workdir} has {free / 1e6:.0f} MB free and the checkpoints need {needed / 1e6:.0f} MB:"
      f" free some space or choose another --workdir."
    )


def read_json(path: pathlib.Path) -> Any:
  """A JSON file, or a sentence that names the damaged one."""
  try:
    return json.loads(path.read_text())
  except json.JSONDecodeError as error:
    raise UserError(f"{path} is damaged ({error}): restore it or train again.") from error


def write_json(path: pathlib.Path, value: Any) -> None:
  """Writes a JSON file whole or not at all."""
  scratch = path.with_suffix(f".tmp{os.getpid()}")
  scratch.write_text(json.dumps(value, indent=2) + "\n")
  scratch.replace(path)
