"""Your own sequences [N, T, F] in an .npz or .npy: an LSTM under a Gaussian of learned scale.

Command:   python train.py --config=configs/sequences.py --workdir=runs/x --config.data.path=x.npz
Duration:  188 s of training for three seeds on two CPU cores that others used too
Expected:  on scikit-learn's digits read as 8 steps of 8 numbers: test ELBO 34.0 ± 0.1 nats, a
           density (seeds 0, 1, 2: 33.90, 34.24, 33.95); squared error 0.0097, half of PCA's
           with 10 numbers (0.0194)
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
