"""The network of mnist.py with 2 latents, for the picture of its latent plane.

Command:   python train.py --config=configs/mnist_2d.py --workdir=runs/mnist_2d --data_dir=data
Duration:  as configs/mnist.py, about 150 s of training on two CPU cores
Expected:  test cross-entropy + KL 145.0 nats (seed 0 alone, ± 0.5 over the 10,000 images)
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "tfds", "set": "mnist", "valid": 5000.0},
      "model": {"name": "conv", "latents": 2},
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0, "learning_rate": 1e-3},
      "train": {"epochs": 0.2 if argument == "smoke" else 20.0},
    }
  )
