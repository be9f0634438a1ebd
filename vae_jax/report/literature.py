"""The numbers of the literature beside our own."""

import pathlib
from typing import Any

from vae_jax import files
from vae_jax.report import stored
from vae_jax.report.formatting import number
from vae_jax.types import UserError

HEAD = (
  "paper", "where", "protocol", "quantity", "theirs", "ours", "difference", "seeds",
  "config",
)  # fmt: skip
DASH = "–"


def table(docs: pathlib.Path, file: str) -> str:
  """A row for each number of the literature; a dash for ours where it was not run.

  Args:
    docs: the folder of the pages.
    file: the list below it: of each number the paper, where it stands, the protocol, the
      quantity, the number as text, the configuration and, where it was run, the stored report,
      table, row and column of ours; else the hours that a run is expected to take.

  Raises:
    UserError: an entry names a report, a row or a column that is not stored.
  """
  rows = [_row(docs, entry) for entry in files.read_json(docs / file, list)]
  lines = [HEAD, ("---",) * len(HEAD), *rows]
  return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(docs: pathlib.Path, entry: dict[str, Any]) -> tuple[str, ...]:
  said = (entry["paper"], entry["where"], entry["protocol"], entry["quantity"])
  if "ours" not in entry:
    hours = entry.get("hours")
    run = f"`{entry['config']}`" if entry.get("config") else "none yet"
    run += f", about {hours:g} h" if hours is not None else ""
    return (*said, entry["theirs"], DASH, DASH, DASH, run)
  ours, half, seeds = _found(docs, entry["ours"])
  digits = entry["digits"]
  text = number(ours, digits) + (f" ± {number(half, digits)}" if half is not None else "")
  difference = ours - float(entry["theirs"].split(" ")[0])
  signed = ("+" if difference > 0 else "") + number(difference, digits)
  return (*said, entry["theirs"], text, signed, str(seeds or 1), f"`{entry['config']}`")


def _found(docs: pathlib.Path, where: dict[str, Any]) -> tuple[float, float | None, int]:
  """Our number, its half width and its seeds."""
  known = {t["title"]: t for t in stored.load(docs / where["file"])["tables"]}
  table = known.get(where["table"], {"columns": [], "rows": []})
  columns, column = table["columns"], where["column"]
  fits = lambda row: all(row[columns.index(k)] == v for k, v in where["row"].items())
  if column not in columns or not set(where["row"]) <= set(columns):
    raise UserError(f"{where['file']} has no {where['table']!r} with {column!r}.")
  rows = [row for row in table["rows"] if fits(row)]
  if len(rows) != 1:
    raise UserError(f"{where['file']} has {len(rows)} rows {where['row']}; expected one.")
  at = columns.index(column)
  half = rows[0][at + 1] if columns[at + 1 : at + 2] == [f"± {column}"] else None
  seeds = rows[0][columns.index("seeds")] if "seeds" in columns else None
  return float(rows[0][at]), half, seeds
