"""Numbers, names and tables as words for the eye."""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

SYMBOLS = {
  "beta": "β",
  "psnr": "PSNR",
  "mse": "MSE",
  "elbo": "ELBO",
  "nll": "NLL",
  "ess": "ESS",
  "iw": "IW",
}
WORDS = ("NaN", "inf", "-inf")  # how report.json writes a number that is none
FAINT = 1e-6  # below it a number is written as a power of ten, and a half width as 0
Marks = Iterable[Sequence[int]]


class Shown(NamedTuple):
  """A table without the columns that say the same in every row."""

  columns: list[str]
  rows: list[list[Any]]
  marks: list[tuple[int, int]]
  said: str  # what the columns left out hold, a sentence; empty where none is


def value_text(value: Any) -> str:
  """A swept value: a number without needless digits, a name as it is, a dash for none."""
  if isinstance(value, int | float) and not isinstance(value, bool):
    return f"{value:g}".replace("-", "−")
  return "–" if value is None else str(value)


def short(name: str) -> str:
  """A swept name: "β", "latents" for model.latents, "objective" for objective.name."""
  first, _, last = name.rpartition(".")
  return SYMBOLS.get(name, first if last == "name" else last)


def number(value: Any, digits: int | None = None, floor: float = 0.0) -> str:
  """A cell for the eye: a true minus sign, a dash for nothing.

  Args:
    value: a number, a string or None.
    digits: after the point; as many as four figures need without it.
    floor: what is below it is written as 0: of half widths, rounding, and of seconds.
  """
  if value is None:
    return "–"
  if isinstance(value, bool) or not isinstance(value, int | float):
    return {"inf": "∞", "-inf": "−∞"}.get(value, str(value))
  if isinstance(value, int):
    return f"{value:,}".replace("-", "−")
  if not math.isfinite(value):
    return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
  digits = decimals([value]) if digits is None else digits
  value = 0.0 if abs(value) < floor else value
  lost = value != 0 and abs(value) < 0.5 * 10.0**-digits
  if lost and abs(value) >= FAINT:  # one figure, where the column has none for it
    digits, lost = -math.floor(math.log10(abs(value))), False
  text = f"{value:.1e}" if lost or abs(value) >= 1e7 else f"{value:,.{digits}f}"
  return text.replace("-", "−")


def decimals(values: Iterable[Any], halves: Iterable[Any] = ()) -> int:
  """Digits after the point that give the largest of the values about four figures.

  Args:
    values: of a column.
    halves: of its intervals: the smallest one has two figures, and no value has more digits.
  """
  sizes, known = _sizes(values), [v for v in _sizes(halves) if v >= FAINT]
  if halves and not known and all(v == round(v) for v in sizes):
    return 0  # counts, which have no interval or one of width 0
  if not sizes:
    return 0 if any(isinstance(v, float) for v in values) else 2
  wanted = min(3 - math.floor(math.log10(max(sizes))), 2 if max(sizes) >= 1 else 6)
  if known:
    wanted = min(wanted, max(1, 1 - math.floor(math.log10(min(known)))))
  return max(0, min(6, wanted))


def _sizes(values: Iterable[Any]) -> list[float]:
  return [abs(v) for v in values if isinstance(v, float) and math.isfinite(v) and v != 0]


def joined(columns: Sequence[str], i: int) -> bool:
  """Whether the column after column i is the half width "± x" of its intervals."""
  return i + 1 < len(columns) and columns[i + 1].startswith("±")


def cells(
  columns: Sequence[str], rows: Sequence[Sequence[Any]], marks: Marks = ()
) -> dict[str, Any]:
  """A table for a template: a column "± x" joins the one before it.

  All numbers of a column have the same digits after the point; those of a column of round
  numbers, as β is, have as many as each needs.

  Args:
    columns: their names.
    rows: numbers, strings or None.
    marks: (row, column) of the best number of a column.

  Returns:
    {"head": {"name", "kind"} each, "body": rows of {"text", "error", "kind", "best"}}, where
    kind is "number", "word", "nan" or "collapsed".
  """
  best = {tuple(mark) for mark in marks}
  head: list[dict] = []
  body: list[list[dict]] = [[] for _ in rows]
  for i, name in enumerate(columns):
    if name.startswith("±"):
      continue
    values = [row[i] for row in rows]
    halves = [row[i + 1] for row in rows] if joined(columns, i) else [None] * len(rows)
    digits = decimals(values, halves if joined(columns, i) else ())
    if not any(size >= FAINT for size in _sizes(halves)):
      halves = [None] * len(rows)  # exact: "± 0.00" everywhere would say nothing
    kinds = {kind(value) for value in values}
    numeric = "number" in kinds or kinds == {"nan"}
    head.append({"name": heading(name), "kind": "number" if numeric else "word"})
    write = _round if not joined(columns, i) and _all_round(values) else number
    write = functools.partial(number, floor=0.005) if name == "seconds" else write
    for place, (line, value, half) in enumerate(zip(body, values, halves, strict=True)):
      one = {"text": write(value, digits), "kind": kind(value), "best": (place, i) in best}
      one["kind"] = "number" if numeric and value is None else one["kind"]
      one["error"] = None if half is None else number(half, digits, FAINT)
      line.append(one)
  return {"head": head, "body": body}


def compact(table: dict[str, Any]) -> Shown:
  """A table of report.json without the columns that hold one value in all of its rows.

  A measured column with intervals or with a mark stays, and so does one of NaN.
  """
  columns, rows = table["columns"], table["rows"]
  marks = [tuple(mark) for mark in table.get("marks", ())]
  marked = {mark[1] for mark in marks}
  same = [
    i
    for i, name in enumerate(columns)
    if len(rows) > 1
    and not (name.startswith("±") or joined(columns, i) or i in marked)
    and all(row[i] == rows[0][i] for row in rows)
    and kind(rows[0][i]) not in ("nan", "collapsed")
  ]
  kept = [i for i in range(len(columns)) if i not in same]
  if not kept:
    same, kept = [], list(range(len(columns)))
  place = {i: at for at, i in enumerate(kept)}
  one = cells([columns[i] for i in same], [[rows[0][i] for i in same]] if same else [])
  said = [
    f"{head['name']} {cell['text']}"
    for head, cell in zip(one["head"], one["body"][0] if same else [], strict=True)
  ]
  return Shown(
    [columns[i] for i in kept],
    [[row[i] for i in kept] for row in rows],
    [(row, place[i]) for row, i in marks if i in place],
    f"In every row: {', '.join(said)}." if said else "",
  )


def kind(value: Any) -> str:
  """What a cell is: "number", "word", "nan" or "collapsed"."""
  if isinstance(value, int | float) and not isinstance(value, bool):
    return "number" if math.isfinite(value) else "nan"
  if isinstance(value, str) and "COLLAPSED" in value:
    return "collapsed"
  return "nan" if value in WORDS else "word"


def heading(name: str) -> str:
  """A column's name with its symbol: "ELBO, nats" for "elbo, nats"."""
  first, space, rest = name.partition(" ")
  comma = "," if first.endswith(",") else ""
  return SYMBOLS.get(first.rstrip(","), first.rstrip(",")) + comma + space + rest


def _all_round(values: list[Any]) -> bool:
  """Whether all numbers of a column need three figures at most, as settings do."""
  known = [v for v in values if isinstance(v, float) and math.isfinite(v)]
  return bool(known) and all(float(f"{v:.3g}") == v for v in known)


def _round(value: Any, digits: int) -> str:
  plain = isinstance(value, float) and (value == 0 or 1e-4 <= abs(value) < 1e5)
  return value_text(value) if plain else number(value, digits)
