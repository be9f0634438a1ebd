"""MNIST for its smallest file: pixels under z and their neighbours, binary or grey."""

from ml_collections import ConfigDict

LIKELIHOODS = {
  False: {"name": "bernoulli"},
  True: {"name": "logistic_mixture", "components": 2},
}


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"raw", "smoke"}:
    raise ValueError(f"{argument!r} is none of raw, smoke")
  raw = "raw" in words
  return ConfigDict(
    {
      "data": {
        "name": "idx",
        "binarise": "none" if raw else "dynamic",
        "valid": 1000.0,
      },
      "model": {
        "name": "pixel_vae",
        "latents": 32,
        "hidden": [512, 512],
        "features": 8,
        "width": 16,
        "activation": "relu",
      },
      "likelihood": {"name": "logistic_mixture", "components": 2}
      if raw
      else {"name": "bernoulli"},
      "objective": {"name": "beta"},
      "optimizer": {"ema": True},
      "schedule": {"learning_rate": "warmup_cosine", "beta": "linear"},
      "hyper": {
        "learning_rate": 2e-3,
        "learning_rate_steps": 200.0,
        "beta_steps": 2000.0,
        "clip_norm": 100.0,
      },
      "train": {"epochs": 0.02 if "smoke" in words else 14.0 if raw else 20.0},
    }
  )
