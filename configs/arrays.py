"""Your own .npz or .npy."""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "arrays"},
      "model": {"name": "mlp", "latents": 10, "hidden": [256]},
      "likelihood": {"name": "gaussian", "scale": "shared"},
      "objective": {"name": "beta"},
      "train": {"epochs": 2.0 if argument == "smoke" else 50.0},
    }
  )
