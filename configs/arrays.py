"""Your own .npz or .npy."""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "arrays"},
      "model": {"name": "mlp", "latents": 10, "hidden": [256]},
      "likelihood": {"name": "gaussian", "scale": "shared"},
      "objective": {"name": "beta"},
      "train": {"steps": 50 if argument == "smoke" else 5000, "eval_every": 250},
    }
  )
