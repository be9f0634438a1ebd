"""Ways to a higher likelihood on MNIST, side by side: bounds, flows, priors, layers.

Command:  python train.py --config=configs/mnist_likelihoods.py --workdir=runs/ladder \
            --data_dir=<data>
          python evaluate.py --workdir=runs/ladder --application=likelihood_ladder --set limit=500
          Seven programs of one sweep on Larochelle's static binarisation, where the data folder
          has it (raw/binarized_mnist beside raw/mnist).
          Words after a colon, several joined by commas:
          deep       in their place a VampPrior whose inputs start near black, over one layer of
                     latents and on top of two
          iwae50     in their place IWAE with 50 samples
          ladder     in their place a ladder of convolutional latents
          dynamic    MNIST binarised anew at each step
          omniglot   2,527 letters of raw/omniglot, binarised anew at each step, 100 epochs
Duration: 66 to 257 s of training for each of the seven on two busy cores.
Expected: importance-weighted NLL with K = 5,000 on 300 test images, one seed: 92.6 IWAE, 92.7 with
          the flow prior, 93.5 one layer with N(0, I), 97.9 VampPrior.
"""

from ml_collections import ConfigDict

FLAT = [
  {"objective.name": "beta"},
  {"objective.name": "iwae", "objective.samples": 5},
  {"posterior.name": "planar"},
  {"posterior.name": "iaf"},
  {"prior.name": "vamp", "prior.components": 200},
  {"prior.name": "flow"},
  {"model.name": "two_layers", "model.latents": 75},
]
START = {"centre": 0.1, "spread": 0.2}  # of pseudo-inputs, near the mean of the pictures
DEEP = [
  {"prior.name": "vamp", "prior.components": 200}
  | {f"prior.{name}": value for name, value in START.items()},
  {"model.name": "two_layers", "model.latents": 75, "model.components": 200}
  | {f"model.{name}": value for name, value in START.items()},
]
IWAE50 = [{"objective.name": "iwae", "objective.samples": 50}]
MLP = {"name": "mlp", "latents": 50, "hidden": [200, 200], "activation": "tanh"}
LADDER = {"name": "ladder", "latents": 1, "channels": [12, 24], "blocks": [2, 1]}
WORDS = ("deep", "iwae50", "ladder", "dynamic", "omniglot", "smoke")


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - set(WORDS):
    raise ValueError(f"{argument!r} is none of {', '.join(WORDS)}")
  ladder, few = "ladder" in words, "omniglot" in words
  epochs = 100.0 if few else 30.0
  return ConfigDict(
    {
      "data": _data(words),
      "model": LADDER if ladder else MLP,
      "likelihood": {"name": "bernoulli"},
      "objective": {"name": "beta"},
      "optimizer": {"ema": True},
      "schedule": {"learning_rate": "warmup_cosine", "beta": "linear"},
      "hyper": {
        "learning_rate": 2e-3,
        "learning_rate_steps": 200.0,
        # without a warm-up the mixture over pseudo-inputs collapses at once
        "beta_steps": 500.0 if few else 2500.0,
        "clip_norm": 100.0 if ladder else 0.0,
      },
      "sweep": _programs(words),
      "train": {"epochs": 0.02 if "smoke" in words else epochs, "batch_size": 100},
    }
  )


def _programs(words: set[str]) -> list | dict:
  for word, programs in (("ladder", {}), ("deep", DEEP), ("iwae50", IWAE50)):
    if word in words:
      return programs
  return FLAT


def _data(words: set[str]) -> dict:
  """The binary pictures: letters, or MNIST, anew at each step or as published."""
  if "omniglot" in words:
    file = "raw/omniglot/images_background_small2.zip"
    grey = {"path": file, "side": 28, "colour": "grey", "invert": True}
    return {"name": "images", **grey, "binarise": "dynamic", "valid": 0.1, "test": 0.1}
  binarise = "dynamic" if "dynamic" in words else "larochelle"
  return {"name": "idx", "binarise": binarise, "valid": 10000.0}
