"""A table as text: of unknown encoding and separator, with a head line."""

import csv
import io
import itertools
import pathlib
import re

from vae_jax.data import _files
from vae_jax.types import UserError

SEPARATORS = (",", ";", "\t", "|")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def read(path: pathlib.Path) -> tuple[list[str], list[list[str]], str]:
  """The names and the cells of each column, and the encoding they were read in.

  Raises:
    UserError: another encoding, rows of different lengths, a quotation mark that is not
      closed, or decimal commas; the message names the row.
  """
  return parse(_files.unpacked(path), path.name)


def parse(raw: bytes, name: str) -> tuple[list[str], list[list[str]], str]:
  """As `read`, of the content of a file; `name` is for messages."""
  content, encoding = _files.text(raw, name)
  content = content.removeprefix("\ufeff")
  comma = separator(content)
  rows, reader = [], csv.reader(io.StringIO(content, newline=""), delimiter=comma)
  try:
    rows.extend(row for row in reader if row)
  except csv.Error as error:  # a cell of more than 131,072 characters, and the like
    raise UserError(
      f"{name}, row {reader.line_num}, cannot be read as {encoding} text with cells"
      f" between {comma!r} ({error}); look for a quotation mark that is not closed."
    ) from error
  if len(rows) < 3:
    raise UserError(f"{name} has {len(rows)} lines; expected names and two rows or more.")
  for number, row in enumerate(rows, 1):
    _check(row, len(rows[0]), comma, f"{name}: row {number}")
  names = [cell.strip() for cell in rows[0]]
  return names, [list(cells) for cells in zip(*rows[1:], strict=True)], encoding


def separator(content: str) -> str:
  """The one that cuts the first rows into the most cells, the same number in each."""
  best, most = ",", 1
  for one in SEPARATORS:
    reader = csv.reader(io.StringIO(content[:65536], newline=""), delimiter=one)
    try:
      widths = [len(row) for row in itertools.islice(reader, 20) if row]
    except csv.Error:
      continue
    widths = widths[:-1] if len(widths) > 2 else widths  # the last may be cut
    if widths and len(set(widths)) == 1 and widths[0] > most:
      best, most = one, widths[0]
  return best


def _check(row: list[str], width: int, comma: str, where: str) -> None:
  if len(row) != width:
    raise UserError(
      f"{where} has {len(row)} cells and the first has {width}, between {comma!r}; expected"
      " the same number."
    )
  bad = next((c for c in row if DECIMAL_COMMA.fullmatch(c.strip())), None)
  if bad is not None and comma != ",":
    raise UserError(f"{where} has {bad!r}; write a decimal point, not a comma.")
