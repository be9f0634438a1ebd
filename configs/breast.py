"""Breast cancer measurements with half of the entries missing: imputation of a table.

Command:  python train.py --config=configs/breast.py --workdir=runs/breast
Duration: half a minute on two quiet cores (28 s of training), the evaluation another.
Expected: squared error 0.20 at mask seed 0 and 0.25 at mask seed 1 (EM Gaussian 0.23 and 0.28, on
  logs 0.19 and 0.24); about 88 % of hidden values in their 90 % interval.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "tables", "set": "breast", "kind": "positive", "valid": 0.05},
      "model": {
        "name": "table",
        "latents": 20,
        "hidden": [64],
        "decoder": [],
        "constant": 1,
      },
      "likelihood": {"name": "mixed", "min_std": 0.05},
      "objective": {"name": "miwae", "samples": 20},
      "hyper": {"learning_rate": 3e-3, "learning_rate_steps": 100.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "train": {
        "steps": 20 if argument == "smoke" else 4000,
        "batch_size": 64,
        "eval_every": 500,
      },
    }
  )
