"""Ways to a higher likelihood on MNIST, side by side: bounds, flows, priors, layers.

Command:  python train.py --config=configs/mnist_likelihoods.py --workdir=runs/ladder \
            --data_dir=<data>
          python evaluate.py --workdir=runs/ladder --application=likelihood_ladder --set limit=500
          Seven programs of one sweep on Larochelle's static binarisation, where the data folder
          has it (raw/binarized_mnist beside raw/mnist).
          Words after a colon, several joined by commas:
          deep       in their place a VampPrior whose inputs start near black, over one layer of
                     latents and on top of two
          k1, k5, k50  in their place IWAE with 1, 5 or 50 samples, for 600, 100 and 20 epochs: the
                     last two go on from a run with fewer, --config.two_stage.run=RUN and
                     --config.two_stage.learn=all
          two        two layers of latents, also with k1, k5 or k50
          ladder     a ladder of convolutional latents; large: twelve groups, for an accelerator
          pixels     pixels that see z and their neighbours
          dynamic    MNIST binarised anew at each step
          omniglot   2,527 letters of raw/omniglot, binarised anew at each step, 100 epochs
Duration: 66 to 257 s of training for each of the seven on two busy cores. On one busy core, with
          dynamic: 2,761 s for k1, 1,170 s for k5, 1,727 s for k50, 2,087 s for ladder, 2,482 s for
          pixels. large was not trained.
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
MLP = {"name": "mlp", "latents": 50, "hidden": [200, 200], "activation": "tanh"}
TWO = {"name": "two_layers", "latents": 150, "above": 50}
LADDER = {"name": "ladder", "latents": 1, "channels": [12, 24], "blocks": [2, 1]}
PIXELS = {
  "name": "pixel_vae",
  "latents": 32,
  "hidden": [400, 400],
  "reach": 5,
  "width": 48,
  "activation": "relu",
}
LARGE = {**LADDER, "latents": 4, "channels": [64, 128], "blocks": [8, 4]}
MODELS = {"two": TWO, "ladder": LADDER, "large": LARGE, "pixels": PIXELS}
SAMPLES = {"k1": 1, "k5": 5, "k50": 50}
EPOCHS = {
  "omniglot": 100.0,
  "k1": 600.0,
  "k5": 100.0,
  "k50": 20.0,
  "ladder": 20.0,
  "large": 400.0,
  "pixels": 30.0,
}
WORDS = ("deep", "dynamic", "omniglot", "smoke", *MODELS, *SAMPLES)


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - set(WORDS):
    raise ValueError(f"{argument!r} is none of {', '.join(WORDS)}")
  model = next((MODELS[word] for word in MODELS if word in words), MLP)
  few, goes_on = "omniglot" in words, bool(words & {"k5", "k50"})
  epochs = next((n for word, n in EPOCHS.items() if word in words), 30.0)
  return ConfigDict(
    {
      "data": _data(words),
      "model": model,
      "likelihood": {"name": "bernoulli"},
      "objective": {"name": "beta"},
      "optimizer": {"ema": True},
      "schedule": {"learning_rate": "warmup_cosine", "beta": "linear"},
      "hyper": {
        "learning_rate": 1e-3 if goes_on else 2e-3,
        "learning_rate_steps": 200.0,
        # without a warm-up the mixture over pseudo-inputs collapses at once
        "beta_steps": 500.0 if few else 2500.0,
        "clip_norm": 0.0 if model in (MLP, TWO) else 100.0,
      },
      "sweep": _programs(words),
      "train": {
        "epochs": 0.02 if "smoke" in words else epochs,
        "batch_size": 100,
        # some of the hundreds of short epochs of a long run
        "eval_every": 3000
        if words & {*SAMPLES} and not words & {"omniglot", "smoke"}
        else 0,
      },
    }
  )


def _programs(words: set[str]) -> list | dict:
  for word, samples in SAMPLES.items():
    if word in words and samples > 1:
      return [{"objective.name": "iwae", "objective.samples": samples}]
  if "deep" in words:
    return DEEP
  return {} if words & {*MODELS, "k1"} else FLAT


def _data(words: set[str]) -> dict:
  """The binary pictures: letters, or MNIST, anew at each step or as published."""
  if "omniglot" in words:
    file = "raw/omniglot/images_background_small2.zip"
    grey = {"path": file, "side": 28, "colour": "grey", "invert": True}
    return {"name": "images", **grey, "binarise": "dynamic", "valid": 0.1, "test": 0.1}
  if "dynamic" in words:
    return {"name": "idx", "binarise": "dynamic", "valid": 1000.0}
  return {"name": "idx", "binarise": "larochelle", "valid": 10000.0}
