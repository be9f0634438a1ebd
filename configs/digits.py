"""The demo: scikit-learn's 8x8 digits, a small convolutional VAE, 17 grey levels.

Command:  python train.py --config=configs/digits.py --workdir=runs/digits
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "digits"},
      "model": {"name": "conv", "latents": 10},
      "likelihood": {"name": "discretised_logistic", "levels": 17},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0, "learning_rate": 1e-3},
      "train": {"epochs": 2.0 if argument == "smoke" else 200.0, "eval_every": 200},
    }
  )
