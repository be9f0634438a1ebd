"""The demo: scikit-learn's 8x8 digits, a small convolutional VAE."""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  epochs = 2.0 if argument == "smoke" else 60.0
  return ConfigDict(
    {
      "data": {"name": "digits"},
      "model": {"name": "conv", "latents": 10},
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0},
      "train": {"epochs": epochs, "batch_size": 64},
    }
  )
