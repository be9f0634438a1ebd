"""Trains a run or a whole sweep: python train.py --config=configs/digits.py --workdir=runs/digits.

The same command again resumes. Every field of the configuration is a flag:
--config.hyper.beta=4, --config.model.latents=2, --config.train.epochs=5.
`vae-jax train` is the same program.
"""

from vae_jax.cli.train import main

if __name__ == "__main__":
  main()
