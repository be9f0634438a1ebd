"""Trains a run or a whole sweep: --config=digits --workdir=runs/digits.

The same command again resumes. Every field of the configuration is a flag:
--config.hyper.beta=4, --config.model.latents=2, --config.train.epochs=5.
"""

import argparse
import shlex

from vae_jax import flags
from vae_jax.cli import hints
from vae_jax.types import UserError


def main(words: list[str] | None = None, prog: str | None = None) -> None:
  """Flags in, `training.loop.train` out."""
  parser = _parser(prog)
  known, rest = parser.parse_known_args(words)
  with flags.told_in_one_sentence() as interrupt:
    hint = lambda word: hints.of_training(word, parser, known.config)
    overrides = flags.overrides(rest, hint)
    if known.topology and not known.plan:
      raise UserError("--topology compiles and trains nothing: give it with --plan.")
    if known.topology:
      flags.without_devices()
    flags.use_compilation_cache()
    flags.join(known)
    from vae_jax import config, registry
    from vae_jax.training import loop, trackers

    trackers.names()  # told before minutes of compute
    if known.plugins:
      registry.plug(known.plugins)
    loop.train(
      config.load(known.config, overrides, known.data_dir),
      known.workdir,
      known.data_dir,
      place=known.placement,
      plan_only=known.plan,
      plugins=known.plugins,
      interrupt=interrupt,
      slice_name=known.topology,
    )
    if not known.plan:
      _say_next(known.workdir, prog)


def _say_next(workdir: str, prog: str | None) -> None:
  """The command that comes after a training."""
  import jax

  command = "vae-jax evaluate" if prog else "python evaluate.py"
  if jax.process_index() == 0:
    words = shlex.join([f"--workdir={workdir}", "--application=all"])
    print(f"Next: {command} {words}")


def _parser(prog: str | None) -> argparse.ArgumentParser:
  from vae_jax import config

  parser = argparse.ArgumentParser(
    prog=prog,
    description=__doc__,
    epilog=f"Configurations: {', '.join(config.names())}. `vae-jax list` says what each is.",
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument(
    "--config",
    required=True,
    help="a name, mnist or mnist:smoke, or a file configs/mnist.py",
  )
  parser.add_argument(
    "--workdir", required=True, help="the run directory; made if not there"
  )
  parser.add_argument(
    "--data_dir", help="where real data is, for datasets that need a file"
  )
  parser.add_argument(
    "--placement", default="auto", help="auto, single, pmap or mesh: docs/scaling.md"
  )
  parser.add_argument(
    "--plan", action="store_true", help="print the plan, and train nothing"
  )
  parser.add_argument(
    "--topology",
    default="",
    help="with --plan: compile for a slice of TPUs, v5e:4x8, without them",
  )
  flags.add_plugins(parser)
  flags.add_distributed(parser)
  return parser
