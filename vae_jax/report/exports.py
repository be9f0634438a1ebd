"""Files for further work: all scores in long form, and every table as csv and as LaTeX."""

import csv
import io
import pathlib
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from vae_jax.report.formatting import cells
from vae_jax.types import Report, Table

SCORES, CHOICE = "scores.csv", "choice.csv"
OWN = re.compile(r"\d\d+_[a-z0-9_]+\.(csv|tex)")  # the names that `write` gives to tables
Whole = Callable[[pathlib.Path, Callable[[pathlib.Path], Any]], None]
_TEXT = {c: "\\" + c for c in "&%$#_{}"} | {
  "\\": r"\textbackslash{}",
  "~": r"\textasciitilde{}",
  "^": r"\textasciicircum{}",
  "<": r"\textless{}",
  ">": r"\textgreater{}",
  "|": r"\textbar{}",
  '"': "''",
  "–": "--",
  "—": "---",
  "…": r"\ldots{}",
  "’": "'",
  "‘": "`",
  "“": "``",
  "”": "''",
  "\N{NO-BREAK SPACE}": "~",
}
_MATH = {
  "±": r"\pm", "−": "-", "×": r"\times", "·": r"\cdot", "‖": r"\|", "≥": r"\geq",
  "≤": r"\leq", "≈": r"\approx", "≠": r"\neq", "∞": r"\infty", "→": r"\to", "°": r"^\circ",
  "√": r"\surd", "∝": r"\propto", "∈": r"\in", "½": r"\frac{1}{2}", "µ": r"\mu",
}  # fmt: skip
_WORDS = {"nan": "NaN"}  # as report.json writes it
_GREEK = {  # its capital's Latin form, where LaTeX has no command of its own for it
  "ALPHA": "A", "BETA": "B", "GAMMA": "", "DELTA": "", "EPSILON": "E", "ZETA": "Z",
  "ETA": "H", "THETA": "", "IOTA": "I", "KAPPA": "K", "LAMDA": "", "MU": "M", "NU": "N",
  "XI": "", "OMICRON": "O", "PI": "", "RHO": "P", "SIGMA": "", "TAU": "T", "UPSILON": "",
  "PHI": "", "CHI": "X", "PSI": "", "OMEGA": "",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))


def write(report: Report, folder: pathlib.Path, whole: Whole) -> None:
  """Writes scores.csv, choice.csv and the folder tables; files of an earlier report are removed.

  Args:
    report: its tables and its scores.
    folder: reports/<application>.
    whole: (path, write) -> None, which leaves a file as it was or complete.
  """
  put = lambda path, text: whole(path, lambda to: to.write_bytes(text.encode()))
  for name, table in ((SCORES, report.scores), (CHOICE, report.choice)):
    if table is not None:
      put(folder / name, csv_text(table))
    else:
      (folder / name).unlink(missing_ok=True)
  place, kept = folder / "tables", set()
  place.mkdir(exist_ok=True)
  for i, table in enumerate(report.tables, 1):
    name = f"{i:02d}_{slug(table.title)}"
    put(place / f"{name}.csv", csv_text(table))
    put(place / f"{name}.tex", latex(table))
    kept |= {f"{name}.csv", f"{name}.tex"}
  for path in place.iterdir():
    if path.name not in kept and OWN.fullmatch(path.name):
      path.unlink(missing_ok=True)


def csv_text(table: Table) -> str:
  """A table as csv: every number with all its digits, nothing for None."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator="\n")
  writer.writerow(table.columns)
  writer.writerows([_plain(value) for value in row] for row in table.rows)
  return text.getvalue()


def latex(table: Table) -> str:
  r"""A table for the package booktabs, with its title and its note as comments.

  Numbers are in math mode, with the digits of the page; a column "± x" joins the one before,
  the best is bold, words are to the left. A character that LaTeX's own fonts lack stays as
  it is, for XeLaTeX and LuaLaTeX.
  """
  rows = [[_plain(value, None) for value in row] for row in table.rows]
  shown = cells(table.columns, rows, table.marks)
  form = "".join("r" if one["kind"] == "number" else "l" for one in shown["head"])
  lines = [f"% {one}" for one in (table.title, table.note) if one]
  lines = [*(" ".join(line.split()) for line in lines), r"% \usepackage{booktabs}"]
  lines += [rf"\begin{{tabular}}{{{form}}}", r"\toprule"]
  lines += [_row([escaped(one["name"]) for one in shown["head"]]), r"\midrule"]
  lines += [_row(list(map(_cell, row))) for row in shown["body"]]
  return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def escaped(text: str) -> str:
  """Plain text as LaTeX: special characters, signs and Greek letters as commands."""
  return "".join(map(_character, " ".join(text.split())))


def slug(title: str) -> str:
  """A title as part of a file's name."""
  return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40] or "table"


def _row(words: list[str]) -> str:
  # The command before a row would take its first "[" for an argument, and "*" for a variant.
  guard = "{}" if words[0][:1] in ("[", "*") else ""
  return guard + " & ".join(words) + r" \\"


def _cell(cell: dict[str, Any]) -> str:
  if cell["kind"] != "number" or cell["text"] == "–":
    text = escaped(cell["text"])
    return rf"\textbf{{{text}}}" if cell["best"] else text
  parts = [cell["text"], *([cell["error"]] if cell["error"] else [])]
  text = r" \pm ".join(map(_math, parts))
  return rf"{{\boldmath${text}$}}" if cell["best"] else f"${text}$"


def _math(number: str) -> str:
  r"""A number of `formatting.number` in math mode: 1{,}234, 1.4 \times 10^{-5}."""
  text = number.replace("−", "-").replace(",", "{,}").replace("∞", r"\infty")
  digits, found, power = text.partition("e")
  return rf"{digits} \times 10^{{{int(power)}}}" if found else text


def _character(c: str) -> str:
  if c in _TEXT:
    return _TEXT[c]
  if c in _MATH:
    return f"${_MATH[c]}$"
  if c in _RAISED or c in _LOWERED:
    return f"$^{_RAISED[c]}$" if c in _RAISED else f"$_{_LOWERED[c]}$"
  greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)", unicodedata.name(c, ""))
  if greek and greek.group(2) in _GREEK:
    return f"${_greek(*greek.groups())}$"
  return c if c.isprintable() else ""


def _greek(size: str, letter: str) -> str:
  """The command of a Greek letter; those that look Latin have none and are written so."""
  latin = _GREEK[letter] if size == "CAPITAL" else {"OMICRON": "o"}.get(letter, "")
  if latin:
    return rf"\mathrm{{{latin}}}"
  letter = {"LAMDA": "LAMBDA"}.get(letter, letter)
  return "\\" + (letter.capitalize() if size == "CAPITAL" else letter.lower())


def _plain(value: Any, nothing: Any = "") -> Any:
  """A number of numpy or JAX as Python's, and as report.json has it; `nothing` for None."""
  if value is None:
    return nothing
  value = value.item() if hasattr(value, "item") else value
  return _WORDS.get(str(value), value)
