"""Faces that smile or not, 64 x 64: what a larger β buys in editing and costs in identity.

Command:   python train.py --config=configs/faces.py --workdir=runs/faces --data_dir=data
           python evaluate.py --workdir=runs/faces --application=editing
           configs/faces.py:images   a folder of your own pictures, with --data_dir=FOLDER
           configs/faces.py:blocks   a residual block at each size, 16 epochs of β = 1
Duration:  245 s of training for two β on one CPU core, :blocks 439 s for one
Expected:  validation ELBO -17,701 nats at β = 1. Of 200 held-out faces (one seed) 78 % of the
           smiles flip at α = 1 with an identity of 0.91, 77 % at β = 8; eigenfaces: 80 %, 0.91.
           :blocks: -17,640 nats, edits no better
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"images", "blocks", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of images, blocks, smoke")
  own, blocks = "images" in words, "blocks" in words
  conv = {"name": "conv", "channels": [16, 32, 64, 128], "dense": 256, "latents": 32}
  conv |= {"blocks": 1} if blocks else {}
  data = {"name": "faces", "set": "smiles"}
  epochs = 0.2 if "smoke" in words else 16.0 if blocks else 20.0
  length = {"steps": 4000} if own else {"epochs": epochs}  # of any number: steps
  return ConfigDict(
    {
      "data": {"name": "images"} if own else data,
      "model": conv,
      "likelihood": {"name": "discretised_logistic"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 2e-3, "learning_rate_steps": 200.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "sweep": {"beta": [1.0] if blocks else [1.0, 8.0]},
      "train": {**length, "batch_size": 32, "eval_every": 250},
    }
  )
