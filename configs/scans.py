"""Chest X-rays of children, trained on those without pneumonia: anomaly detection on scans.

Command:  python train.py --config=configs/scans.py --workdir=runs/scans --data_dir=<data>
          python evaluate.py --workdir=runs/scans --application=anomaly
          configs/scans.py:brain   slices of brain MRI, trained on those without a tumour
Duration: 12 s of training for three seeds on two busy CPU cores, 4 s for :brain; 66 s and 38 s of
          evaluation
Expected: AUROC of all scores' ranks 0.688 ± 0.045, GMM on PCA 0.602; :brain 0.757 ± 0.093,
          one-class SVM 0.749
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"brain", "smoke"}:
    raise ValueError(f"{argument!r} has a word that is not brain or smoke")
  brain = "brain" in words
  data = {"name": "arrays", "path": "raw/pneumoniamnist/pneumoniamnist.npz", "normal": "0"}
  if brain:
    data = {"name": "images", "path": "raw/brain_mri/brain_mri_253.zip", "normal": "no"}
    data |= {"side": 32, "colour": "grey", "test": 0.5}
  return ConfigDict(
    {
      "data": data,
      "model": {"name": "mlp", "latents": 8 if brain else 16, "hidden": [256, 256]},
      "likelihood": {"name": "gaussian", "scale": "shared", "std": 0.1},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 1e-3},
      "sweep": {"seed": [0, 1, 2]},
      "train": {
        "steps": 20 if "smoke" in words else 400 if brain else 1500,
        "batch_size": 32 if brain else 64,
        "eval_every": 10 if "smoke" in words else 50,
      },
    }
  )
