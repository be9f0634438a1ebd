"""The MNIST article's network and loss: cross-entropy + KL, 10 latents, 20 epochs."""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "tfds", "set": "mnist", "valid": 5000.0},
      "model": {"name": "conv", "latents": 10},
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0, "learning_rate": 1e-3},
      "train": {"epochs": 0.2 if argument == "smoke" else 20.0},
    }
  )
