"""Sentences of a small grammar, generated: runs with no data and has an exact answer.

python train.py --config=configs/text.py --workdir=runs/text
python evaluate.py --workdir=runs/text --application=text
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  """`:lm` is the language model of the same size, `:smoke` a run of seconds."""
  return ConfigDict(
    {
      "data": {"name": "sentences"},
      "model": {"name": "sentence", "latents": 8, "hidden": 64, "embed": 32},
      "likelihood": {"name": "tokens"},
      "objective": {"name": "language_model" if argument == "lm" else "beta"},
      "hyper": {"learning_rate": 3e-3},
      "train": {"epochs": 1.0 if argument == "smoke" else 12.0, "batch_size": 64},
    }
  )
