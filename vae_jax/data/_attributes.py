"""A table of what pictures show: file names in its first column, an attribute in each other."""

import csv
import pathlib
from typing import NamedTuple

import numpy as np

from vae_jax import registry
from vae_jax.data import _files, _pictures
from vae_jax.types import Factor, UserError

FILES = ("attributes.csv", "list_attr_celeba.csv", "list_attr_celeba.txt")
CLASS = ("class", "label")  # a column of this name holds classes
SPLIT = ("split", "partition")  # and of this one splits, by name or as CelebA's 0, 1, 2
SPLITS = {
  "train": "train", "0": "train", "valid": "valid", "val": "valid", "1": "valid",
  "test": "test", "2": "test",
}  # fmt: skip
MOST = 1000  # different values of one attribute


class Table(NamedTuple):
  """What is known of each picture, in the order of the pictures."""

  name: str  # of the file
  factors: tuple[Factor, ...]
  index: np.ndarray  # [N, F] int32 into the values of the factors
  classes: list[str]  # empty without such a column
  split: list[str]  # empty without such a column


def read(source: _pictures.Source, name: str) -> Table | None:
  """The table that is named, or that is beside the pictures under a known name; else None.

  Raises:
    UserError: it is not there, has no row for a picture, or an empty cell.
  """
  found = _find(source, name)
  if found is None:
    return None
  raw, file = found
  head, rows = _cells(_files.text(raw, file)[0], file)
  cells = _matched(source, rows, file)
  columns = dict(zip(head, map(list, zip(*cells, strict=True)), strict=True))
  for column, values in columns.items():
    if "" in values:
      raise UserError(
        f"{file}: column {column!r} is empty for {source.names[values.index('')]}; fill it in."
      )
  special = lambda words: next((c for c in columns if c.lower() in words), None)
  classes, split = columns.pop(special(CLASS), []), columns.pop(special(SPLIT), [])
  if unknown := sorted(set(split) - set(SPLITS)):
    raise UserError(f"{file}: {unknown[0]!r} is no split; expected train, valid or test.")
  made = [_factor(column, values, file) for column, values in columns.items()]
  index = (
    np.stack([i for _, i in made], -1) if made else np.zeros((len(cells), 0), np.int32)
  )
  factors = tuple(f for f, _ in made)
  return Table(file, factors, index, list(classes), [SPLITS[s] for s in split])


def _matched(source: _pictures.Source, rows: list[list[str]], file: str) -> list[list[str]]:
  """The cells of each picture, by its path below the folder or by its bare name."""
  of_row = {row[0].strip(): row[1:] for row in rows}
  bases = [_base(name) for name in source.names]
  alone = len(set(bases)) == len(bases)  # else a bare name is not unique
  of_base = {_base(known): cells for known, cells in of_row.items()} if alone else {}
  cells = []
  for picture, base in zip(source.names, bases, strict=True):
    row = of_row.get(picture, of_base.get(base))
    if row is None:
      raise UserError(
        f"{file} has no row for the picture {picture}; its first column must name every one,"
        f" as {rows[0][0]!r} does."
      )
    cells.append([cell.strip() for cell in row])
  return cells


def _find(source: _pictures.Source, name: str) -> tuple[bytes, str] | None:
  inside = {pathlib.PurePosixPath(p).name: p for p in source.others}
  for wanted in (name,) if name else FILES:
    if wanted in source.others or wanted in inside:
      return source.read(inside.get(wanted, wanted)), wanted
    for folder in (source.path.parent, source.path, pathlib.Path(".")):
      if name and (folder / name).is_file():
        return (folder / name).read_bytes(), name
  if not name:
    return None
  hint = registry.nearest(name, list(inside)) if inside else ""
  raise UserError(f"There is no table {name!r} beside the pictures.{hint}")


def _cells(text: str, file: str) -> tuple[list[str], list[list[str]]]:
  """The names of the attributes, and the rows; CelebA's own file has a count above them."""
  lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
  if lines and lines[0].strip().isdigit():
    lines = lines[1:]
  if file.endswith(".txt"):
    rows = [line.split() for line in lines]
    rows = (
      [["file", *rows[0]], *rows[1:]]
      if len(rows) > 1 and len(rows[1]) > len(rows[0])
      else rows
    )
  else:
    rows = list(csv.reader(lines))
  if len(rows) < 2 or len(rows[0]) < 2:
    raise UserError(
      f"{file} needs a line of names, with a column or more beside the files'."
    )
  for number, row in enumerate(rows, 1):
    if len(row) != len(rows[0]):
      raise UserError(
        f"{file}: row {number} has {len(row)} cells and the first has {len(rows[0])};"
        " expected the same number."
      )
  head = [cell.strip() for cell in rows[0][1:]]
  if len(set(head)) < len(head):
    raise UserError(f"{file} names two columns alike; give each a name of its own.")
  return head, rows[1:]


def _factor(name: str, cells: list[str], file: str) -> tuple[Factor, np.ndarray]:
  """A column as a factor and its index [N]; numbers are sorted, and so are words."""
  words = sorted(set(cells))
  if len(words) > MOST:
    raise UserError(
      f"{file}: column {name!r} has {len(words):,} different values; at most {MOST:,} are an"
      " attribute: round them, or leave the column out."
    )
  try:
    numbers = sorted({float(word) for word in words})
    if not np.isfinite(numbers).all():
      raise UserError(f"{file}: column {name!r} has a number that is not finite.")
    index = np.searchsorted(numbers, [float(cell) for cell in cells])
    numbers = [0.0, 1.0] if numbers == [-1.0, 1.0] else numbers
    return Factor(name, tuple(numbers)), index.astype(np.int32)
  except ValueError as error:
    if isinstance(error, UserError):
      raise
  places = tuple(float(i) for i in range(len(words)))
  index = np.searchsorted(words, cells).astype(np.int32)
  return Factor(name, places, tuple(words)), index


def _base(name: str) -> str:
  """A file's name without folders and ending, by which a table may know it."""
  return pathlib.PurePosixPath(name.strip()).stem
