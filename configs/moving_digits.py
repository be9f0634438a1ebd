"""Digits that move and bounce: a recurrent model of frames with a learned prior, two values of β.

Command:   python train.py --config=configs/moving_digits.py --workdir=runs/moving
           python evaluate.py --workdir=runs/moving --application=video
Duration:  194 s of training for both members and 73 s of compiling, on two CPU cores that did much
           other work too
Expected:  validation ELBO -1,852 nats at β = 1 (rate 65) and -1,881 at β = 0.3 (rate 131), one
           seed: far from converged, behind constant velocity on the page
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"smoke", "mnist"}:
    raise ValueError(f"{argument!r} has a word that is not smoke or mnist")
  return ConfigDict(
    {
      "data": {
        "name": "videos",
        "source": "idx" if "mnist" in words else "digits",
        "frames": 15,
      },
      "model": {"name": "frames", "latents": 16, "hidden": 128, "widths": (256, 128)},
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 1e-3},
      "sweep": {"beta": [0.3, 1.0]},
      "train": {
        "steps": 20 if "smoke" in words else 800,
        "batch_size": 32,
        "eval_every": 10 if "smoke" in words else 200,
      },
    }
  )
