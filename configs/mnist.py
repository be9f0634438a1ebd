"""MNIST with a convolutional network: cross-entropy + KL, 10 latents, 20 epochs.

Command:   python train.py --config=configs/mnist.py --workdir=runs/mnist --data_dir=data
Duration:  148 s of training on two CPU cores
Expected:  test cross-entropy + KL 99.8 ± 0.2 nats (seeds 0, 1, 2: 100.01, 99.84, 99.64, all
           10,000 images); MSE 0.0115, a third of PCA's with 10 numbers
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  return ConfigDict(
    {
      "data": {"name": "tfds", "set": "mnist", "valid": 5000.0},
      "model": {"name": "conv", "latents": 10},
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0, "learning_rate": 1e-3},
      "train": {"epochs": 0.2 if argument == "smoke" else 20.0},
    }
  )
