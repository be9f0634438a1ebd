"""Faces that smile or not, 64 x 64: what a larger β buys in editing and costs in identity.

Command:   python train.py --config=configs/faces.py --workdir=runs/faces --data_dir=data
           python evaluate.py --workdir=runs/faces --application=editing
           configs/faces.py:images   a folder of your own pictures, with --data_dir=FOLDER
           configs/faces.py:frey     the film of one face, in bits per dimension
Duration:  TODO
Expected:  TODO
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  if argument not in ("", "images", "frey", "smoke"):
    raise ValueError(f"{argument!r} is none of images, frey, smoke")
  smoke, frey = argument == "smoke", argument == "frey"
  conv = {"name": "conv", "channels": [16, 32, 64, 128], "dense": 256, "latents": 32}
  data = {"name": "faces", "set": "frey" if frey else "smiles"}
  return ConfigDict(
    {
      "data": {"name": "images"} if argument == "images" else data,
      "model": {"name": "mlp", "hidden": [200], "latents": 20} if frey else conv,
      "likelihood": {"name": "discretised_logistic"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 2e-3, "learning_rate_steps": 200.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "sweep": {} if frey else {"beta": [1.0, 8.0]},
      "train": {
        "epochs": 0.2 if smoke else 400.0 if frey else 20.0,
        "batch_size": 64 if frey else 32,
        "eval_every": 250,
      },
    }
  )
