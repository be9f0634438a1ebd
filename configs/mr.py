"""Film-review sentences (MR, Pang & Lee 2005): a VAE of 32 latents that keeps 7 nats.

Command:  python train.py --config=configs/mr.py --workdir=runs/mr --data_dir=<folder>
          python train.py --config=configs/mr.py:lm --workdir=runs/mr_lm --data_dir=<folder>
          python train.py --config=configs/mr.py:conditional --workdir=runs/cvae --data_dir=<folder>
          python evaluate.py --workdir=runs/mr --application=text --set language_model=runs/mr_lm \
            --set conditional=runs/cvae
Duration: 409 s of training on one CPU core, 280 s for :lm, 337 s for :conditional.
Expected: validation ELBO -109.95, -110.29, -110.28 (seeds 0, 1, 2) with a rate of 7.2 to 7.4
          nats; -106.2 for :lm, -109.92 for :conditional, given the label.
          docs/applications/text.md has the test numbers.
`:lm` is the language model of the same size, the decoder at z = 0; `:conditional` has the label,
negative or positive, as an input of encoder and decoder; `:smoke` is a run of one step, also as
`:conditional,smoke`. A sweep: --config.sweep="{'beta': [0.5, 1], 'seed': [0, 1, 2]}".
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"lm", "conditional", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of lm, conditional, smoke")
  vae = "lm" not in words
  hyper = {
    "learning_rate": 3e-3,
    "learning_rate_steps": 100.0,
    "dropout": 0.25,
    "corruption_rate": 0.15,
  }
  schedule = {"learning_rate": "warmup_cosine"}
  if vae:
    hyper |= {"beta_steps": 1000.0, "free_bits": 0.25}
    schedule |= {"beta": "linear"}
  files = {"path": "mr_sentences", "encoding": "latin-1", "test": 1000.0, "valid": 500.0}
  return ConfigDict(
    {
      "data": {"name": "sentences", **files},
      "model": {
        "name": "sentence",
        "latents": 32,
        "hidden": 128,
        "embed": 128,
        "condition": "label" if "conditional" in words else "none",
      },
      "likelihood": {"name": "tokens"},
      "objective": {"name": "beta" if vae else "language_model"},
      "corruption": {"name": "words"},
      "hyper": hyper,
      "schedule": schedule,
      "optimizer": {"ema": True},
      "train": {
        "epochs": 9.0,
        "steps": 1 if "smoke" in words else 0,
        "batch_size": 32,
        "eval_batch_size": 50,
        "log_every": 139,
      },
    }
  )
