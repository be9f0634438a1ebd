"""Yeast proteins, eight scores with half of the entries missing: imputation of a table.

Command:  python train.py --config=configs/yeast.py --workdir=runs/yeast --data_dir=<data>
          configs/yeast.py:masks   five masks, a model for each: one sweep
Duration: 2 s of training a mask on one core, the evaluation of five 68 s.
Expected: squared error 0.903 ± 0.113 over five masks (EM Gaussian 0.903): nothing is far below
  the column's mean.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"masks", "smoke"}:
    raise ValueError(f"{argument!r} is none of masks, smoke")
  return ConfigDict(
    {
      "data": {"name": "tables", "set": "yeast", "valid": 0.05},
      "model": {
        "name": "table",
        "latents": 8,
        "hidden": [64],
        "decoder": [],
        "constant": 1,
      },
      "likelihood": {"name": "mixed", "min_std": 0.02},
      "objective": {"name": "miwae", "samples": 20},
      "hyper": {"learning_rate": 3e-3, "learning_rate_steps": 100.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "sweep": [{"data.mask_seed": s} for s in range(5)] if "masks" in words else {},
      "train": {
        "steps": 20 if "smoke" in words else 3000,
        "batch_size": 64,
        "eval_every": 500,
      },
    }
  )
