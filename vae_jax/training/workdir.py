"""The run directory: claimed by one configuration, checked before any compute."""

import contextlib
import json
import pathlib
import shutil

from vae_jax import config as configuration
from vae_jax import files
from vae_jax.types import UserError

FORMAT = 1  # of a run directory, in its run.json; one without a number is of format 1
FOLDERS = ("checkpoints", "parts", "reports", "figures", "tensorboard")


def named(path: str | pathlib.Path) -> pathlib.Path:
  """The run directory of this name.

  Raises:
    UserError: the name is empty, which would be the folder the program was started in.
  """
  if not str(path).strip():
    raise UserError("--workdir is empty: name the run directory, like runs/digits.")
  return pathlib.Path(path)


def require_writable(workdir: pathlib.Path) -> None:
  """Makes the run directory and makes sure that it can be written, and it alone.

  Raises:
    UserError: it cannot be, or a folder of it is a link that leads out of it.
  """
  try:
    files.check_writable(workdir)
  except OSError as error:
    raise UserError(
      f"{workdir} cannot be written ({error.strerror}): choose a --workdir that can."
    ) from error
  for name in FOLDERS:
    files.inside(workdir, name)


def require_same(workdir: pathlib.Path, config: dict) -> None:
  """Makes sure that what the run directory holds is of this configuration.

  Raises:
    UserError: it belongs to another configuration (the difference is shown), or holds
      something else.
  """
  written = workdir / "config.json"
  if written.is_file():
    lines = differences(files.read_json(written, dict), config)
    if lines:
      raise UserError(
        f"{workdir} holds a run of another configuration: {some(lines)}. Take another"
        f" --workdir, or give the same configuration to resume."
      )
  elif (workdir / "checkpoints").exists():
    raise UserError(
      f"{workdir} has checkpoints and no config.json: take another --workdir."
    )


def differences(old: dict, new: dict) -> list[str]:
  """The fields in which a configuration as written differs from one of today, a line each.

  A field that was not there when the old one was written, and has its default in the new one,
  is no difference.
  """
  new = json.loads(json.dumps(new))
  with contextlib.suppress(
    UserError
  ):  # what today's code does not know is shown as written
    old = configuration.resolve(old)
  return configuration.difference(json.loads(json.dumps(old)), new)


def some(lines: list[str]) -> str:
  """The first few of many differences."""
  return "; ".join(lines[:8]) + (f"; and {len(lines) - 8} more" if len(lines) > 8 else "")


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


def read_members(path: pathlib.Path) -> list[dict]:
  """members.json: what distinguishes each member.

  Raises:
    UserError: it is damaged.
  """
  rows = files.read_json(path, list)
  plain = lambda v: v is None or isinstance(v, str | bool) or files.is_number(v)
  whole = lambda row: (
    isinstance(row, dict)
    and files.is_integer(row.get("seed"))
    and all(plain(value) for value in row.values())
  )
  if not rows or not all(whole(row) and row.keys() == rows[0].keys() for row in rows):
    raise UserError(
      f"{path} is damaged (expected a list of members, each with its seed and the same names):"
      " restore it or train again."
    )
  return rows


def read_about(path: pathlib.Path) -> dict:
  """run.json: `data_dir` and `plugins` a path or null, `seconds` a number, and what is printed.

  Raises:
    UserError: it is damaged, or of a format that came later.
  """
  about = files.read_json(path, dict)
  where = about.setdefault("data_dir", None)
  plugins, form = about.setdefault("plugins", None), about.setdefault("format", FORMAT)
  seconds, whole = about.setdefault("seconds", 0.0), about.setdefault("joined", False)
  paths = all(path is None or isinstance(path, str) for path in (where, plugins))
  if not (
    paths
    and files.is_number(seconds)
    and files.is_integer(form)
    and isinstance(whole, bool)
  ):
    raise UserError(
      f"{path} is damaged (expected data_dir and plugins, paths or null, seconds, a number,"
      " joined, true or false, and format, an integer): restore it or train again."
    )
  if form > FORMAT:
    raise UserError(
      f"{path} is of format {form}, and this version reads up to {FORMAT}: evaluate the run with"
      " the version that trained it, or a later one."
    )
  return about


def read_parts(path: pathlib.Path) -> list[dict]:
  """parts.json: of each part its `folder`, its `program` and the numbers of its `members`.

  Raises:
    UserError: it is damaged, or names a folder that is not one of the run directory's parts.
  """
  entries = files.read_json(path, list)
  sound = lambda i, entry: (
    isinstance(entry, dict)
    and entry.get("folder") == f"parts/{i:03d}"
    and files.is_integer(entry.get("program"))
    and isinstance(entry.get("members"), list)
    and entry["members"]
    and all(files.is_integer(number) for number in entry["members"])
  )
  good = len(entries) > 1 and all(sound(i, entry) for i, entry in enumerate(entries))
  numbers = sorted(n for entry in entries for n in entry["members"]) if good else []
  if not numbers or numbers != list(range(len(numbers))):
    raise UserError(
      f"{path} is damaged (expected the parts parts/000, parts/001, ... with their program, and"
      " every member in one of them): restore it or train again."
    )
  for entry in entries:
    files.inside(path.parent, *entry["folder"].split("/"))
  return entries
