"""The page of the β atlas: applications × β as a heat table, the best β of each, a sentence each.

It is made of what the applications saved, is one file and fetches nothing.
"""

import csv
import math
import pathlib
import urllib.parse
from typing import Any

from vae_jax import files
from vae_jax.evaluation import numbers
from vae_jax.report import atlas, atlas_words, exports, page, store, trusted
from vae_jax.report.atlas import Cell, Row
from vae_jax.report.formatting import value_text
from vae_jax.types import UserError

HERE = pathlib.Path(__file__).parent
FILES = ("atlas.html", "atlas.csv", "atlas.tex", "atlas_cells.csv")
# What choices and scores that are not of this run, or edited ones, raise.
FOREIGN = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, OSError)
LOST = "in no average"  # in the sentences of reports on dead and on stopped members
WORDS = {
  "better": "better", "worse": "worse", "open": "not shown", "β = 1": "β = 1 is best",
  "no β = 1": "no β = 1", "one seed": "one seed", "NaN": "NaN",
}  # fmt: skip


def write(workdir: pathlib.Path, found: dict[str, Any] | None, sweep: bool) -> None:
  """Writes atlas.html, atlas.csv, atlas.tex and atlas_cells.csv; without an atlas removes them.

  Args:
    workdir: the run directory.
    found: of `context`.
    sweep: whether there is a sweep.html to lead to.
  """
  if found is None:
    for name in FILES:
      (workdir / name).unlink(missing_ok=True)
    return
  text = page.environment().get_template("atlas.html.j2").render(found, sweep=sweep)
  files.write_text(workdir / "atlas.html", text)
  files.write_text(workdir / "atlas.csv", exports.csv_text(found["wide"]))
  files.write_text(workdir / "atlas.tex", exports.latex(found["wide"]))
  files.write_text(workdir / "atlas_cells.csv", exports.csv_text(found["long"]))


def context(workdir: pathlib.Path) -> dict[str, Any] | None:
  """Everything the template shows; None where no two values of β were chosen among.

  Raises:
    UserError: a file is damaged, or not of this run.
  """
  try:
    return _context(workdir)
  except UserError:
    raise
  except (*FOREIGN, csv.Error) as error:
    raise UserError(
      f"A {exports.CHOICE} or {exports.SCORES} in {workdir}/reports is damaged or not of this"
      f" run ({error!r}): evaluate again, or remove that report."
    ) from error


def required(workdir: pathlib.Path) -> dict[str, Any]:
  """`context`, where there has to be one.

  Raises:
    UserError: no two values of β were chosen among, or a file is damaged.
  """
  found = context(workdir)
  if found is None:
    raise UserError(
      f"{workdir} has no report on two values of β or more: evaluate a sweep over β."
    )
  return found


def _context(workdir: pathlib.Path) -> dict[str, Any] | None:
  reports, members = store.load(workdir), page.members_of(workdir)
  asked, others = atlas.asked(workdir, reports)
  betas = atlas.betas(asked)
  if len(betas) < 2:
    return None
  rows, every = atlas.rows(asked, members), atlas.rows(asked, members, every=True)
  if not rows:
    return None
  lacking = {one.report["application"] for one in asked} - {r.application for r in rows}
  config = trusted.config(workdir / "config.json")
  wide, long = atlas_words.wide(rows, betas, "The β atlas"), atlas_words.long(every)
  read = lambda name: (HERE / name).read_text(encoding="utf-8")
  return {
    "style": read("style.css") + read("atlas.css"),
    "title": page.title(config, workdir.name, list(members[0])),
    "heat": heat("Every application at every β", rows, betas),
    "every": heat("Every condition", every, betas) if len(every) > len(rows) else None,
    "own": heat("In their own units", rows, betas, own=True),
    "sentences": [_sentence(row) for row in rows],
    "alarms": _alarms(reports, lacking),
    "others": ", ".join(name.replace("_", " ") for name in others),
    "seeds": _seeds(rows),
    "markdown": atlas_words.markdown(rows, betas),
    "wide": wide,
    "long": long,
    "files": {
      "csv": _uri("text/csv", exports.csv_text(wide)),
      "tex": _uri("application/x-tex", exports.latex(wide)),
      "cells": _uri("text/csv", exports.csv_text(long)),
    },
  }


def heat(
  title: str, rows: list[Row], betas: list[float], own: bool = False
) -> dict[str, Any]:
  """A heat table for the template.

  Args:
    title: for the eye and for readers of the screen.
    rows: of `atlas.rows`.
    betas: the columns.
    own: writes scores in their own units in place of percent.
  """
  heads = [{"value": b, "text": value_text(b), "one": b == 1} for b in betas]
  lines = [_line(row, betas, own) for row in rows]
  return {"title": title, "own": own, "betas": heads, "rows": lines}


def _line(row: Row, betas: list[float], own: bool) -> dict[str, Any]:
  known, metric = {cell.beta: cell for cell in row.cells}, row.metric
  unit = ", ".join(filter(None, (metric["title"], metric["unit"])))
  better = "higher is better" if metric["better"] > 0 else "lower is better"
  text, scaled = numbers.text, math.isfinite(row.ends[0])
  baseline = {"text": "–", "title": ""}
  if row.baseline:
    value, digits = row.baseline_score, metric["digits"]
    shown = _whole(row.baseline_scaled) if scaled and not own else text(value, digits)
    baseline = {"text": shown, "title": f"{row.baseline}: {text(value, digits)}"}
  gain = ""
  if row.verdict in ("better", "worse", "open", "one seed"):
    said = numbers.plus_minus(row.gain, metric["digits"], sign=True)
    gain = f"{said} {metric['unit']}".rstrip()
    gain += f", p {numbers.p_value(row.p)}" if math.isfinite(row.p) else ""
  ends = " – ".join(text(end, metric["digits"]) for end in row.ends)
  return {
    "id": row.application,
    "name": row.application.replace("_", " "),
    "told": ", ".join(filter(None, (row.condition, unit, better))),
    "cells": [_cell(row, known.get(beta), beta, own) for beta in betas],
    "baseline": baseline,
    "best": value_text(row.best.beta),
    "word": {"better": "ahead", "worse": "behind", "NaN": "behind"}.get(row.verdict, ""),
    "verdict": WORDS[row.verdict],
    "gain": gain,
    "ends": f"{ends} {metric['unit']}".rstrip() if scaled else "all the same",
  }


def _cell(row: Row, cell: Cell | None, beta: float, own: bool) -> dict[str, Any]:
  blank = {"text": "–", "error": "", "heat": None, "member": None, "mark": "", "title": ""}
  blank |= {"beta": beta, "kind": "none"}
  if cell is None:
    return blank | {"title": f"β {value_text(beta)}: no member"}
  best = cell.beta == row.best.beta
  found = {
    "member": cell.member,
    "kind": "best" if best else "near" if cell.near else "far",
  }
  seeds = numbers.counted(cell.score.seeds, "seed")
  unit = f" {row.metric['unit']}".rstrip()
  words = (
    f"β {value_text(beta)} · {cell.method} · {atlas_words.own(row, cell)}{unit} · {seeds}"
  )
  found |= {"title": words, "mark": "best" if best else ""}
  if not math.isfinite(cell.score.mean):
    return blank | found | {"text": "NaN", "kind": "nan"}
  scaled = math.isfinite(cell.scaled)
  found["heat"] = round(cell.scaled) if scaled else None
  if own:
    text, _, error = atlas_words.own(row, cell).partition(" ± ")
    return blank | found | {"text": text, "error": error}
  text = _whole(cell.scaled) if scaled else "="
  half = cell.scaled_half
  return blank | found | {"text": text, "error": _half(half) if math.isfinite(half) else ""}


def _whole(value: float) -> str:
  return numbers.text(value, 0)


def _half(value: float) -> str:
  return _whole(value) if value == 0 or value >= 1 else f"{max(value, 0.1):.1f}"


def _sentence(row: Row) -> dict[str, str]:
  return {
    "text": atlas_words.sentence(row),
    "kind": "alarm" if row.verdict == "NaN" else "",
  }


def _alarms(reports: list[dict[str, Any]], lacking: set[str]) -> list[str]:
  """What is missing: dead and stopped members, and applications without a finite score."""
  found = [line for r in reports for line in r["findings"] if LOST in line]
  found += [
    f"{name.replace('_', ' ').capitalize()} has no finite score on validation at any β."
    for name in sorted(lacking)
  ]
  return list(dict.fromkeys(found))


def _seeds(rows: list[Row]) -> str:
  counts = sorted({cell.score.seeds for row in rows for cell in row.cells})
  if len(counts) == 1:
    return numbers.counted(counts[0], "seed")
  return f"{counts[0]} to {numbers.counted(counts[-1], 'seed')}"


def _uri(media: str, text: str) -> str:
  return f"data:{media};charset=utf-8,{urllib.parse.quote(text, safe=',')}"
