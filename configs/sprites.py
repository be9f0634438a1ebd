"""β against disentanglement: 8 values of β and 5 seeds on sprites of 32×32, as one sweep.

Command:   python train.py --config=configs/sprites.py --workdir=runs/sprites
           configs/sprites.py:one    β = 4 and one seed
           configs/sprites.py:full   dSprites' whole grid at 64×64, a network like its paper's
Duration:  2,288 s of training for 40 members on two CPU cores shared with others (63 ms a step
           of all 40 when alone: 21 minutes)
Expected:  MIG on test, median of 5 seeds, 0.03 at β = 1, 0.17 at 4, 0.40 at 8 and 0.34 at 16
"""

from ml_collections import ConfigDict

BETAS = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
THIN = {"side": 32, "scales": 4, "orientations": 20, "positions": 16}
HELD = {"valid": 1000.0, "test": 5000.0}


def get_config(argument: str = "") -> ConfigDict:
  if argument not in ("", "one", "full", "smoke"):
    raise ValueError(f"{argument!r} is none of one, full, smoke")
  full, smoke = argument == "full", argument == "smoke"
  sweep = {"beta": [1.0, 8.0] if smoke else BETAS, "seed": [0, 1] if smoke else [*range(5)]}
  small = {"name": "mlp", "latents": 10, "hidden": [256, 128]}
  conv = {"name": "conv", "latents": 10, "channels": [32, 32, 64, 64], "dense": 256}
  return ConfigDict(
    {
      "data": {"name": "sprites", **({} if full else THIN | HELD)},
      "model": conv if full else small,
      "likelihood": {"name": "bernoulli"},
      "objective": {"name": "beta"},
      "hyper": {"beta": 4.0, "learning_rate": 5e-4 if full else 1e-3},
      "sweep": {} if argument in ("one", "full") else sweep,
      "train": {
        "batch_size": 64,
        "steps": 300_000 if full else 40 if smoke else 20_000,
        "eval_every": 10_000 if full else 20 if smoke else 4000,
      },
    }
  )
