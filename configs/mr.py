"""Film-review sentences (MR)."""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {
        "name": "sentences",
        "path": "mr_sentences",
        "encoding": "latin-1",
        "test": 1000.0,
        "valid": 500.0,
      },
      "model": {"name": "sentence", "latents": 32, "hidden": 128, "embed": 128},
      "likelihood": {"name": "tokens"},
      "objective": {"name": "language_model" if argument == "lm" else "beta"},
      "corruption": {"name": "words"},
      "hyper": {"corruption_rate": 0.2, "dropout": 0.4},
      "optimizer": {"ema": True},
      "train": {"epochs": 15.0, "batch_size": 64, "eval_batch_size": 50, "log_every": 50},
    }
  )
