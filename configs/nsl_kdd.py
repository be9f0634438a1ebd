"""Network traffic: a model of normal connections, asked for attacks; three seeds, one sweep.

Command:  python train.py --config=configs/nsl_kdd.py --workdir=runs/nsl-kdd --data_dir=<data>
          python evaluate.py --workdir=runs/nsl-kdd --application=anomaly --set limit=22544
Duration: 58 s of training and 93 s of evaluation of 4,000 rows on one CPU core
Expected: on the first 4,000 rows of test, AUROC of -log p(x) 0.957, of all scores' ranks 0.958, of
          one-class SVM 0.970 (3 seeds).
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"smoke"}:
    raise ValueError(f"{argument!r} is not smoke")
  return ConfigDict(
    {
      "data": {"name": "nsl_kdd"},
      "model": {"name": "table", "latents": 10, "hidden": [128, 128], "solve": False},
      "likelihood": {"name": "mixed", "min_std": 0.05},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 1e-3},
      "sweep": {"seed": [0, 1, 2]},
      "train": {
        "steps": 20 if "smoke" in words else 3000,
        "batch_size": 128,
        "eval_every": 10 if "smoke" in words else 250,
      },
    }
  )
