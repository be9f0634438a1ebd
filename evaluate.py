"""Evaluates a run: python evaluate.py --workdir=runs/digits --application=all.

Needs the run directory alone, and the data it was trained on. --application=all runs what
fits the data, reconstruction,generation those two; --set name=value changes a setting.
`vae-jax evaluate` is the same program.
"""

from vae_jax.cli.evaluate import main

if __name__ == "__main__":
  main()
