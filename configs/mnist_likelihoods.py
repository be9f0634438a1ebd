"""Ways to a higher likelihood on MNIST, side by side: bounds, flows, priors, layers.

Command:  python train.py --config=configs/mnist_likelihoods.py --workdir=runs/ladder \
            --data_dir=<data>
          python evaluate.py --workdir=runs/ladder --application=likelihood_ladder --set limit=500
          Seven programs of one sweep on Larochelle's static binarisation, where the data folder
          has it (raw/binarized_mnist beside raw/mnist).
          configs/mnist_likelihoods.py:dynamic   MNIST binarised anew at each step instead
Duration: 66 to 257 s of training for each of the seven on two busy cores.
Expected: importance-weighted NLL with K = 1,000 on 300 test images, one seed: 92.9 with the flow
          prior, 93.0 IWAE, 93.9 one layer with N(0, I), 98.1 VampPrior.
"""

from ml_collections import ConfigDict

LADDER = [
  {"objective.name": "beta"},
  {"objective.name": "iwae", "objective.samples": 5},
  {"posterior.name": "planar"},
  {"posterior.name": "iaf"},
  {"prior.name": "vamp", "prior.components": 200},
  {"prior.name": "flow"},
  {"model.name": "two_layers", "model.latents": 75},
]


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"dynamic", "smoke"}:
    raise ValueError(f"{argument!r} is none of dynamic, smoke")
  return ConfigDict(
    {
      "data": {
        "name": "idx",
        "binarise": "dynamic" if "dynamic" in words else "larochelle",
        "valid": 10000.0,
      },
      "model": {
        "name": "mlp",
        "latents": 50,
        "hidden": [200, 200],
        "activation": "tanh",
      },
      "likelihood": {"name": "bernoulli"},
      "objective": {"name": "beta"},
      "optimizer": {"ema": True},
      "schedule": {"learning_rate": "warmup_cosine", "beta": "linear"},
      "hyper": {
        "learning_rate": 2e-3,
        "learning_rate_steps": 200.0,
        "beta_steps": 2500.0,  # without it the mixture over pseudo-inputs collapses at once
      },
      "sweep": LADDER,
      "train": {"epochs": 0.02 if "smoke" in words else 30.0, "batch_size": 100},
    }
  )
