"""A run of several parts as one: their rows and their seconds in the run directory itself."""

import json
import math
import pathlib

from vae_jax import files
from vae_jax.training.workdir import read_about, read_parts


def sum_up(folder: pathlib.Path, into: pathlib.Path | None = None) -> None:
  """Writes metrics.jsonl and run.json of the whole run from those of its parts, as far as they are.

  Args:
    folder: the run directory.
    into: where they are written instead.

  Raises:
    UserError: a file of the run directory is damaged.
  """
  parts = read_parts(folder / "parts.json")
  places = [(folder / entry["folder"], entry["members"]) for entry in parts]
  into = into or folder
  merge_rows(into, places)
  found = [where / "run.json" for where, _ in places]
  seconds = sum(read_about(path)["seconds"] for path in found if path.is_file())
  about = read_about(folder / "run.json")
  files.write_json(into / "run.json", {**about, "seconds": seconds})


def merge_rows(into: pathlib.Path, parts: list[tuple[pathlib.Path, list[int]]]) -> None:
  """One metrics.jsonl from those of the parts, the members numbered as in the whole sweep.

  Args:
    into: the folder it is written to.
    parts: the folder of each part, and the numbers of its members.
  """
  lines = [
    line({**row, "member": numbers[row["member"]]})
    for folder, numbers in parts
    for row in files.read_rows(folder / "metrics.jsonl", len(numbers))
  ]
  files.write_text(into / "metrics.jsonl", "".join(lines))


def line(row: dict) -> str:
  """A row of metrics.jsonl: a NaN stays visible, and the file stays JSON for strict readers."""
  row = {
    k: str(v) if isinstance(v, float) and not math.isfinite(v) else v
    for k, v in row.items()
  }
  return json.dumps(row) + "\n"
