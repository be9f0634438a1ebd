"""Your own table, a csv or a parquet: its gaps filled in, its rows scored and drawn.

Command:   python train.py --config=configs/tables.py --workdir=runs/mine --config.data.path=x.csv
Duration:  14 s of training on two CPU cores for a table of 569 x 30
Expected:  on scikit-learn's breast cancer table with --config.data.rate=0.1: squared error of
           hidden cells 0.216, behind one Gaussian (EM), 0.159; the difference, 0.057 ± 0.068, is
           open. configs/breast.py has settings for columns that are skewed and never negative
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "tables", "set": "own", "rate": 0.0},
      "model": {"name": "table", "latents": 10, "hidden": [64], "decoder": [64]},
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
