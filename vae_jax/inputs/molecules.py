"""A user's own csv of molecules with a number each, for a model that reads molecules."""

import math
import pathlib
from typing import NamedTuple

import numpy as np

from vae_jax.data import molecules as data
from vae_jax.metrics import chemistry
from vae_jax.run import Run
from vae_jax.types import UserError

LEAST = 20  # molecules that a head can be fitted on


class Given(NamedTuple):
  """The molecules of a file that the model can read."""

  name: str  # of the file
  smiles: list[str]  # canonical, each once
  values: np.ndarray  # [N] of the column
  x: np.ndarray  # [N, T]
  left_out: (
    int  # rows without a number, with symbols that the model does not know, or too long
  )


def read(path: str, column: str, run: Run) -> Given:
  """The SMILES of a csv with the numbers of a column.

  Args:
    path: of a .csv, packed or not, with a column of SMILES and a head line.
    column: the name of the numbers.
    run: whose symbols are read.

  Raises:
    UserError: no such file or column, a cell that is no number, a SMILES that is not valid (named
      by its line), or fewer than LEAST molecules that the model can read.
  """
  file = pathlib.Path(path)
  if not file.is_file():
    raise UserError(f"There is no file {path!r}; --set input=<a csv with SMILES>.")
  names, columns = data.cells(file)
  written = columns[names.index(data.smiles_column(names, "", file.name))]
  if column not in names:
    raise UserError(
      f"{file.name} has no column {column!r}; it has {', '.join(names)}: --set property=<one>."
    )
  found, left_out = {}, 0
  for line, (one, cell) in enumerate(
    zip(written, columns[names.index(column)], strict=True), 2
  ):
    where = f"{file.name}, line {line}:"
    if not (form := chemistry.canonical(one.strip())):
      raise UserError(f"{where} {one!r} is no valid SMILES: correct or remove it.")
    value = _number(cell, column, where)
    try:
      row = data.parse(form, run.spec, run.config["data"]["format"], where)
    except UserError:
      row = None
    if value is None or row is None:
      left_out += 1
    else:
      found[form] = (value, row)
  if len(found) < LEAST:
    raise UserError(
      f"{file.name} has {len(found)} molecules with a number that the model can read, and"
      f" {left_out} that it cannot: expected at least {LEAST}; train on molecules like these."
    )
  values, rows = zip(*found.values(), strict=True)
  return Given(file.name, list(found), np.array(values), np.stack(rows), left_out)


def _number(cell: str, column: str, where: str) -> float | None:
  """The number of a cell, None of an empty one."""
  if not cell.strip():
    return None
  try:
    value = float(cell)
  except ValueError:
    value = math.nan
  if not math.isfinite(value):
    raise UserError(f"{where} {column} is {cell!r}; expected a number.")
  return value
