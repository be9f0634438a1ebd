"""Short restaurant reviews (Yelp, Shen et al. 2017): sentences of which there are 50,000.

Command:  python train.py --config=configs/yelp.py --workdir=runs/yelp --data_dir=<folder>
          python train.py --config=configs/yelp.py:lm --workdir=runs/yelp_lm --data_dir=<folder>
          python evaluate.py --workdir=runs/yelp --application=text \
            --set language_model=runs/yelp_lm --set limit=500
          configs/yelp.py:first    an autoencoder first (Li et al. 2019): beta is 0 at first
Duration: 695 s of training, 1,005 s for :lm, on two CPU cores that did much other work.
Expected: validation ELBO -37.6 nats with a rate of 6.4, -35.9 for :lm; of 500 test sentences NLL
          37.1 (IW, K = 500) and 36.4.
`:lm` is the language model of the same size, the decoder at z = 0; `:conditional` has the label as
an input of encoder and decoder; `:smoke` is a run of one step.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"lm", "first", "conditional", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of lm, first, conditional, smoke")
  vae = "lm" not in words
  hyper = {"learning_rate": 3e-3, "learning_rate_steps": 200.0, "dropout": 0.25}
  schedule = {"learning_rate": "warmup_cosine"}
  if vae:
    hyper |= {"beta_steps": 2000.0, "free_bits": 0.25}
    schedule |= {"beta": "pretrain" if "first" in words else "linear"}
  return ConfigDict(
    {
      "data": {"name": "sentences", "path": "yelp_sentiment", "min_count": 3},
      "model": {
        "name": "sentence",
        "latents": 16,
        "hidden": 128,
        "embed": 128,
        "condition": "label" if "conditional" in words else "none",
      },
      "likelihood": {"name": "tokens"},
      "objective": {"name": "beta" if vae else "language_model"},
      "hyper": hyper,
      "schedule": schedule,
      "optimizer": {"ema": True},
      "train": {
        "steps": 1 if "smoke" in words else 5000,
        "batch_size": 64,
        "eval_batch_size": 100,
        "eval_every": 1 if "smoke" in words else 1000,
        "log_every": 1 if "smoke" in words else 250,
      },
    }
  )
