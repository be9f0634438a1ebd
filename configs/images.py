"""Your own pictures, a folder of JPEG or PNG: brought to 64 x 64, with a network of that size.

Command:   python train.py --config=configs/images.py --workdir=runs/mine --config.data.path=FOLDER
           configs/images.py:style   conditional on the subfolder, for --application=style
Duration:  186 s of processor time of training on two CPU cores for 5,978 grey pictures
Expected:  on the faces of configs/faces.py as a folder: validation ELBO -17,522 nats, squared error
           0.0048 against 0.0051 of PCA with 32 numbers, one seed; 0.0053 with 4,000 steps.
           :style on 4,357 tiles of pixel art, 32 x 32 in colour, 4,000 steps: 5 % are of the class
           asked for at β = 1, 47 % at β = 64

Each subfolder is a class, or a table beside the pictures has their attributes: docs/data.md.
`--config.data.side=32` is four times as fast. The layers halve the picture four times.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"style", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of style, smoke")
  smoke, condition = "smoke" in words, "label" if "style" in words else "none"
  channels = [16, 32, 64, 128]
  return ConfigDict(
    {
      "data": {"name": "images"},
      "model": {
        "name": "conv",
        "channels": channels,
        "dense": 256,
        "latents": 32,
        "condition": condition,
      },
      "likelihood": {"name": "discretised_logistic"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 2e-3, "learning_rate_steps": 200.0},
      "schedule": {"learning_rate": "warmup_cosine"},
      "train": {
        "steps": 20 if smoke else 7000,
        "batch_size": 32,
        "eval_every": 10 if smoke else 250,
      },
    }
  )
