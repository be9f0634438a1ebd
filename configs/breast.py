"""Breast cancer measurements with half of the entries missing: imputation of a table.

Command:  python train.py --config=configs/breast.py --workdir=runs/breast
Duration: X
Expected: X
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "tables", "set": "breast", "valid": 0.05},
      "model": {"name": "table", "latents": 10, "decoder": [], "constant": 1},
      "likelihood": {"name": "gaussian", "scale": "predicted", "min_std": 0.05},
      "objective": {"name": "miwae", "samples": 20},
      "hyper": {"learning_rate": 1e-3},
      "optimizer": {"ema": True},
      "train": {
        "epochs": 2.0 if argument == "smoke" else 300.0,
        "batch_size": 64,
        "eval_every": 100,
        "log_every": 100,
      },
    }
  )
