"""What a reader takes away: all scores in long form, every table as csv and as LaTeX."""

import csv
import math
import pathlib
import re
from collections.abc import Callable
from typing import Any

from vae_jax.types import Report, Table

SCORES = "scores.csv"
Whole = Callable[[pathlib.Path, Callable[[pathlib.Path], Any]], None]
_LATEX = str.maketrans(
  {c: "\\" + c for c in "&%$#_{}"} | {"~": r"\textasciitilde{}", "^": r"\^{}"}
)
_SIGNS = {"±": r"$\pm$", "−": r"$-$", "×": r"$\times$", "β": r"$\beta$", "‖": r"$\|$"}
_SIGNS |= {"²": r"$^2$", "≥": r"$\geq$", "≤": r"$\leq$", "∞": r"$\infty$", "α": r"$\alpha$"}


def write(report: Report, folder: pathlib.Path, whole: Whole) -> None:
  """Writes scores.csv and the folder tables; files of an earlier report are removed.

  Args:
    report: its tables and its scores.
    folder: reports/<application>.
    whole: (path, write) -> None, which leaves a file as it was or complete.
  """
  if report.scores is not None:
    whole(folder / SCORES, lambda path: _csv(report.scores, path))
  else:
    (folder / SCORES).unlink(missing_ok=True)
  place, kept = folder / "tables", set()
  place.mkdir(exist_ok=True)
  for number, table in enumerate(report.tables, 1):
    name = f"{number:02d}_{_slug(table.title)}"
    whole(place / f"{name}.csv", lambda path, table=table: _csv(table, path))
    whole(place / f"{name}.tex", lambda path, table=table: _tex(table, path))
    kept |= {f"{name}.csv", f"{name}.tex"}
  for path in place.iterdir():
    if path.name not in kept and path.name[0] != ".":
      path.unlink()


def latex(table: Table) -> str:
  """A table of the package booktabs; a column "± x" joins the one before, the best is bold."""
  kept = [i for i, name in enumerate(table.columns) if not name.startswith("±")]
  lines = [r"\begin{tabular}{" + "l" + "r" * (len(kept) - 1) + "}", r"\toprule"]
  lines.append(" & ".join(_escaped(table.columns[i]) for i in kept) + r" \\")
  lines.append(r"\midrule")
  best = {tuple(mark) for mark in table.marks}
  for number, row in enumerate(table.rows):
    cells = [_cell(table, row, i, (number, i) in best) for i in kept]
    lines.append(" & ".join(cells) + r" \\")
  return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _cell(table: Table, row: list[Any], i: int, bold: bool) -> str:
  text = _text(row[i])
  joined = i + 1 < len(row) and table.columns[i + 1].startswith("±")
  if joined and row[i + 1] is not None:
    text = f"{text} ± {_text(row[i + 1])}"
  text = _escaped(text)
  return rf"\textbf{{{text}}}" if bold else text


def _text(value: Any) -> str:
  if value is None:
    return "–"
  if isinstance(value, float):
    return f"{value:.4g}".replace("-", "−") if math.isfinite(value) else str(value)
  return str(value)


def _escaped(text: str) -> str:
  text = text.replace("\\", "/").translate(_LATEX)
  for sign, command in _SIGNS.items():
    text = text.replace(sign, command)
  return text


def _csv(table: Table, path: pathlib.Path) -> None:
  with path.open("w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(table.columns)
    writer.writerows(["" if v is None else _number(v) for v in row] for row in table.rows)


def _number(value: Any) -> Any:
  return value.item() if hasattr(value, "item") else value


def _tex(table: Table, path: pathlib.Path) -> None:
  path.write_text(latex(table), encoding="utf-8")


def _slug(title: str) -> str:
  return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40] or "table"
