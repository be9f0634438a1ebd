"""Faults of a water circuit by its eight sensors, SKAB: one recurrent model of 34 experiments.

Command:  python train.py --config=configs/skab.py --workdir=runs/skab --data_dir=<data>
          python evaluate.py --workdir=runs/skab --application=anomaly --set limit=2500
Duration: 139 s of training for three seeds on two busy CPU cores, the evaluation 190 s of CPU time
Expected: VUS-PR of all scores' ranks 0.754, of PCA 0.859, of isolation forest 0.800.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"smoke"}:
    raise ValueError(f"{argument!r} is not smoke")
  return ConfigDict(
    {
      # The first 400 rows of each experiment are the published training rows.
      "data": {
        "name": "series",
        "set": "skab",
        "head": 400.0,
        "scale": "each",
        "steps": 40,
        "stride": 10,
      },
      "model": {"name": "lstm", "latents": 8, "hidden": 32},
      "likelihood": {"name": "gaussian", "scale": "shared", "min_std": 0.05},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 3e-3},
      "sweep": {"seed": [0, 1, 2]},
      "train": {
        "steps": 20 if "smoke" in words else 2000,
        "batch_size": 64,
        "eval_every": 10 if "smoke" in words else 200,
      },
    }
  )
