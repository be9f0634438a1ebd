"""Denoisers of MNIST: a share of the pixels replaced by U(0, 1), the clean image scored.

Command:  python train.py --config=configs/mnist_denoising.py --workdir=runs/four --data_dir=<data>
          python evaluate.py --workdir=runs/four --application=noise_reduction
          Four denoisers, 5, 10, 25, 50 %: one sweep, one program.
          configs/mnist_denoising.py:range   one model, each example's share drawn of U(0, 60 %)
          configs/mnist_denoising.py:clean   the same network that never saw noise
          configs/mnist_denoising.py:all     the six of them: one sweep, three programs
Duration: 576 s for :all on one CPU core: the four 371 s, :range and :clean 103 s each.
Expected: validation ELBO -99.2 of :clean and -111.6 of :range (cross-entropy + KL). With
          --config.hyper.beta=0.05 the four reach 30.2, 27.7, 23.9, 19.3 dB at their own share:
          docs/applications/noise_reduction.md. One seed.
"""

from ml_collections import ConfigDict

SHARES = [0.05, 0.1, 0.25, 0.5]
RANGE = {"corruption_rate": 0.6, "corruption.vary": True}
CLEAN = {"corruption_rate": 0.0, "corruption.name": "none"}


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"range", "clean", "all", "smoke"} or len(words - {"smoke"}) > 1:
    raise ValueError(f"{argument!r} is none of range, clean, all, smoke")
  sweep = {"corruption_rate": SHARES}
  if "all" in words:
    sweep = {"chain": [sweep, [RANGE], [CLEAN]]}
  one_model = bool(words & {"range", "clean"})
  corruption = {"name": "uniform", "vary": "range" in words}
  return ConfigDict(
    {
      "data": {"name": "tfds", "set": "mnist", "valid": 5000.0},
      "model": {"name": "mlp", "latents": 40, "hidden": [512, 512]},
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "corruption": {"name": "none"} if "clean" in words else corruption,
      "hyper": {"corruption_rate": 0.6 if "range" in words else 0.0},
      "optimizer": {"ema": True},
      "sweep": {} if one_model else sweep,
      "train": {"epochs": 0.1 if "smoke" in words else 20.0},
    }
  )
