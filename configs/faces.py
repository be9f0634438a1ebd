"""Faces that smile or not, 64 x 64: what a larger β buys in editing and costs in identity.

Command:   python train.py --config=configs/faces.py --workdir=runs/faces --data_dir=data
           python evaluate.py --workdir=runs/faces --application=editing
           configs/faces.py:images   a folder of your own pictures, with --data_dir=FOLDER
Duration:  494 s of training for two β on two CPU cores shared with others
Expected:  validation ELBO -17,727 nats at β = 1. Of 200 held-out faces (one seed) 78 % of the
           smiles flip at α = 1 with an identity of 0.91, 75 % at β = 8; eigenfaces: 80 %, 0.91
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  if argument not in ("", "images", "smoke"):
    raise ValueError(f"{argument!r} is none of images, smoke")
  conv = {"name": "conv", "channels": [16, 32, 64, 128], "dense": 256, "latents": 32}
  data = {"name": "faces", "set": "smiles"}
  own = argument == "images"  # of any number: steps, not passes
  length = {"steps": 4000} if own else {"epochs": 0.2 if argument == "smoke" else 20.0}
  return ConfigDict(
    {
      "data": {"name": "images"} if own else data,
      "model": conv,
      "likelihood": {"name": "discretised_logistic"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 2e-3, "learning_rate_steps": 200.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "sweep": {"beta": [1.0, 8.0]},
      "train": {**length, "batch_size": 32, "eval_every": 250},
    }
  )
