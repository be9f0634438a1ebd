"""Evaluates a run: --workdir=runs/digits --application=all.

Needs the run directory and the data it was trained on. --application=all runs everything that
fits the data, and --application=reconstruction,generation runs two. --set name=value changes a
setting.
"""

import argparse

from vae_jax import flags
from vae_jax.cli import hints
from vae_jax.types import UserError


def main(words: list[str] | None = None, prog: str | None = None) -> None:
  """Flags in, `applications` over the run, a report out."""
  parser = _parser(prog)
  known, rest = parser.parse_known_args(words)
  with flags.told_in_one_sentence():
    if rest:
      hint = hints.of_evaluation(rest[0], parser)
      raise UserError(f"Unknown argument {rest[0].partition('=')[0]!r}.{hint}")
    settings = flags.assignments(known.set)
    if known.input is not None:
      settings["input"] = known.input
    flags.use_compilation_cache()
    flags.join(known)
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
      export=known.export,
    )


def _parser(prog: str | None) -> argparse.ArgumentParser:
  from vae_jax import registry

  parser = argparse.ArgumentParser(
    prog=prog,
    description=__doc__,
    epilog=f"Applications: {', '.join(registry.names('applications'))}.",
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument("--workdir", required=True, help="of a training, finished or not")
  parser.add_argument(
    "--application", default="all", help="names, separated by commas, or all"
  )
  parser.add_argument("--member", type=int, help="only this member of a sweep")
  parser.add_argument("--checkpoint", default="best", help="best (default) or latest")
  parser.add_argument("--data_dir", help="where the data is now, if it moved")
  parser.add_argument(
    "--out", help="the folder of the report, for a run directory that must not change"
  )
  parser.add_argument("--seed", type=int, default=0, help="of the evaluation's own noise")
  parser.add_argument(
    "--verbose", action="store_true", help="print the sentences of the report too"
  )
  parser.add_argument(
    "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting"
  )
  parser.add_argument(
    "--input", help="your own new examples, for applications with a setting of that name"
  )
  parser.add_argument("--export", metavar="CSV", help="write the codes of the scored split")
  flags.add_plugins(parser)
  flags.add_distributed(parser)
  return parser
