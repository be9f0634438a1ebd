"""Your own pictures, a folder of JPEG or PNG: brought to 64 x 64, with a network of that size.

Command:   python train.py --config=configs/images.py --workdir=runs/mine --config.data.path=FOLDER
Duration:  docs/first_hour.md has what was measured
Expected:  the squared error of PCA with as many numbers, or less

Each subfolder is a class, or a table beside the pictures has their attributes: docs/data.md.
`--config.data.side=32` is four times as fast. The layers halve the picture four times.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  if argument not in ("", "smoke"):
    raise ValueError(f"{argument!r} is not smoke")
  channels = [16, 32, 64, 128]
  return ConfigDict(
    {
      "data": {"name": "images"},
      "model": {"name": "conv", "channels": channels, "dense": 256, "latents": 32},
      "likelihood": {"name": "discretised_logistic"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 2e-3, "learning_rate_steps": 200.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "train": {
        "steps": 20 if argument == "smoke" else 4000,
        "batch_size": 32,
        "eval_every": 10 if argument == "smoke" else 250,
      },
    }
  )
