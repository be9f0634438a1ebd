"""LastFM listeners (LightGCN's set): Mult-VAE."""

from ml_collections import ConfigDict

BETAS = [0.05, 0.1, 0.2, 0.4, 0.8]


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  return ConfigDict(
    {
      "data": {"name": "interactions", "set": "lastfm"},
      "model": {"name": "multinomial", "latents": 200},
      "likelihood": {"name": "multinomial"},
      "objective": {"name": "beta"},
      "corruption": {"name": "dropout"},
      "hyper": {
        "beta": 0.2,
        "beta_steps": 400.0,
        "corruption_rate": 0.5,
        "learning_rate": 1e-3,
      },
      "schedule": {"beta": "linear"},
      "train": {"steps": 600, "batch_size": 100, "eval_every": 50, "log_every": 50},
    }
  )
