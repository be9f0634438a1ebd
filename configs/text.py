"""Sentences of a small grammar, GENERATED: runs with no data, and has an exact answer.

Command:  python train.py --config=configs/text.py --workdir=runs/text
          python evaluate.py --workdir=runs/text --application=text
Duration: 6 s of training on one CPU core, the evaluation 20 s; :lm 4 s, :conditional 6 s.
Expected: validation ELBO -16.1 with a rate of 3.7 nats, one seed; the entropy is 14.99, so the
          code costs a nat more than it is worth here. Six epochs at a constant rate without
          free bits, word dropout and average: -15.8 with a rate of 0.1.
`:lm` is the language model of the same size, the decoder at z = 0; `:conditional` has the mood as
an input of encoder and decoder; `:smoke` is a run of one epoch, also as `:conditional,smoke`.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"lm", "conditional", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of lm, conditional, smoke")
  vae = "lm" not in words
  hyper = {"learning_rate": 3e-3, "learning_rate_steps": 50.0, "corruption_rate": 0.2}
  schedule = {"learning_rate": "warmup_cosine"}
  if vae:
    hyper |= {"beta_steps": 500.0, "free_bits": 0.25}
    schedule |= {"beta": "linear"}
  return ConfigDict(
    {
      "data": {"name": "sentences"},
      "model": {
        "name": "sentence",
        "latents": 8,
        "hidden": 64,
        "embed": 32,
        "condition": "label" if "conditional" in words else "none",
      },
      "likelihood": {"name": "tokens"},
      "objective": {"name": "beta" if vae else "language_model"},
      "corruption": {"name": "words"},
      "hyper": hyper,
      "schedule": schedule,
      "optimizer": {"ema": True},
      "train": {"epochs": 1.0 if "smoke" in words else 20.0, "batch_size": 64},
    }
  )
