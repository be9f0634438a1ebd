"""Files of a run directory: read with a sentence for a damaged one, written whole or not at all."""

import contextlib
import errno
import json
import math
import os
import pathlib
import secrets
from collections.abc import Callable
from typing import Any

from vae_jax.types import UserError

KINDS = {dict: "an object {...}", list: "a list [...]"}


def read_json(path: pathlib.Path, kind: type | None = None) -> Any:
  """A JSON file in UTF-8.

  Args:
    path: of the file.
    kind: dict or list where the file must hold one.

  Raises:
    UserError: it is no JSON, not in UTF-8, or of another kind.
  """
  try:
    value = json.loads(path.read_text(encoding="utf-8"))
  except (ValueError, RecursionError) as error:  # of JSON and of the encoding alike
    raise UserError(f"{path} is damaged ({error}): restore it or train again.") from error
  if kind is not None and not isinstance(value, kind):
    raise UserError(
      f"{path} is damaged (it holds {type(value).__name__}, expected {KINDS[kind]}): restore it"
      " or train again."
    )
  return value


def read_rows(path: pathlib.Path, members: int | None = None) -> list[dict]:
  """The rows of a metrics.jsonl; what a kill or a loss of power cut off at the end is left out.

  Args:
    path: of the file; without one there are no rows.
    members: how many there are, where a row of another is a damage.

  Raises:
    UserError: a line is damaged and a sound one follows.
  """
  if not path.is_file():
    return []
  rows, bad = [], None
  for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
    row = _row(line, members)
    if row is None:
      bad = bad or number
    elif bad:
      raise UserError(
        f"{path}, line {bad}, is damaged (expected a row with step, split and member): restore"
        " the file or remove that line."
      )
    else:
      rows.append(row)
  return rows


def _row(line: bytes, members: int | None) -> dict | None:
  """A line of metrics.jsonl, or None for one that is damaged."""
  try:
    row = json.loads(line.decode("utf-8"))
  except (ValueError, RecursionError):
    return None
  sound = isinstance(row, dict) and isinstance(row.get("split"), str)
  sound = sound and is_integer(row.get("step")) and is_integer(row.get("member"))
  within = sound and row["member"] >= 0 and (members is None or row["member"] < members)
  return row if within else None


def write_json(path: pathlib.Path, value: Any) -> None:
  """Writes a JSON file whole or not at all."""
  write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path: pathlib.Path, text: str) -> None:
  """Writes a file in UTF-8 whole or not at all."""
  write_whole(path, lambda scratch: scratch.write_text(text, encoding="utf-8"))


def write_whole(path: pathlib.Path, write: Callable[[pathlib.Path], Any]) -> None:
  """A file that a killed process or a loss of power leaves as it was or complete.

  Args:
    path: of the file.
    write: writes the path that it is handed; that one then takes the place of `path`.
  """
  # A name of its own for each writer: processes of several machines may write side by side.
  scratch = path.with_name(f".{secrets.token_hex(6)}.{path.name}")
  try:
    write(scratch)
    with scratch.open("rb") as file:
      os.fsync(file.fileno())
    scratch.replace(path)
    _sync_folder(path.parent)
  finally:
    scratch.unlink(missing_ok=True)


def check_writable(folder: pathlib.Path) -> None:
  """Makes a folder and tries to write a file there.

  Raises:
    OSError: either fails.
  """
  folder.mkdir(parents=True, exist_ok=True)
  probe = folder / f".probe-{secrets.token_hex(6)}"
  try:
    with probe.open("xb") as file:
      file.write(b"x")
  finally:
    probe.unlink(missing_ok=True)


def inside(folder: pathlib.Path, *names: str) -> pathlib.Path:
  """The path of plain names below a folder.

  Raises:
    UserError: a name is not plain, or a link on the way leads out of the folder.
  """
  for name in names:
    if not isinstance(name, str) or not is_plain(name):
      raise UserError(
        f"{folder} names {name!r} as a file of its own; expected a plain name without a"
        " folder: this directory was not written by vae_jax, do not use it."
      )
  path = folder.joinpath(*names)
  try:
    home, found = folder.resolve(), path.resolve()
  except (OSError, RuntimeError) as error:  # links that go round in a circle
    raise UserError(f"{path} cannot be followed ({error}): remove that link.") from error
  if home != found and home not in found.parents:
    raise UserError(
      f"{path} is a link that leads out of its directory: replace it by what it points to."
    )
  return path


def is_plain(name: str) -> bool:
  """Whether a name is of one file: no folder, not hidden, nothing that cannot be printed."""
  return 0 < len(name) < 200 and name[0] != "." and name.isprintable() and not (
    set(name) & set("/\\")
  )  # fmt: skip


def is_number(value: Any) -> bool:
  """Whether a value read from JSON is a finite number."""
  return (
    isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
  )


def is_integer(value: Any) -> bool:
  """Whether a value read from JSON is an integer."""
  return isinstance(value, int) and not isinstance(value, bool)


def _sync_folder(folder: pathlib.Path) -> None:
  """Makes a rename last; a file system that cannot do this for a folder is left alone."""
  with contextlib.suppress(OSError):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
      os.fsync(descriptor)
    except OSError as error:
      if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
        raise
    finally:
      os.close(descriptor)
