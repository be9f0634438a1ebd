"""One self-contained page from the files of a run directory: it fetches nothing."""

import base64
import json
import math
import pathlib
import urllib.parse
from collections.abc import Sequence
from typing import Any

import jinja2

from vae_jax import files
from vae_jax.evaluation import numbers
from vae_jax.report import curves, exports, sounds, store, trusted
from vae_jax.report.formatting import (
  SYMBOLS,
  cells,
  compact,
  kind,
  short,
  value_text,
)
from vae_jax.training.workdir import read_members
from vae_jax.types import Table

HERE = pathlib.Path(__file__).parent
VERDICTS = {
  "ahead": "ahead of",
  "behind": "behind",
  "open": "open against",
  "NaN": "NaN against",
}


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


def environment(folder: pathlib.Path = HERE) -> jinja2.Environment:
  """Where the templates are, and that a name they lack is an error."""
  return jinja2.Environment(
    loader=jinja2.FileSystemLoader(folder),
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
  history, shown = files.read_rows(workdir / "metrics.jsonl"), curves.drawn(members)
  return {
    "style": (HERE / "style.css").read_text(encoding="utf-8"),
    "script": (HERE / "page.js").read_text(encoding="utf-8"),
    "title": title(config, workdir.name, _keys(members)),
    "data": about.get("data", ""),
    "facts": _facts(config, members, about),
    "headlines": headlines(reports),
    "collapsed": list(dict.fromkeys(_collapsed(reports))),
    "nans": sum(report["nans"] for report in reports),
    "charts": curves.charts(history, shown),
    "legend": curves.legend(names, shown) if len(names) > 1 else [],
    "hidden": max(0, len(names) - len(shown)),
    "reports": [_section(workdir, report) for report in reports],
    "config": json.dumps(config, indent=2, ensure_ascii=False) if config else "",
    "command": command,
    "sweep": (workdir / "sweep.html").is_file(),
    "atlas": (workdir / "atlas.html").is_file(),
    "explorer": (workdir / "explore.html").is_file(),
  }


def member_name(row: dict[str, Any]) -> str:
  """A member in a legend: "β 4 · seed 1"."""
  order = sorted(row, key=lambda name: (name == "seed", name != "beta"))
  named = [(short(k), value_text(row[k])) for k in order if row[k] is not None]
  return " · ".join(f"{name} {text}" for name, text in named)


def headlines(reports: list[dict[str, Any]]) -> list[dict[str, str]]:
  """The number that stands for each report, where it has one.

  Returns:
    {"id", "name": of the report, "value", "error", "unit", "kind", "told": what it is of} each.
  """
  found = []
  for report in reports:
    own = _headline(report)
    if "mean" not in own:
      continue
    parts = [f"{own['metric']} of {own['method']}", own["condition"], own["setting"]]
    one = {"id": report["application"], "name": _spaced(report["application"])}
    one |= {"value": numbers.text(_float(own["mean"]), own["digits"]), "unit": own["unit"]}
    one |= {"kind": kind(own["mean"]), "told": ", ".join(filter(None, parts))}
    found.append(one | {"error": _half(own["half"], own["digits"])})
  return found


def verdicts(report: dict[str, Any]) -> dict[str, Any]:
  """The strip at the head of a report: who is ahead under each condition, and by how much.

  Returns:
    {"told": what is compared, "each": {"condition", "word", "told", "baseline", "gap"} each};
    {} where nothing was compared.
  """
  found = report.get("verdicts")
  if not found:
    return {}
  own, each = _headline(report), []
  if known := (report.get("metrics") or {}).get(found[0]["metric"]):
    own |= {"metric": known["title"], "unit": known["unit"], "digits": known["digits"]}
  for one in found:
    word = one["verdict"] if one["verdict"] in VERDICTS else "open"
    two = word == "open" and one.get("seeds") == 2  # see `numbers.plus_minus`
    parts = [
      numbers.signed(_float(one["difference"]), own["digits"]),
      "" if two else _half(one["half"], own["digits"]),
      own["unit"],
    ]
    told = "open with two seeds against" if two else VERDICTS[word]
    told = {"condition": one["condition"], "word": word, "told": told}
    each.append(told | {"baseline": one["baseline"], "gap": " ".join(filter(None, parts))})
  first = found[0]
  who = " · ".join(filter(None, (first["method"], member_name(first["setting"]))))
  metric = own["metric"] or short(first["metric"])
  return {"told": f"{metric} of {who}, less the hardest baseline's", "each": each}


def _headline(report: dict[str, Any]) -> dict[str, Any]:
  """A report's headline, with what it may lack."""
  empty = {"metric": "", "method": "", "condition": "", "setting": "", "unit": ""}
  return {**empty, "digits": 2, "half": None, **(report.get("headline") or {})}


def _half(value: Any, digits: int) -> str:
  """The words "± 0.5" that no line breaks; empty where no interval is known."""
  found = _float(value)
  return f"±\N{NO-BREAK SPACE}{numbers.text(found, digits)}" if math.isfinite(found) else ""


def _float(value: Any) -> float:
  """A number of report.json, where NaN is a word and nothing is null."""
  return float("nan" if value is None else value)


def _collapsed(reports: list[dict[str, Any]]) -> list[str]:
  return [line for r in reports for line in r["findings"] if "COLLAPSED" in line]


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
  if "precision" in about:  # of products; `evaluating.evaluate` asks for exact ones
    own = "exact" if about["precision"] == "float32" else "the device's own"
    facts.append(("products", f"{own} in training, exact in evaluations"))
  versions = about.get("versions", {})
  return facts + list(versions.items())


def _duration(seconds: float) -> str:
  if seconds < 120:
    return f"{seconds:.0f} s"
  return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _section(workdir: pathlib.Path, report: dict[str, Any]) -> dict[str, Any]:
  name = report["application"]
  tables = [_table(table, f"{name}_{i}") for i, table in enumerate(report["tables"], 1)]
  paths = [trusted.picture(workdir, f["file"], name) for f in report["figures"]]
  figures = [
    {**figure, **_inline(path)}
    for figure, path in zip(report["figures"], paths, strict=True)
    if path.is_file()
  ]
  return {
    **report,
    "id": name,
    "name": _spaced(name),
    "took": _duration(report["seconds"]) if report.get("seconds") else "",
    "verdicts": verdicts(report),
    "tables": tables,
    "figures": figures,
    "players": sounds.players(workdir, report),
  }


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
  """A table for the template, and the whole of it as the files that a reader takes away."""
  shown = compact(table)
  best = "Bold: the best of its column." if shown.marks else ""
  whole = Table(
    table["title"], table["columns"], table["rows"], table["note"], table.get("marks", ())
  )
  files = {
    "csv": _data_uri("text/csv", exports.csv_text(whole)),
    "tex": _data_uri("application/x-tex", exports.latex(whole)),
  }
  return {
    "id": name,
    "title": table["title"],
    "note": " ".join(filter(None, (table["note"], best, shown.said))),
    "file": f"{name}_{exports.slug(table['title'])}",
    **files,
    **cells(shown.columns, shown.rows, shown.marks),
  }


def _data_uri(media: str, text: str) -> str:
  return f"data:{media};charset=utf-8,{urllib.parse.quote(text, safe=',')}"


def _spaced(name: str) -> str:
  return name.replace("_", " ")


def _inline(path: pathlib.Path) -> dict[str, Any]:
  """A PNG as a data URI, with the size it is shown at: half a pixel for dense screens."""
  content, width, height = trusted.pixels(path)
  uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
  return {"uri": uri, "width": round(width * 0.66), "height": round(height * 0.66)}


def members_of(workdir: pathlib.Path) -> list[dict[str, Any]]:
  """members.json, and nothing where there is none."""
  path = workdir / "members.json"
  return read_members(path) if path.is_file() else []
