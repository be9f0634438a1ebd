"""Your own sequences [N, T, F] in an .npz or .npy: an LSTM under a Gaussian of learned scale.

Command:   python train.py --config=configs/sequences.py --workdir=runs/x --config.data.path=x.npz
Duration:  0 s
Expected:  nothing yet
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "arrays", "kind": "sequence"},
      "model": {"name": "lstm", "latents": 10, "hidden": 64},
      "likelihood": {"name": "gaussian", "scale": "shared", "start": "data"},
      "objective": {"name": "beta"},
      "train": {"steps": 50 if argument == "smoke" else 5000, "eval_every": 250},
    }
  )
