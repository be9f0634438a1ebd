"""One decoder as two autoencoders, WAE, VAE, VAE-GAN and GAN: five seeds each, one sweep.

Command:  python train.py --config=configs/model_comparison.py --workdir=runs/models
          python evaluate.py --workdir=runs/models --application=model_comparison
          configs/model_comparison.py:seconds   every contestant trains equally long
          configs/model_comparison.py:rates     what the learning rates were chosen by
          configs/model_comparison.py:mnist     of 28 x 28, with --data_dir=<data>; or fashion;
                                                both also with rates and with seconds
Duration: on one CPU core 142 s for 45 members, 22 s for the evaluation; :mnist 609 s and 133 s
Expected: Fréchet distance on 250 test digits (floor 0.21): of samples of N(0, I) VAE-GAN 0.36,
          GAN 0.42, WAE 0.49, VAE 0.54 at β = 1, autoencoder 1.19; of a mixture over the codes
          from 0.28 to 0.41 for all. :mnist (floor 2.5), 2,000 steps: GAN 6.1, WAE 15, VAE-GAN 16,
          VAE 35 at β = 1, 8.8 with a mixture. :fashion (floor 1.4): GAN 6.8, mixture prior 33,
          VAE 79 at β = 1, 9.3 with a mixture; PCA with a mixture 5.7. :fashion,seconds: GAN 6.5,
          the others with a mixture 4.5 to 11.1.
"""

from ml_collections import ConfigDict

CONTESTANTS = (
  {"objective.name": "autoencoder"},
  {"objective.name": "rae"},
  {"objective.name": "wae"},
  {"objective.name": "beta", "beta": 0.25},
  {"objective.name": "beta", "beta": 1.0},
  {"objective.name": "beta", "beta": 4.0},
  {"objective.name": "beta", "beta": 1.0, "prior.name": "mixture"},
  {"objective.name": "vae_gan", "beta": 0.01},
  {"objective.name": "gan"},
)
RATES = (3e-4, 1e-3, 3e-3)
RATE, STEPS = 1e-3, 2000  # where none was chosen; of all alike
CHOSEN: dict[str, tuple] = {  # the rate of each contestant that :rates chose on validation
  "digits": (1e-3, 3e-4, 3e-3, 3e-4, 3e-3, 3e-4, 3e-4, 1e-3, 1e-3),
  "mnist": (3e-3, 1e-3, 3e-3, 3e-3, 3e-3, 1e-3, 3e-4, 3e-3, 3e-3),
  "fashion": (1e-3, 3e-3, 1e-3, 1e-3, 3e-4, 3e-4, 3e-3, 1e-3, 1e-3),
}
AS_LONG: dict[str, tuple] = {  # steps of each in the seconds that the GAN's STEPS take
  "digits": (5300, 5400, 6000, 5300, 5300, 5300, 5000, 800, 2000),
  "mnist": (4400, 4600, 4200, 4600, 4600, 4600, 4300, 1100, 2000),
}
ALIKE = {"fashion": "mnist"}  # the shapes are the same, and so are the operations of a step
WORDS = {"mnist", "fashion", "rates", "seconds", "smoke"}


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - WORDS:
    raise ValueError(f"{min(unknown)!r} is none of {', '.join(sorted(WORDS))}")
  name = next((name for name in ("mnist", "fashion") if name in words), "digits")
  digits, smoke = name == "digits", "smoke" in words
  sets = {"mnist": "mnist", "fashion": "fashion_mnist"}
  logistic = {"name": "discretised_logistic", "levels": 17}
  return ConfigDict(
    {
      "data": {"name": "digits"} if digits else {"name": "tfds", "set": sets[name]},
      "model": {"name": "mlp", "latents": 10 if digits else 16, "hidden": [256, 256]},
      "likelihood": logistic if digits else {"name": "continuous_bernoulli"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": RATE},
      "optimizer": {"b1": 0.5},
      "sweep": {"product": sweep(name, words)},
      "train": {
        "steps": 4 if smoke else STEPS,
        "batch_size": 64,
        "eval_every": 2 if smoke else 500,
      },
    }
  )


def sweep(name: str, words: set[str]) -> list:
  """The contestants with their numbers, and the seeds of each."""
  if "rates" in words:  # a seed that is none of those that are compared
    return [list(CONTESTANTS), {"learning_rate": list(RATES), "seed": [5]}]
  rates = CHOSEN.get(name, (RATE,) * len(CONTESTANTS))
  each = [
    {**row, "learning_rate": rate} for row, rate in zip(CONTESTANTS, rates, strict=True)
  ]
  if "seconds" in words:
    long = AS_LONG[ALIKE.get(name, name)]
    each = [{**row, "train.steps": steps} for row, steps in zip(each, long, strict=True)]
  return [each, {"seed": [0] if "smoke" in words else [0, 1, 2, 3, 4]}]
