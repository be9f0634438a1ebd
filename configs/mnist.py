"""MNIST with a convolutional network: cross-entropy + KL, 10 latents, 20 epochs.

Command:   python train.py --config=configs/mnist.py --workdir=runs/mnist --data_dir=data
           configs/mnist.py:changes   the same beside what may lower the loss in as many epochs,
                                      each change alone and all together, three seeds (not run
                                      to its end: about two hours on two cores)
Duration:  148 s of training on two CPU cores
Expected:  test cross-entropy + KL 99.8 ± 0.2 nats (seeds 0, 1, 2: 100.01, 99.84, 99.64, all
           10,000 images); MSE 0.0115, a third of PCA's with 10 numbers
"""

from ml_collections import ConfigDict

AVERAGE = {"optimizer.ema": True}
COSINE = {"schedule.learning_rate": "warmup_cosine", "learning_rate_steps": 200.0}
SMALL = {"train.batch_size": 64}
START = {"model.initial": "third_uniform"}  # as in PyTorch
CHANGES = (  # of the configuration, three seeds each
  {"optimizer.ema": False},
  AVERAGE,
  COSINE,
  SMALL,
  START,
  {**AVERAGE, **COSINE, **SMALL, **START},
)


def get_config(argument: str = "") -> ConfigDict:
  if argument not in ("", "changes", "smoke"):
    raise ValueError(f"{argument!r} is none of changes, smoke")
  changes = {"product": [list(CHANGES), {"seed": [0, 1, 2]}]}
  return ConfigDict(
    {
      "data": {"name": "tfds", "set": "mnist", "valid": 5000.0},
      "model": {"name": "conv", "latents": 10},
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "hyper": {"beta": 1.0, "learning_rate": 1e-3},
      "train": {"epochs": 0.2 if argument == "smoke" else 20.0},
      "sweep": changes if argument == "changes" else {},
    }
  )
