"""A class-conditional VAE on ten digits of each class, ten draws of them.

Command:  python train.py --config=configs/augmentation.py --workdir=runs/augmentation
          python evaluate.py --workdir=runs/augmentation --application=augmentation
          configs/augmentation.py:5,10,20,50   so many of each class, one or several
          configs/augmentation.py:mnist,10   of 28 x 28 with --data_dir=<data>; or fashion,10
          configs/augmentation.py:table   breast cancer, 10 of each class
          configs/augmentation.py:sentences,100   film reviews, with --data_dir=<data>
          configs/augmentation.py:rare    2,000 connections of NSL-KDD, of which 0.8 % are r2l, with
                                          --data_dir=<data>; evaluate with --set rare=r2l
          configs/augmentation.py:skab    500 windows of SKAB, of which 5 % have a fault, with
                                          --data_dir=<data>; evaluate with --set rare=event
Duration: 20 s of processor time for training and 18 s for the evaluation, on two busy cores; skab
          14 s and 27 s; sentences,25,50,100,250 1,323 s, and 560 s on one core
Expected: accuracy 92.2 % with classical augmentation, 90.2 % with nothing, 89.9 % with VAE: behind
          classical by 2.3 +- 1.9 points. table: 91.2 % with VAE and with SMOTE, 90.7 with nothing.
          rare, three draws of 1,000 steps: AUPRC 0.698 with VAE + classical, 0.644 with classical,
          the difference open. skab: AUPRC 0.405 with VAE, behind nothing with 0.572. sentences at
          25, 50, 100, 250 a class: 54.0, 56.2, 58.5, 62.3 % with VAE, without it 54.4, 56.2, 59.8
          and 63.6 %
"""

from ml_collections import ConfigDict

WORDS = ("mnist", "fashion", "table", "sentences", "rare", "skab", "smoke")


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  counts = [int(word) for word in words if word.isdigit()] or [10]
  if {w for w in words if not w.isdigit()} - {*WORDS}:
    raise ValueError(
      f"{argument!r} is no number of examples and none of {', '.join(WORDS)}"
    )
  classes = 2 if words & {"table", "sentences"} else 10
  sizes = [classes * count for count in sorted(counts)]
  fold = {"labels": sizes[0], "unlabelled": False}
  config = {
    "data": {"name": "digits", **fold},
    "model": {"name": "mlp", "latents": 8, "hidden": [128], "condition": "label"},
    "likelihood": {"name": "cross_entropy"},
    "objective": {"name": "beta"},
    "hyper": {"learning_rate": 1e-3},
    "sweep": _draws(sizes),
    "train": {"steps": 1000, "batch_size": 50, "eval_every": 100},
  }
  if words & {"mnist", "fashion"}:
    name = "mnist" if "mnist" in words else "fashion_mnist"
    config["data"] = {"name": "tfds", "set": name, "valid": 10000.0, **fold}
    config["model"] |= {"latents": 10, "hidden": [256]}
  if "table" in words:
    config["data"] = {"name": "tables", "set": "breast", "rate": 0.0, "test": 0.4, **fold}
    config["likelihood"] = {"name": "gaussian", "scale": "predicted", "min_std": 0.1}
    config["model"] |= {"latents": 5, "hidden": [64]}
    config["train"]["batch_size"] = 20
  if "sentences" in words:
    files = {"path": "mr_sentences", "encoding": "latin-1", "test": 2000.0, "valid": 500.0}
    config["data"] = {"name": "sentences", "min_count": 3, **files, **fold}
    config["model"] |= {"name": "sentence", "latents": 16, "hidden": 64, "embed": 64}
    config["likelihood"] = {"name": "tokens"}
    config["corruption"] = {"name": "words"}
    config["hyper"] |= {"learning_rate": 3e-3, "corruption_rate": 0.2, "beta_steps": 100.0}
    config["hyper"] |= {"free_bits": 0.25}
    config["schedule"] = {"beta": "linear"}
    config["train"] = {"steps": 200, "batch_size": 32, "eval_every": 25}
  if "rare" in words:
    config["data"] = {"name": "nsl_kdd", "normal": "", "labels": 2000, "balance": False}
    config["data"]["unlabelled"] = False
    config["model"] = {"name": "table", "latents": 10, "hidden": [128, 128], "solve": False}
    config["model"]["condition"] = "label"
    config["likelihood"] = {"name": "mixed", "min_std": 0.05}
    config["train"] |= {"steps": 2000, "batch_size": 100, "eval_every": 250}
  if "skab" in words:
    cut = {"head": 400.0, "scale": "each", "steps": 20, "stride": 5, "rare": 0.05}
    config["data"] = {"name": "series", "set": "skab", **cut, "labels": 500}
    config["data"] |= {"balance": False, "unlabelled": False}
    config["likelihood"] = {"name": "gaussian", "scale": "shared", "min_std": 0.05}
  if "smoke" in words:
    config["train"] |= {"steps": 20, "eval_every": 10}
    config["sweep"] = config["sweep"][:2]
  return ConfigDict(config)


def _draws(sizes: list[int]) -> list[dict]:
  """Ten draws, of every size where there are several."""
  if len(sizes) == 1:
    return [{"data.draw": draw} for draw in range(10)]
  return [{"data.labels": size, "data.draw": draw} for size in sizes for draw in range(10)]
