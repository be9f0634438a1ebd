"""One self-contained page from the files of a run directory: no network, no script."""

import base64
import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import jinja2

from vae_jax import files
from vae_jax.report import curves, store, trusted
from vae_jax.training.workdir import read_members

HERE = pathlib.Path(__file__).parent
# The numbers shown first, where a report has them: the column, its label, its unit.
HEADLINES = (
  ("elbo", "ELBO", "nats"),
  ("nll", "−log p(x)", "nats"),
  ("iw loss", "IW loss", "nats"),
  ("rate", "rate", "nats"),
  ("distortion", "distortion", "nats"),
  ("psnr", "PSNR", "dB"),
  ("active", "active latents", ""),
)
SYMBOLS = {
  "beta": "β",
  "psnr": "PSNR",
  "mse": "MSE",
  "elbo": "ELBO",
  "nll": "NLL",
  "ess": "ESS",
  "iw": "IW",
}
BESIDE = ("beta", "seed")  # columns that name a row and are not measured


def render(workdir: str | pathlib.Path, command: str) -> pathlib.Path:
  """Writes report.html from every saved report of a run directory.

  Reads config.json, members.json, run.json, metrics.jsonl, reports/*/report.json and the
  pictures; what is missing is left out.

  Args:
    workdir: the run directory.
    command: the command that made the report, printed in it.

  Returns:
    The path of report.html.
  """
  workdir = pathlib.Path(workdir)
  page = environment().get_template("template.html.j2").render(context(workdir, command))
  path = workdir / "report.html"
  files.write_text(path, page)
  return path


def environment() -> jinja2.Environment:
  """Where the templates are, and that a name they lack is an error."""
  return jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
  )


def context(workdir: pathlib.Path, command: str) -> dict[str, Any]:
  """Everything the template shows."""
  config = trusted.config(workdir / "config.json")
  members = members_of(workdir)
  about = trusted.about(workdir / "run.json")
  reports = store.load(workdir)
  names = [member_name(row) for row in members]
  history = files.read_rows(workdir / "metrics.jsonl")
  return {
    "style": (HERE / "style.css").read_text(encoding="utf-8"),
    "title": title(config, workdir.name, _keys(members)),
    "data": about.get("data", ""),
    "facts": _facts(config, members, about),
    "headlines": headlines(reports, tuple(dict.fromkeys([*BESIDE, *_keys(members)]))),
    "nans": sum(report["nans"] for report in reports),
    "charts": curves.charts(history, names),
    "legend": curves.legend(names) if len(names) > 1 else [],
    "hidden": max(0, len(names) - curves.SHOWN),
    "reports": [_section(workdir, report) for report in reports],
    "config": json.dumps(config, indent=2, ensure_ascii=False) if config else "",
    "command": command,
    "sweep": (workdir / "sweep.html").is_file(),
  }


def member_name(row: dict[str, Any]) -> str:
  """A member in a legend: "β 4 · seed 1"."""
  order = sorted(row, key=lambda name: (name == "seed", name != "beta"))
  named = [(SYMBOLS.get(k, k), value_text(row[k])) for k in order if row[k] is not None]
  return " · ".join(f"{name} {text}" for name, text in named)


def value_text(value: Any) -> str:
  """A swept value: a number without needless digits, a name as it is, a dash for none."""
  if isinstance(value, int | float) and not isinstance(value, bool):
    return f"{value:g}".replace("-", "−")
  return "–" if value is None else str(value)


def number(value: Any, digits: int | None = None) -> str:
  """A cell for the eye: a true minus sign, a dash for nothing.

  Args:
    value: a number, a string or None.
    digits: after the point; as many as four figures need without it.
  """
  if value is None:
    return "–"
  if isinstance(value, bool) or not isinstance(value, int | float):
    return str(value)
  if isinstance(value, int):
    return f"{value:,}".replace("-", "−")
  digits = decimals([value]) if digits is None else digits
  tiny = value != 0 and abs(value) < 0.5 * 10.0**-digits
  text = f"{value:.1e}" if tiny or abs(value) >= 1e7 else f"{value:,.{digits}f}"
  return text.replace("-", "−")


def decimals(values: list[Any]) -> int:
  """Digits after the point that give the largest of the values about four figures."""
  sizes = [abs(v) for v in values if isinstance(v, float) and math.isfinite(v) and v != 0]
  if not sizes:
    return 0 if any(isinstance(v, float) for v in values) else 2
  return max(0, min(6, 3 - math.floor(math.log10(max(sizes))), 2 if max(sizes) >= 1 else 6))


def cells(columns: list[str], rows: list[list[Any]]) -> dict[str, Any]:
  """A table for the template: a column "± x" joins the one before it.

  All numbers of a column have the same digits after the point.

  Returns:
    {"head": {"name", "kind"} each, "body": rows of {"text", "error", "kind"}}, where kind is
    "number", "word", "nan" or "collapsed".
  """
  kept = [i for i, name in enumerate(columns) if not name.startswith("±")]
  body: list[list[dict]] = [[] for _ in rows]
  head = []
  for i in kept:
    digits = decimals([row[i] for row in rows])
    joined = i + 1 < len(columns) and columns[i + 1].startswith("±")
    kinds = {_kind(row[i]) for row in rows}
    numeric = "number" in kinds or (kinds == {"nan"})
    head.append({"name": _heading(columns[i]), "kind": "number" if numeric else "word"})
    for line, row in zip(body, rows, strict=True):
      error = number(row[i + 1], digits) if joined and row[i + 1] is not None else None
      named = columns[i] in BESIDE and isinstance(row[i], int | float)
      text = f"{row[i]:g}" if named else number(row[i], digits)
      kind = "number" if numeric and row[i] is None else _kind(row[i])
      line.append({"text": text, "error": error, "kind": kind})
  return {"head": head, "body": body}


def headlines(reports: list[dict[str, Any]], names: tuple[str, ...] = BESIDE) -> dict:
  """The first numbers of the page, all of one member: that of the highest ELBO.

  Args:
    reports: as written.
    names: the columns that say which member a row is of.

  Returns:
    {"numbers": {"label", "unit", "value", "error", "kind"} each, "member": which, where
    there are several}.
  """
  tables = [table for report in reports for table in report["tables"]]
  rows = [dict(zip(t["columns"], row, strict=True)) for t in tables for row in t["rows"]]
  of_member = [row for row in rows if row.get("seed") is not None]
  scored = [row for row in of_member if isinstance(row.get("elbo"), int | float)]
  best = max(scored, key=lambda row: row["elbo"], default=(of_member or [{}])[0])
  who = {name: best[name] for name in names if best.get(name) is not None}
  same = [row for row in of_member if all(row.get(k, v) == v for k, v in who.items())]
  found = []
  for name, label, unit in HEADLINES:
    column = lambda key, name=name: key.split(" (")[0] == name
    cell = next(((k, row) for row in same for k in row if column(k)), None)
    if cell is None or cell[1][cell[0]] is None:
      continue
    value, error = cell[1][cell[0]], cell[1].get(f"± {name}")
    one = {"label": label, "unit": unit, "value": number(value), "kind": _kind(value)}
    one["error"] = "" if error is None else number(error, decimals([value]))
    found.append(one)
  several = len({tuple(row.get(k) for k in names) for row in of_member}) > 1
  return {"numbers": found, "member": member_name(who) if several and who else ""}


def _kind(value: Any) -> str:
  if isinstance(value, int | float):
    return "number"
  if isinstance(value, str) and "COLLAPSED" in value:
    return "collapsed"
  return "nan" if value in ("NaN", "inf", "-inf") else "word"


def _heading(name: str) -> str:
  first, space, rest = name.partition(" ")
  comma = "," if first.endswith(",") else ""
  return SYMBOLS.get(first.rstrip(","), first.rstrip(",")) + comma + space + rest


def title(config: dict[str, Any], fallback: str, swept: Sequence[str]) -> dict[str, str]:
  """The data, and below it the model, latents, likelihood and objective that are not swept."""
  if not config:
    return {"main": fallback, "sub": ""}
  data, model = config["data"], config["model"]
  name = data.get("set") or data["name"]
  parts = {"model.name": f"{model['name']} model"}
  parts["model.latents"] = f"{model['latents']} latents"
  likelihood = config["likelihood"]["name"].replace("_", " ")
  parts["likelihood.name"] = f"{likelihood} likelihood"
  parts["objective.name"] = f"{config['objective']['name']} objective"
  kept = [text for field, text in parts.items() if field not in swept]
  return {"main": name.replace("_", " "), "sub": ", ".join(kept)}


def _keys(members: list[dict]) -> list[str]:
  return list(members[0]) if members else []


def _facts(config: dict, members: list[dict], about: dict) -> list[tuple[str, str]]:
  """What was trained and how long it took, as pairs of words."""
  facts = []
  for name in sorted(_keys(members), key=lambda name: name == "seed"):
    values = list(dict.fromkeys(row[name] for row in members))
    shown = ", ".join(map(value_text, values[:8])) + (", …" if len(values) > 8 else "")
    facts.append((SYMBOLS.get(name, name if len(values) == 1 else f"{name}s"), shown))
  if config.get("hyper", {}).get("beta") is not None and "β" not in dict(facts):
    facts.insert(0, ("β", f"{config['hyper']['beta']:g}"))
  if len(members) > 1:
    facts.insert(0, ("members", str(len(members))))
  known = {"parameters": "{:,}", "steps": "{:,}"}
  facts += [
    (name, form.format(about[name])) for name, form in known.items() if name in about
  ]
  if about.get("seconds"):
    facts.append(("training", _duration(about["seconds"])))
  facts += [("device", about["device"])] if "device" in about else []
  versions = about.get("versions", {})
  return facts + list(versions.items())


def _duration(seconds: float) -> str:
  if seconds < 120:
    return f"{seconds:.0f} s"
  return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _section(workdir: pathlib.Path, report: dict[str, Any]) -> dict[str, Any]:
  tables = [
    {**table, **cells(table["columns"], table["rows"])} for table in report["tables"]
  ]
  name = report["application"]
  paths = [trusted.picture(workdir, f["file"], name) for f in report["figures"]]
  figures = [
    {**figure, **_inline(path)}
    for figure, path in zip(report["figures"], paths, strict=True)
    if path.is_file()
  ]
  return {
    **report,
    "id": name,
    "name": name.replace("_", " "),
    "tables": tables,
    "figures": figures,
  }


def _inline(path: pathlib.Path) -> dict[str, Any]:
  """A PNG as a data URI, with the size it is shown at: half a pixel for dense screens."""
  content, width, height = trusted.pixels(path)
  uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
  return {"uri": uri, "width": round(width * 0.66), "height": round(height * 0.66)}


def members_of(workdir: pathlib.Path) -> list[dict[str, Any]]:
  """members.json, and nothing where there is none."""
  path = workdir / "members.json"
  return read_members(path) if path.is_file() else []
