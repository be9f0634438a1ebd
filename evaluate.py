"""Evaluates a run: python evaluate.py --workdir=runs/digits --application=all.

Needs the run directory alone, and the data it was trained on. --application=all runs what
fits the data, reconstruction,generation those two; --set name=value changes a setting.
"""

import argparse

from vae_jax import flags


def main() -> None:
  """Flags in, `applications` over the run, a report out."""
  parser = argparse.ArgumentParser(
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument("--workdir", required=True, help="of a training, finished or not")
  parser.add_argument(
    "--application", default="all", help="names, separated by commas, or all"
  )
  parser.add_argument("--member", type=int, help="only this member of a sweep")
  parser.add_argument("--checkpoint", default="best", help="best (default) or latest")
  parser.add_argument("--data_dir", help="where the data lies now, if it moved")
  parser.add_argument("--out", help="where the report goes, for a run that is only read")
  parser.add_argument("--seed", type=int, default=0, help="of the evaluation's own noise")
  parser.add_argument(
    "--verbose", action="store_true", help="print the sentences of the report too"
  )
  parser.add_argument(
    "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting"
  )
  flags.add_plugins(parser)
  known = parser.parse_args()
  with flags.told_in_one_sentence():
    settings = flags.assignments(known.set)
    flags.use_compilation_cache()
    from vae_jax import evaluating

    evaluating.evaluate(
      known.workdir,
      known.application.split(","),
      settings,
      checkpoint=known.checkpoint,
      member=known.member,
      data_dir=known.data_dir,
      seed=known.seed,
      plugins=known.plugins,
      out=known.out,
      verbose=known.verbose,
    )


if __name__ == "__main__":
  main()
