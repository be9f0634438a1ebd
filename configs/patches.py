"""Tiles of 8 x 8 of natural images, in grey: a model to enlarge larger pictures with.

Command:  python train.py --config=configs/patches.py --workdir=runs/patches --data_dir=<data>
          python evaluate.py --workdir=runs/patches --application=super_resolution
          --set std=0.01 --set pictures=<data>/raw/sr_sets/sr_sets.zip:CSet5
Duration: 50 s on two CPU cores shared with others, an evaluation about a minute.
Expected: validation ELBO 79.9; the five middles enlarged twice to 35.05 dB (Lanczos 34.62) and
          four times to 28.79 dB (Lanczos 29.19).
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "patches", "side": 8},
      "model": {"name": "mlp", "latents": 32, "hidden": [256, 256]},
      "likelihood": {"name": "gaussian", "scale": "shared", "std": 0.1},
      "objective": {"name": "beta"},
      "optimizer": {"ema": True},
      "train": {"epochs": 0.1 if argument == "smoke" else 20.0},
    }
  )
