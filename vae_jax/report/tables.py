"""A Markdown table: python -m vae_jax.report.tables <report>/scores.csv --metric=psnr.

Of a run directory it is the β atlas, with its sentences.
"""

import argparse
import csv
import io
import pathlib
import statistics

from vae_jax.evaluation.numbers import text
from vae_jax.report import atlas_page
from vae_jax.report.formatting import decimals, short, value_text
from vae_jax.training.sweep import SEEDS
from vae_jax.types import UserError


def markdown(path: pathlib.Path, metric: str | None, over: tuple[str, ...] = SEEDS) -> str:
  """A row for each method and setting, a column for each condition: mean ± s.d. over seeds.

  The interval of a report is over seeds and examples and does not follow from means alone.
  Members that were stopped are left out, as in a report. Rows that differ in the columns
  `over` alone are averaged; without a metric it is the first of the file.

  Raises:
    UserError: it is no scores.csv, or the metric is not in it.
  """
  content = path.read_text(encoding="utf-8") if path.is_file() else ""
  found = csv.DictReader(io.StringIO(content))
  rows = [row for row in found if not row.get("ended")]
  if not rows or not {"ended", "method", "condition", "metric", "mean"} <= set(rows[0]):
    raise UserError(f"{path} is not the scores.csv of a report, or is empty.")
  known = list(dict.fromkeys(row["metric"] for row in rows))
  if (metric := metric or known[0]) not in known:
    raise UserError(f"{path} has no metric {metric!r}: choose one of {', '.join(known)}.")
  rows = [row for row in rows if row["metric"] == metric]
  swept = found.fieldnames[1 : found.fieldnames.index("ended")]
  differ = lambda name: len({row[name] for row in rows if row["member"]}) > 1
  names = [name for name in swept if name not in over and differ(name)]
  conditions = list(dict.fromkeys(row["condition"] for row in rows))
  cells: dict[tuple, dict[str, list[float]]] = {}
  for row in rows:
    line = cells.setdefault((*(_value(row[n]) for n in names), row["method"]), {})
    line.setdefault(row["condition"], []).append(float(row["mean"]))
  digits = decimals([v for line in cells.values() for cell in line.values() for v in cell])
  table = [[*map(short, names), "method", *(c or metric for c in conditions)]]
  table.append(["---"] * len(table[0]))
  for key, line in cells.items():
    table.append([*key, *(_cell(line.get(c, []), digits) for c in conditions)])
  return "".join(f"| {' | '.join(w.replace('|', '∣') for w in row)} |\n" for row in table)


def _value(word: str) -> str:
  try:
    return value_text(float(word))
  except ValueError:
    return word or "–"


def _cell(means: list[float], digits: int) -> str:
  if not means:
    return "–"
  mean = text(statistics.fmean(means), digits)
  return f"{mean} ± {text(statistics.stdev(means), digits)}" if means[1:] else mean


def main(arguments: list[str] | None = None) -> None:
  """Prints the table named on the command line."""
  parser = argparse.ArgumentParser(prog="python -m vae_jax.report.tables")
  parser.add_argument("scores", type=pathlib.Path, help="scores.csv of a report, or a run")
  parser.add_argument("--metric", help="without it the first of the file")
  parser.add_argument("--over", default=",".join(SEEDS), help="columns averaged over")
  given = parser.parse_args(arguments)
  try:
    if given.scores.is_dir():
      print(atlas_page.required(given.scores)["markdown"])
      return
    print(markdown(given.scores, given.metric, tuple(given.over.split(","))))
    print("±: standard deviation between seeds of the mean over examples; none: one seed.")
  except UserError as error:
    parser.error(str(error))


if __name__ == "__main__":
  main()
