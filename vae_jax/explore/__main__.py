"""Writes explore.html into a run directory: its latent space to move through, in one file."""

import argparse

from vae_jax import flags


def main(words: list[str] | None = None, prog: str | None = None) -> None:
  """Flags in, `explore.write` out."""
  parser = argparse.ArgumentParser(
    prog=prog or "python -m vae_jax.explore", description=__doc__, allow_abbrev=False
  )
  parser.add_argument("run", help="the run directory")
  parser.add_argument(
    "--members",
    default="",
    help="numbers of a sweep, 0,3,6; default: one seed of a setting",
  )
  parser.add_argument(
    "--no_encoder", action="store_true", help="half the size, and no pictures of one's own"
  )
  parser.add_argument("--checkpoint", default="best", help="best or latest")
  parser.add_argument("--data_dir", help="where the data of the run lies now")
  known = parser.parse_args(words)
  with flags.told_in_one_sentence():
    flags.use_compilation_cache()
    from vae_jax import explore, run

    runs = run.open_runs(known.run, known.checkpoint, known.data_dir)
    path = explore.write(runs, known.run, known.members, not known.no_encoder)
    print(f"{path}, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
  main()
