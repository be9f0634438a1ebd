"""MNIST for its smallest file: pixels under z and their neighbours, binary or grey.

Command:  python train.py --config=configs/compression.py --workdir=runs/binary --data_dir=<data>
          python evaluate.py --workdir=runs/binary --application=compression --set limit=10000
          configs/compression.py:raw    256 grey levels
          configs/compression.py:lossy  posterior means with loss, three values of β
          configs/compression.py:beta   which β makes the smallest file: a small network
Duration: 14 min of training for binary pixels, 8 min for grey ones, 3 min with loss, 7 min for the
          15 members of β, on two cores that several other programs used too
Expected: 10,000 test images in 0.158 bits a pixel, grey 1.135, seed 0 (the context models 0.178
          and 1.192); the files 0.4 % and 0.1 % longer than the negative ELBO
"""

from ml_collections import ConfigDict

WORDS = ("raw", "lossy", "beta", "smoke")
PIXELS = {
  "name": "pixel_vae",
  "latents": 32,
  "hidden": [512, 512],
  "width": 16,
  "activation": "relu",
}
DENSE = {"name": "mlp", "latents": 32, "hidden": [512, 512]}
SMALL = {"name": "mlp", "latents": 40, "hidden": [100]}
GREY = {"name": "binned"}
EXACT = {"name": "gaussian", "std": 0.15}  # of a pixel, so that β = 1 has some 70 bits
COINS = {"name": "bernoulli"}
PARTS = {  # the likelihood, the model, epochs and the sweep of each word
  "": (COINS, PIXELS, 20.0, {}),
  "raw": (GREY, {**PIXELS, "width": 32}, 8.0, {}),
  "lossy": (EXACT, DENSE, 10.0, {"beta": [0.7, 1.0, 1.4]}),
  "beta": (COINS, SMALL, 10.0, {"beta": [0.5, 0.7, 1.0, 1.4, 2.0], "seed": [0, 1, 2]}),
}


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {*WORDS}:
    raise ValueError(f"{min(unknown)!r} is none of {', '.join(WORDS)}")
  if len(words - {"smoke"}) > 1:
    raise ValueError(f"{argument!r} names several; expected one of them, and smoke")
  likelihood, model, epochs, sweep = PARTS["".join(words - {"smoke"})]
  return ConfigDict(
    {
      "data": {
        "name": "idx",
        "binarise": "dynamic" if likelihood is COINS else "none",
        "valid": 1000.0,
      },
      "model": model,
      "likelihood": likelihood,
      "objective": {"name": "beta"},
      "optimizer": {"ema": True},
      "schedule": {"learning_rate": "warmup_cosine", "beta": "linear"},
      "hyper": {
        "learning_rate": 2e-3,
        "learning_rate_steps": 200.0,
        "beta_steps": 2000.0,
        "clip_norm": 100.0,
      },
      "sweep": sweep,
      "train": {"epochs": 0.02 if "smoke" in words else epochs},
    }
  )
