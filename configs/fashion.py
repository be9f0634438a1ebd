"""Fashion-MNIST under a discretised logistic: a likelihood of the 256 grey levels themselves.

Command:  python train.py --config=configs/fashion.py --workdir=runs/fashion --data_dir=data
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "tfds", "set": "fashion_mnist", "valid": 5000.0},
      "model": {"name": "conv", "latents": 16},
      "likelihood": {"name": "discretised_logistic"},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0, "learning_rate": 1e-3, "beta_steps": 2000.0},
      "schedule": {"beta": "linear"},
      "train": {"epochs": 0.2 if argument == "smoke" else 20.0},
    }
  )
