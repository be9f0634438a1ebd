"""Tables of the documentation, written from stored reports: python -m vae_jax.report.pages.

In a page, `<!-- table: results/NAME.json "TITLE" columns="A|B" rows="method=PCA,VAE" -->` up to
`<!-- end -->` is such a table, and `<!-- value: ... -->` with one column and one row is a
number in a sentence. `<!-- atlas: results/NAME.json -->` is a β atlas with its sentences.
--check writes nothing and tells which page differs.
--store RUN NAME makes docs/results/NAME.json of a run that was evaluated.
"""

import argparse
import os
import pathlib
import re
import shlex
import sys
from typing import Any, NamedTuple

from vae_jax.report import literature, stored
from vae_jax.report.formatting import cells, compact, joined
from vae_jax.types import UserError

BLOCK = re.compile(
  r"(<!-- (table|value|literature|atlas): (.*?) -->)(.*?)(<!-- end -->)", re.S
)
DROPPED = ("seconds", "± seconds")  # they differ from machine to machine


class Asked(NamedTuple):
  """What a marker asks for."""

  file: str  # below docs/
  title: str
  columns: tuple[str, ...]  # all where empty
  rows: dict[str, tuple[str, ...]]  # a column, and the values of the rows that are shown


def asked(words: str) -> Asked:
  """The words of a marker.

  Raises:
    UserError: it has no file and title, or an unknown word.
  """
  file, *rest = shlex.split(words)
  given = dict(word.partition("=")[::2] for word in rest[1:])
  if not rest or not set(given) <= {"columns", "rows"}:
    raise UserError(
      f'The marker <!-- table: {words} --> is not of the form file "title" columns="A|B"'
      ' rows="A=x,y".'
    )
  wanted = [part.partition("=")[::2] for part in given.get("rows", "").split(";") if part]
  split = lambda values: tuple(values.split("|" if "|" in values else ","))
  rows = {name: split(values) for name, values in wanted}
  columns = tuple(name for name in given.get("columns", "").split("|") if name)
  return Asked(file, rest[0], columns, rows)


def chosen(docs: pathlib.Path, wanted: Asked) -> dict[str, Any]:
  """The table of a stored report with the columns and rows that are asked for.

  Raises:
    UserError: the report has no such table, column or row.
  """
  known = {table["title"]: table for table in stored.load(docs / wanted.file)["tables"]}
  if wanted.title not in known:
    raise UserError(f"{wanted.file} has no table {wanted.title!r}: {', '.join(known)}.")
  table = known[wanted.title]
  columns = table["columns"]
  at = [i for i, name in enumerate(columns) if name not in DROPPED]
  if wanted.columns:
    found = [_place(columns, name, wanted) for name in wanted.columns]
    at = [j for i in found for j in ((i, i + 1) if joined(columns, i) else (i,))]
  keep = range(len(table["rows"]))
  for name, values in wanted.rows.items():
    place = _place(columns, name, wanted)
    keep = [i for i in keep if _word(table["rows"][i][place]) in values]
    missing = set(values) - {_word(table["rows"][i][place]) for i in keep}
    if missing:
      raise UserError(
        f"{wanted.file}, {wanted.title!r}, has no row with {name} {min(missing)}."
      )
  marks = {tuple(mark) for mark in table.get("marks", ())}
  picked = [
    [r, c] for r, row in enumerate(keep) for c, at_ in enumerate(at) if (row, at_) in marks
  ]
  rows = [[table["rows"][i][j] for j in at] for i in keep]
  return {**table, "columns": [columns[j] for j in at], "rows": rows, "marks": picked}


def markdown(table: dict[str, Any], whole: bool) -> str:
  """A Markdown table; numbers are written as on a report's page, the best of a column bold.

  Args:
    table: of a stored report.
    whole: whether columns that hold one value in all rows are shown.
  """
  shown = compact(table) if not whole else None
  columns = shown.columns if shown else table["columns"]
  rows, marks = (shown.rows, shown.marks) if shown else (table["rows"], table["marks"])
  found = cells(columns, rows, marks)
  lines = [[head["name"] for head in found["head"]]]
  lines.append(["---:" if h["kind"] == "number" else "---" for h in found["head"]])
  lines += [[_cell(one) for one in row] for row in found["body"]]
  return "".join(f"| {' | '.join(word for word in line)} |\n" for line in lines)


def written(page: pathlib.Path, docs: pathlib.Path) -> str:
  """The text of a page with every block as its stored report has it.

  Raises:
    UserError: a marker asks for what is not stored.
  """

  def block(found: re.Match) -> str:
    start, kind, words, _, end = found.groups()
    if kind == "literature":
      return f"{start}\n{literature.table(docs, words.strip())}{end}"
    if kind == "atlas":
      return f"{start}\n{stored.load(docs / words.strip())['markdown']}{end}"
    wanted = asked(words)
    table = chosen(docs, wanted)
    if kind == "value":
      return f"{start}{_value(table, wanted)}{end}"
    link = os.path.relpath(docs / wanted.file, page.parent)
    name = pathlib.PurePath(wanted.file).name
    text = markdown(table, bool(wanted.columns))
    return f"{start}\n{text}\nStored report: [{name}]({link}).\n{end}"

  return BLOCK.sub(block, page.read_text(encoding="utf-8"))


def pages(docs: pathlib.Path) -> list[pathlib.Path]:
  """README and every page below the folder."""
  readme = docs.parent / "README.md"
  return [*([readme] if readme.is_file() else []), *sorted(docs.rglob("*.md"))]


def _place(columns: list[str], name: str, wanted: Asked) -> int:
  """The column of this name, whose unit after a comma may be left out."""
  exact = [i for i, column in enumerate(columns) if column == name]
  found = exact or [i for i, c in enumerate(columns) if c.rpartition(", ")[0] == name]
  if len(found) != 1:
    raise UserError(
      f"{wanted.file}, {wanted.title!r}, has no column {name!r}: {' | '.join(columns)}."
    )
  return found[0]


def _word(value: Any) -> str:
  return f"{value:g}" if isinstance(value, int | float) else str(value)


def _cell(one: dict[str, Any]) -> str:
  text = one["text"] + (f" ± {one['error']}" if one["error"] is not None else "")
  text = text.replace("|", "∣")
  return f"**{text}**" if one["best"] else text


def _value(table: dict[str, Any], wanted: Asked) -> str:
  if len(table["rows"]) != 1 or len(wanted.columns) != 1:
    raise UserError(f"A value needs one column and one row: {wanted}.")
  return _cell({**cells(table["columns"], table["rows"])["body"][0][0], "best": False})


def main(arguments: list[str] | None = None) -> None:
  """Writes the pages, checks them, or stores a report."""
  parser = argparse.ArgumentParser(
    prog="python -m vae_jax.report.pages",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument("--docs", type=pathlib.Path, default="docs", help="the folder")
  parser.add_argument("--check", action="store_true", help="status 1 where a page differs")
  parser.add_argument("--store", nargs=2, metavar=("RUN", "NAME"), help="store a report")
  parser.add_argument(
    "--application", help="with --store, of a run with several reports; or atlas"
  )
  given = parser.parse_args(arguments)
  try:
    if given.store:
      run, name = given.store
      target = given.docs / "results" / f"{name}.json"
      stored.store(pathlib.Path(run), given.application, target)
      print(f"Stored {target}.")
      return
    differ = [
      p for p in pages(given.docs) if written(p, given.docs) != p.read_text("utf-8")
    ]
    for page in differ:
      print(f"{page} differs from its stored reports." if given.check else f"Wrote {page}.")
      if not given.check:
        page.write_text(written(page, given.docs), encoding="utf-8")
  except UserError as error:
    parser.error(str(error))
  sys.exit(1 if given.check and differ else 0)


if __name__ == "__main__":
  main()
