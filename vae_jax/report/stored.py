"""The small stored form of a report, from which the tables of pages are written."""

import json
import math
import pathlib
from typing import Any

from vae_jax import files
from vae_jax.report import atlas_page, trusted
from vae_jax.types import UserError

LEFT_OUT = ("Every member",)  # tables that grow with the sweep, and that no page shows
ATLAS = "atlas"  # all reports of a run over β as one
FIGURES = 7  # of a stored number


def store(run: pathlib.Path, application: str | None, target: pathlib.Path) -> None:
  """Writes the tables, verdicts and findings of one report of a run as one JSON file.

  Args:
    run: the run directory.
    application: whose report; may be left out where the run has one report. "atlas": the
      atlas of all its reports.
    target: docs/results/<name>.json.

  Raises:
    UserError: the run has no such report, or several and none is named; or no two values of β.
  """
  about = files.read_json(run / "run.json", dict)
  if application == ATLAS:
    files.write_text(target, _text(_rounded(_origin(about) | _atlas(run))))
    return
  known = sorted(path.parent.name for path in run.glob("reports/*/report.json"))
  if application is None and len(known) == 1:
    (application,) = known
  if application not in known:
    raise UserError(
      f"{run} has the reports {', '.join(known) or 'of no application'}, and"
      f" {application or 'none of them'} was asked for: name one with --application."
    )
  report = trusted.report(run / "reports" / application / "report.json")
  kept = {"application": application} | _origin(about)
  kept |= {
    "evaluation_seconds": report.get("seconds"),
    "headline": report["headline"],
    "findings": report["findings"],
    "tables": [table for table in report["tables"] if table["title"] not in LEFT_OUT],
  }
  files.write_text(target, _text(_rounded(kept)))


def _origin(about: dict[str, Any]) -> dict[str, Any]:
  """What is kept of run.json."""
  return {
    "data": about.get("data", ""),
    "training_seconds": about.get("seconds"),
    "device": about.get("device", ""),
    "versions": about.get("versions", {}),
  }


def _atlas(run: pathlib.Path) -> dict[str, Any]:
  """The atlas of all reports of a run: its table, and the same with sentences as Markdown."""
  found = atlas_page.required(run)
  table = found["wide"]._asdict()
  return {"application": ATLAS, "markdown": found["markdown"], "tables": [table]}


def load(path: pathlib.Path) -> dict[str, Any]:
  """A stored report.

  Raises:
    UserError: there is none, or it has no tables.
  """
  if not path.is_file():
    raise UserError(f"There is no stored report {path}: make it with --store RUN NAME.")
  found = files.read_json(path, dict)
  if not isinstance(found.get("tables"), list):
    raise UserError(f"{path} is no stored report (it has no tables): store it again.")
  return found


def _rounded(value: Any) -> Any:
  """The same with floats of seven figures."""
  if isinstance(value, dict):
    return {name: _rounded(v) for name, v in value.items()}
  if isinstance(value, list):
    return [_rounded(v) for v in value]
  if isinstance(value, float) and math.isfinite(value):
    return float(f"{value:.{FIGURES}g}")
  return value


def _text(kept: dict[str, Any]) -> str:
  """JSON with a row of a table on a line of its own, so that a difference is readable."""
  tables = kept.pop("tables")
  write = lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False)
  lines = [f"  {write(name)}: {write(value)}," for name, value in kept.items()]
  parts = []
  for table in tables:
    rows = ",\n".join(f"        {write(row)}" for row in table["rows"])
    rest = {k: v for k, v in table.items() if k != "rows"}
    head = ",\n".join(f"      {write(k)}: {write(v)}" for k, v in rest.items())
    parts.append(f'    {{\n{head},\n      "rows": [\n{rows}\n      ]\n    }}')
  body = ",\n".join(parts)
  return "{\n" + "\n".join(lines) + f'\n  "tables": [\n{body}\n  ]\n}}\n'
