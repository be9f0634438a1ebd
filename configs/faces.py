"""Faces that smile or not, 64 x 64: what a larger β buys in editing and costs in identity.

Command:   python train.py --config=configs/faces.py --workdir=runs/faces --data_dir=data
Duration:  TODO
Expected:  TODO
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "faces", "set": "smiles"},
      "model": {"name": "conv", "channels": (16, 32, 64, 128), "dense": 256, "latents": 32},
      "likelihood": {"name": "discretised_logistic"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 2e-3, "beta_steps": 200.0},
      "schedule": {"beta": "linear"},
      "sweep": {"beta": [1.0, 8.0]},
      "train": {
        "epochs": 0.2 if argument == "smoke" else 8.0,
        "batch_size": 64,
        "eval_every": 187,
      },
    }
  )
