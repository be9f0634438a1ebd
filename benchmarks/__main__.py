"""Runs the comparisons and prints them: python -m benchmarks [--quick] [--write].

--quick   parts 1 and 2 with few steps, in under 90 seconds
--only    names of parts, separated by commas
--write   puts the tables into docs, and what they are of into docs/benchmarks*.json: those of
          every part, or of --only=recommendation or --only=lowering
"""

import argparse
import importlib.util
import shlex
import sys
import time

from benchmarks import comparisons, report

PARTS = (
  "training", "sweep", "population", "evidence", "startup", "scaling", "members", "roofline",
  "recommendation", "lowering",
)  # fmt: skip
ASKED = {"lowering"}  # it needs the extra tpu-compile, and takes minutes


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--quick", action="store_true")
  parser.add_argument("--only", default="")
  parser.add_argument("--write", action="store_true")
  parser.add_argument("--data_dir", help="of MNIST, in place of images drawn at random")
  given = parser.parse_args()
  names = _names(parser, given)
  about, began = report.machine(), time.perf_counter()
  parts: list[report.Part] = []
  of_block: dict[report.Block, list[report.Part]] = {}
  for name in names:
    started = time.perf_counter()
    for part in _run(name, given.quick, given.data_dir, parts):
      parts.append(part)
      of_block.setdefault(report.OWN.get(name, report.WHOLE), []).append(part)
      print(report.markdown(part), flush=True)
    print(f"({name}: {time.perf_counter() - started:.0f} s)\n", flush=True)
  print(
    f"{time.perf_counter() - began:.0f} s in all; load at the start {about['load'][0]}."
  )
  if given.write:
    words = [w for w in sys.argv[1:] if w != "--write" and not w.startswith("--data_dir")]
    command = shlex.join(["python", "-m", "benchmarks", *words])
    for block, found in of_block.items():
      report.write(found, about, command, block)


def _names(parser: argparse.ArgumentParser, given: argparse.Namespace) -> list[str]:
  """The parts that are run; ends the program where they cannot be."""
  every = [name for name in PARTS if name not in ASKED]
  names = given.only.split(",") if given.only else every[: 2 if given.quick else None]
  if unknown := set(names) - set(PARTS):
    parser.error(f"no part {', '.join(unknown)}; expected some of {', '.join(PARTS)}")
  whole = [name for name in names if name not in report.OWN]
  if given.write and (given.quick or (whole and names != every)):
    parser.error(
      f"--write replaces all tables of a place: give every part, or --only=one of"
      f" {', '.join(report.OWN)}, and no --quick."
    )
  if "lowering" in names and importlib.util.find_spec("libtpu") is None:
    parser.error("lowering needs a TPU's compiler: pip install 'vae-jax[tpu-compile]'.")
  return names


def _run(
  name: str, quick: bool, data_dir: str | None, before: list[report.Part]
) -> list[report.Part]:
  from benchmarks import lowering, population, recommendation, roofline, scaling, startup

  if name == "training":
    return [comparisons.training(quick, data_dir)]
  if name == "sweep":
    return comparisons.sweep(quick, data_dir, comparisons.best_of_pytorch(before))
  if name == "population":
    return [population.population(quick, data_dir)]
  if name == "evidence":
    return [comparisons.evidence(quick, data_dir)]
  if name == "members":
    return scaling.side_by_side(quick)
  if name == "startup":
    return [startup.startup(quick)]
  if name == "recommendation":
    return [recommendation.recommendation(quick)]
  if name == "lowering":
    return [lowering.lowering(quick)]
  return [scaling.scaling(quick) if name == "scaling" else roofline.roofline(quick)]


if __name__ == "__main__":
  main()
