"""Short restaurant reviews (Yelp, Shen et al. 2017): sentences of which there are 50,000.

Command:  python train.py --config=configs/yelp.py --workdir=runs/yelp --data_dir=<folder>
          python train.py --config=configs/yelp.py:lm --workdir=runs/yelp_lm --data_dir=<folder>
          python train.py --config=configs/yelp.py:conditional --workdir=runs/yelp_given \
            --data_dir=<folder>
          python evaluate.py --workdir=runs/yelp --application=text \
            --set language_model=runs/yelp_lm --set conditional=runs/yelp_given \
            --set limit=1000 --set samples=100
Duration: 270 s of processor time on one CPU core, 232 s for :lm, 352 s for :conditional, with
          compilation; beside other work it takes twice as long.
Expected: validation ELBO -36.2 nats with a rate of 3.4, -35.7 for :lm, -79.4 for :conditional
          with a rate of 61. docs/applications/text.md has the test numbers.
`:lm` is the language model of the same size, the decoder at z = 0, with the same steps, dropout
and learning rate; `:conditional` has the label as an input of encoder and decoder, a code that
rebuilds, and an encoder that misses two words of ten; `:smoke` is a run of one step.
"""

from ml_collections import ConfigDict

FOR_LIKELIHOOD = {"beta_steps": 1500.0, "free_bits": 1.6}  # 3.2 nats at least
FOR_REWRITING = {"beta": 0.07, "beta_steps": 2000.0, "corruption_rate": 0.2}


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"lm", "conditional", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of lm, conditional, smoke")
  vae, given = "lm" not in words, "conditional" in words
  hyper = {"learning_rate": 0.015, "learning_rate_steps": 200.0, "dropout": 0.1}
  if given:
    hyper |= {"learning_rate": 0.01, "dropout": 0.0}
  schedule = {"learning_rate": "warmup_cosine"}
  if vae:
    hyper |= FOR_REWRITING if given else FOR_LIKELIHOOD
    schedule |= {"beta": "linear"}
  return ConfigDict(
    {
      "data": {"name": "sentences", "path": "yelp_sentiment", "min_count": 3},
      "model": {
        "name": "sentence",
        "latents": 64 if given else 2,
        "hidden": 256 if given else 128,
        "embed": 128,
        "condition": "label" if given else "none",
      },
      "likelihood": {"name": "tokens"},
      "objective": {"name": "beta" if vae else "language_model"},
      # A symbol that is masked is passed over by the encoder: words are deleted.
      "corruption": {"name": "mask" if given and vae else "none"},
      "hyper": hyper,
      "schedule": schedule,
      "optimizer": {"ema": True},
      "train": {
        "steps": 1 if "smoke" in words else 5000,
        "batch_size": 64,
        "eval_batch_size": 100,
        "eval_every": 1 if "smoke" in words else 1250,
        "log_every": 1 if "smoke" in words else 250,
      },
    }
  )
