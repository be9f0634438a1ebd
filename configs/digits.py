"""The demo: scikit-learn's 8x8 digits under a discretised logistic of 17 grey levels.

Command:   python train.py --config=configs/digits.py --workdir=runs/digits
Duration:  @digits@ s of training on two CPU cores
Expected:  test -ELBO 89.9 ± 0.3 nats (seeds 0, 1, 2: 90.19, 89.65, 89.93, at the best
           validation ELBO), 2.03 bits/dim; squared error 42 % of PCA's with 10 numbers
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "digits"},
      "model": {"name": "conv", "latents": 10},
      "likelihood": {"name": "discretised_logistic", "levels": 17},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0, "learning_rate": 1e-3},
      "train": {"epochs": 2.0 if argument == "smoke" else 200.0, "eval_every": 200},
    }
  )
