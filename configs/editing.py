"""Digits whose slant, thickness and class are changed: what β buys in editing and costs.

Command:   python train.py --config=configs/editing.py --workdir=runs/editing
           python evaluate.py --workdir=runs/editing --application=editing
           configs/editing.py:label   the same networks conditional on the class
Duration:  84 s of training for 15 members on one CPU core, :label 87 s
Expected:  of 200 held-out digits, three seeds, at β = 0.25 by a linear probe: 87 % of the classes,
           84 % of the slants and 73 % of the thicknesses flip at α = 1, with an identity of
           0.22, 0.59 and 0.85; at β = 8 5, 4 and 1 %
"""

from ml_collections import ConfigDict

BETAS = [0.25, 1.0, 2.0, 4.0, 8.0]


def get_config(argument: str = "") -> ConfigDict:
  if argument not in ("", "label", "smoke"):
    raise ValueError(f"{argument!r} is none of label, smoke")
  model = {"name": "conv", "latents": 10}
  smoke = argument == "smoke"
  return ConfigDict(
    {
      "data": {"name": "digits"},
      "model": model | ({"condition": "label"} if argument == "label" else {}),
      "likelihood": {"name": "discretised_logistic", "levels": 17},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 1e-3},
      "sweep": {
        "beta": [1.0, 4.0] if smoke else BETAS,
        "seed": [0] if smoke else [0, 1, 2],
      },
      "train": {"epochs": 2.0 if smoke else 100.0, "eval_every": 200},
    }
  )
