"""Two bars of melody: embedded tunes without a file, or the sopranos of Bach's chorales (`:jsb`).

Command:  python train.py --config=configs/music.py --workdir=runs/tunes
          python train.py --config=configs/music.py:jsb --workdir=runs/jsb --data_dir=<folder>
          python train.py --config=configs/music.py:jsb,lm --workdir=runs/jsb_lm --data_dir=<folder>
          python evaluate.py --workdir=runs/jsb --application=music --set language_model=runs/jsb_lm
Duration: 22 s of training for the tunes on two busy cores; on one core 238 s for :jsb, 331 s for
          :jsb,bars, 120 s for :jsb,lm.
Expected: one seed: ELBO -36.2 nats with a rate of 26.9 for the tunes (validation, with
          data.apart=False). Free-running accuracy on JSB test 0.983 at 53 bits, with :bars 0.987
          at 48 bits.
`:bars` has a hierarchical decoder, a state of its own for each bar. `:lm` is the language model of
the same size, the decoder at z = 0; `:smoke` is a run of one step.
The decoder does not see three of ten of the symbols before (`corruption_rate`), so that it asks z.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"jsb", "lm", "bars", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of jsb, lm, bars, smoke")
  vae, jsb = "lm" not in words, "jsb" in words
  data = {"path": "jsb_chorales/Jsb16thSeparated.json.gz", "transpose": 5} if jsb else {}
  hyper = {"learning_rate": 4e-3, "learning_rate_steps": 100.0}
  schedule = {"learning_rate": "warmup_cosine"}
  if vae:
    hyper |= {"beta": 0.07 if jsb else 0.1, "beta_steps": 500.0, "corruption_rate": 0.3}
    schedule |= {"beta": "linear"}
  return ConfigDict(
    {
      "data": {"name": "melodies", **data},
      "model": {
        "name": "sentence",
        "latents": 48 if jsb else 24,
        "hidden": 128 if jsb else 64,
        "embed": 32,
        "bars": 2 if "bars" in words else 0,
      },
      "likelihood": {"name": "tokens"},
      "objective": {"name": "beta" if vae else "language_model"},
      "corruption": {"name": "words" if vae else "none"},
      "hyper": hyper,
      "schedule": schedule,
      "optimizer": {"ema": True},
      "train": {
        "steps": 1 if "smoke" in words else 6000 if jsb else 2000,
        "batch_size": 128 if jsb else 64,
        "eval_batch_size": 200,
        "eval_every": 1 if "smoke" in words else 500,
        "log_every": 1 if "smoke" in words else 100,
      },
    }
  )
