"""Results as tables: on the terminal, on a page of docs, and as JSON beside docs/benchmarks.md."""

import importlib.metadata
import json
import os
import pathlib
import platform
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import ROOT, Result

BEGIN, END = "<!-- measured: {} -->", "<!-- end of measured -->"
DOCS = ROOT / "docs"
PACKAGES = (
  "vae-jax", "jax", "jaxlib", "flax", "optax", "torch", "pythae", "numpy", "libtpu",
)  # fmt: skip


class Block(NamedTuple):
  """A place of a page that is written by a command."""

  name: str  # as the page has it in its mark
  page: str  # in docs
  stored: str  # in docs


WHOLE = Block("written by the command", "benchmarks.md", "benchmarks.json")
OWN = {  # parts with a block of their own
  "recommendation": Block(
    "recommendation", "applications/recommendation.md", "benchmarks_recommendation.json"
  ),
  "lowering": Block("lowering", "benchmarks.md", "benchmarks_lowering.json"),
}


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


def write(
  parts: list[Part], about: dict[str, Any], command: str, block: Block = WHOLE
) -> None:
  """Replaces the tables of a block, and the JSON that it is of."""
  found = {"command": command, **about, "parts": [_plain(part) for part in parts]}
  page, (before, after) = DOCS / block.page, around(block)
  page.write_text(before + written(found, block) + after)
  (DOCS / block.stored).write_text(json.dumps(found, indent=1) + "\n")


def around(block: Block) -> tuple[str, str]:
  """The page before and after a block."""
  before, rest = (DOCS / block.page).read_text().split(BEGIN.format(block.name))
  return before, rest.partition(END)[2]


def written(found: dict[str, Any], block: Block) -> str:
  """A block as the stored JSON has it."""
  versions = ", ".join(
    f"{k} {v}" for k, v in found["versions"].items() if v != "not installed"
  )
  head = (
    f"Command: `{found['command']}`. {found['processor']}, {found['cores']} cores,"
    f" {found['memory_gib']} GiB; Python {found['python']}, {versions}. Load at the start"
    f" {found['load'][0]}.\n"
  )
  parts = [
    Part(one["title"], one["about"], [(t["columns"], t["rows"]) for t in one["tables"]], [])
    for one in found["parts"]
  ]
  return "\n".join([BEGIN.format(block.name), head, *map(markdown, parts), END])


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
