"""Downloads a set of the TensorFlow Datasets catalogue and prepares it for reading.

python -m vae_jax.data._prepare mnist --data_dir=<folder>

The one command that needs a network and the extra `tfds-prepare`; the folder it writes can
be carried to machines that have neither.
"""

import argparse
import sys

from vae_jax.data import tfds
from vae_jax.types import UserError


def main(arguments: list[str] | None = None) -> int:
  """Prepares the sets named on the command line; 2 is returned for a mistake of the caller."""
  parser = argparse.ArgumentParser(prog="python -m vae_jax.data._prepare")
  parser.add_argument("sets", nargs="+", metavar="set", help="for instance emnist/letters")
  parser.add_argument("--data_dir", required=True, help="where <set>/<version> is written")
  given = parser.parse_args(arguments)
  try:
    for name in given.sets:
      tfds.prepare(name, given.data_dir)
  except UserError as error:
    print(error, file=sys.stderr)
    return 2
  return 0


if __name__ == "__main__":
  sys.exit(main())
