"""Results as tables: on the terminal, in docs/benchmarks.md, and as JSON beside it."""

import importlib.metadata
import json
import os
import pathlib
import platform
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import ROOT, Result

BEGIN, END = "<!-- measured: written by the command -->", "<!-- end of measured -->"
PAGE = ROOT / "docs" / "benchmarks.md"
PACKAGES = ("vae-jax", "jax", "jaxlib", "flax", "optax", "torch", "pythae", "numpy")


class Part(NamedTuple):
  """One comparison."""

  title: str
  about: str
  tables: list[tuple[list[str], list[list[str]]]]  # columns, rows
  results: list[Result]


def spread(result: Result) -> str:
  """The slowest and the fastest round, in images per second."""
  rates = result.items / np.array(result.seconds)
  digits = 1 if result.rate < 100 else 0
  return f"{rates.min():,.{digits}f}–{rates.max():,.{digits}f}"


def seconds(value: float) -> str:
  """Three figures, and no more than a reader wants."""
  return (
    f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"
  )


def table(columns: list[str], rows: list[list[str]]) -> str:
  """Markdown."""
  lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
  return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def markdown(part: Part) -> str:
  """A heading, a sentence and the tables."""
  tables = "\n\n".join(table(*each) for each in part.tables)
  return f"### {part.title}\n{part.about}\n\n{tables}\n"


def machine() -> dict[str, Any]:
  """Versions and hardware; no names of machines or people."""
  versions = {}
  for package in PACKAGES:
    try:
      versions[package] = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
      versions[package] = "not installed"
  memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
  return {
    "python": platform.python_version(),
    "versions": versions,
    "processor": _processor(),
    "cores": os.cpu_count(),
    "memory_gib": round(memory, 1),
    "load": [round(v, 2) for v in os.getloadavg()],
  }


def write(parts: list[Part], about: dict[str, Any], command: str) -> None:
  """Replaces the measured part of the page and the JSON beside it."""
  versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
  head = (
    f"Command: `{command}`. {about['processor']}, {about['cores']} cores,"
    f" {about['memory_gib']} GiB; Python {about['python']}, {versions}. Load at the start"
    f" {about['load'][0]}.\n"
  )
  body = "\n".join([BEGIN, head, *map(markdown, parts), END])
  text = PAGE.read_text()
  before, rest = text.split(BEGIN)
  PAGE.write_text(before + body + rest.split(END)[1])
  found = {"command": command, **about, "parts": [_plain(part) for part in parts]}
  PAGE.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


def _plain(part: Part) -> dict[str, Any]:
  tables = [{"columns": columns, "rows": rows} for columns, rows in part.tables]
  results = [result._asdict() for result in part.results]
  return {"title": part.title, "about": part.about, "tables": tables, "results": results}


def _processor() -> str:
  info = pathlib.Path("/proc/cpuinfo")
  if info.exists():
    for line in info.read_text().splitlines():
      if line.startswith("model name"):
        return line.partition(":")[2].strip()
  return platform.processor() or platform.machine()
