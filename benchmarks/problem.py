"""The work every contestant does: the networks, the data, the batch, in plain numbers."""

from typing import Any

import numpy as np

from vae_jax import config as configuration
from vae_jax import data
from vae_jax.types import Dataset, Spec

BATCH = 128
RATE = 1e-3  # of Adam
TRAIN, TEST = 60_000, 1_000
NETWORKS: dict[str, dict[str, Any]] = {
  "conv": {"name": "conv", "latents": 10},  # of configs/mnist.py
  "mlp": {"name": "mlp", "latents": 20, "hidden": [200]},  # 784-200-20
}


def images(count: int, side: int = 28, data_dir: str | None = None) -> np.ndarray:
  """uint8 [count, side, side, 1]: MNIST where its folder is given, else drawn at random.

  No contestant's work depends on the grey levels.
  """
  if data_dir and side == 28:
    found = data.load({"name": "tfds", "set": "mnist"}, data_dir).splits["train"]["x"]
    return np.resize(found, (count, *found.shape[1:]))
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (count, side, side, 1), dtype=np.uint8)


def dataset(side: int = 28, data_dir: str | None = None) -> Dataset:
  """The images as a dataset of grey levels; fewer of them where they are large."""
  x = images(TRAIN * 28 * 28 // side**2, side, data_dir)
  splits = {"train": {"x": x}, "valid": {"x": x[:TEST]}, "test": {"x": x[:TEST]}}
  return Dataset("benchmark", Spec((side, side, 1), "image", "unit"), splits)


def config(network: str, members: int, batch: int, latents: int | None) -> dict:
  """The configuration of `members` values of β, Adam at RATE."""
  model = dict(NETWORKS[network])
  model["latents"] = latents or model["latents"]
  return configuration.resolve(
    {
      "data": {"name": "digits"},  # replaced by `dataset`
      "model": model,
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": RATE},
      "sweep": {"beta": np.linspace(1, 4, members).tolist()} if members > 1 else {},
      "train": {"batch_size": batch, "steps": 1_000_000},
    }
  )
