"""Molecules as SMILES: QM9 (`:qm9`), or a small embedded set that needs no file.

Command:  python train.py --config=configs/molecules.py --workdir=runs/molecules
          python train.py --config=configs/molecules.py:qm9 --workdir=runs/qm9 --data_dir=<folder>
          python train.py --config=configs/molecules.py:qm9,lm --workdir=runs/qm9_lm \
            --data_dir=<folder>
          python evaluate.py --workdir=runs/qm9 --application=molecules \
            --set language_model=runs/qm9_lm
Duration: 45 s of training for the embedded set, 553 s for :qm9, 130 s for :qm9,lm, on two
          busy cores; 663 s for :qm9,selfies, 266 s for :qm9,selfies,lm, on one core.
Expected: :qm9, one seed: validation ELBO -16.48 nats with a rate of 14.0, and -13.33 for :qm9,lm;
          docs/applications/molecules.md has the test numbers. :qm9,selfies: -17.35 with a rate of
          14.9, and -13.72 for :qm9,selfies,lm. The embedded set: -13.37 with a rate of 12.4.
`:lm` is the language model of the same size, the decoder at z = 0; `:selfies` takes SELFIES in the
place of SMILES (the extra chem); `:smoke` is a run of one step. beta weighs what comes back from a
code against what is drawn from the prior: 0.3 gives more of the one, 0.5 of the other.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"qm9", "lm", "selfies", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of qm9, lm, selfies, smoke")
  vae, small = "lm" not in words, "qm9" not in words
  files = {"path": "molecules/qm9_smiles.txt.gz", "test": 10_000.0, "valid": 2000.0}
  hyper = {
    "learning_rate": 5e-3 if vae and not small else 3e-3,
    "learning_rate_steps": 50.0 if small else 200.0,
  }
  schedule = {"learning_rate": "warmup_cosine"}
  if vae:
    hyper |= {"beta": 0.2 if small else 0.4, "beta_steps": 500.0}
    schedule |= {"beta": "linear"}
  return ConfigDict(
    {
      "data": {
        "name": "molecules",
        "format": "selfies" if "selfies" in words else "smiles",
        **({} if small else files),
      },
      "model": {
        "name": "sentence",
        "latents": 16 if small else 48,
        "hidden": 64 if small else 128,
        "embed": 32 if small else 64,
      },
      "likelihood": {"name": "tokens"},
      "objective": {"name": "beta" if vae else "language_model"},
      "hyper": hyper,
      "schedule": schedule,
      "optimizer": {"ema": True},
      "train": {
        "steps": 1 if "smoke" in words else 3000 if small else 4000 if vae else 2400,
        "batch_size": 64 if small else 256,
        "eval_batch_size": 500,
        "eval_every": 1 if "smoke" in words else 500,
        "log_every": 1 if "smoke" in words else 100,
      },
    }
  )
