"""Tumours among benign ones: a model of benign breast cells, asked for malignant; no file needed.

Command:  python train.py --config=configs/anomaly_breast.py --workdir=runs/cells
          python evaluate.py --workdir=runs/cells --application=anomaly
          configs/anomaly_breast.py:dirty   0, 1, 5 and 10 % of train are malignant all the same
Expected: AUROC of all scores' ranks 0.937, of GMM on PCA 0.952 (3 seeds).
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"dirty", "smoke"}:
    raise ValueError(f"{argument!r} is none of dirty, smoke")
  data = {"name": "tables", "set": "breast", "rate": 0.0, "test": 0.4, "valid": 0.3}
  sweep = {"seed": [0, 1, 2]}
  if "dirty" in words:
    shares = [{"data.contamination": share} for share in (0.0, 0.01, 0.05, 0.1)]
    sweep = {"product": [shares, sweep]}
  return ConfigDict(
    {
      "data": {**data, "normal": "benign", "contamination": 0.0},
      "model": {
        "name": "table",
        "latents": 5,
        "hidden": [64],
        "decoder": [64],
        "constant": 1,
      },
      "likelihood": {"name": "mixed", "min_std": 0.05},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 3e-3},
      "sweep": sweep,
      "train": {
        "steps": 20 if "smoke" in words else 1500,
        "batch_size": 64,
        "eval_every": 10 if "smoke" in words else 100,
      },
    }
  )
