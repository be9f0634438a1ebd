"""β on MNIST: 8 values and 5 seeds of a 784-200-20 network on binary digits, as one sweep.

Command:   python train.py --config=configs/mnist_beta.py --workdir=runs/mnist_beta --data_dir=data
           python evaluate.py --workdir=runs/mnist_beta --application=sweep_comparison
           configs/mnist_beta.py:one    β = 1 and one seed
Duration:  1,585 s of training for 40 members on one CPU core, 73 s for the evaluation
Expected:  nll (K = 50, 500 test images) 84.0 ± 2.3 at β = 1, the lowest; 85.1 at β = 2, 87.4 at
           0.5, 153 at 16; −ELBO at β = 1 89.4 ± 0.6 on all 10,000
"""

from ml_collections import ConfigDict

BETAS = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]


def get_config(argument: str = "") -> ConfigDict:
  if argument not in ("", "one", "smoke"):
    raise ValueError(f"{argument!r} is none of one, smoke")
  sweep = {"beta": BETAS, "seed": [*range(5)]}
  return ConfigDict(
    {
      "data": {"name": "tfds", "set": "mnist", "binarise": "static"},
      "model": {"name": "mlp", "latents": 20, "hidden": [200]},
      "likelihood": {"name": "bernoulli"},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0, "learning_rate": 1e-3},
      "sweep": sweep if not argument else {},
      "train": {
        "epochs": 20.0,
        "steps": 20 if argument == "smoke" else 0,
        "eval_every": 2000,
      },
    }
  )
