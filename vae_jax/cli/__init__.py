"""The console command `vae-jax`: train, evaluate, data, list, first, explore and codec."""

import importlib
import sys

from vae_jax import registry
from vae_jax.types import UserError

COMMANDS = {
  "train": ("vae_jax.cli.train", "trains a run or a whole sweep"),
  "evaluate": ("vae_jax.cli.evaluate", "asks a trained run, and writes its report"),
  "data": ("vae_jax.cli.data", "prepares a published data set for reading"),
  "list": ("vae_jax.cli.listing", "what there is: configs, data, models, objectives, ..."),
  "first": ("vae_jax.cli.first", "a first picture, after a few epochs, within seconds"),
  "explore": ("vae_jax.explore.__main__", "one page to move through the latent space"),
  "codec": ("vae_jax.codec.__main__", "lossless files with a trained run"),
}


def main() -> None:
  """Hands the words after the command to its `main`; they are those of the programs."""
  words = sys.argv[1:]
  if not words or words[0] in ("-h", "--help"):
    print(f"usage: vae-jax <command> [...]\n\n{__doc__}\n")
    print("\n".join(f"  {name:9} {text}" for name, (_, text) in COMMANDS.items()))
    print("\nvae-jax <command> --help says more.")
    sys.exit(0 if words else 2)
  name, *rest = words
  if name not in COMMANDS:
    error = UserError(f"There is no command {name!r}.{registry.nearest(name, [*COMMANDS])}")
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(error.status)
  module = importlib.import_module(COMMANDS[name][0])
  module.main(rest, prog=f"vae-jax {name}")
