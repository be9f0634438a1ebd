"""The oracle: a linear VAE over β on linear Gaussian data, whose optimum is known exactly.

Command:   python train.py --config=configs/linear_gaussian.py --workdir=runs/linear
Duration:  21 s of training for 42 members on two CPU cores
Expected:  python evaluate.py --workdir=runs/linear --application=linear_theory --checkpoint=latest
           at β = 1 an ELBO of -12.680 nats, the exact evidence; at every β the rate within
           0.017, the distortion within 0.033 and the ELBO within 0.032 nats of theory; 42 of
           42 members with as many active latents; switches at β 36.80, 22.66, 12.10, 4.88 by
           the learned posterior, where theory has 36.82, 22.68, 12.11, 4.88
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "linear_gaussian", "dims": 10, "latents": 4, "noise": 0.5},
      "model": {"name": "linear", "latents": 6},
      "likelihood": {"name": "gaussian", "std": 0.5},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 0.02, "learning_rate_steps": 10.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "sweep": {
        "beta": [
          0.25,
          0.5,
          1.0,
          1.5,
          2.0,
          3.0,
          4.0,
          6.0,
          9.0,
          13.0,
          18.0,
          25.0,
          32.0,
          45.0,
        ],
        "seed": [0, 1, 2],
      },
      "train": {
        "steps": 100 if argument == "smoke" else 8000,
        "batch_size": 256,
        "log_every": 500,
        "eval_every": 2000,
      },
    }
  )
