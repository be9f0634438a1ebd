"""LastFM listeners (LightGCN's set, 1,863 of them): Mult-VAE, and RecVAE's parts.

Command:  python train.py --config=configs/lastfm.py:folds --workdir=runs/lastfm --data_dir=<folder>
          python evaluate.py --workdir=runs/lastfm --application=recommendation
          configs/lastfm.py:recvae,folds   RecVAE's parts
          configs/lastfm.py   one of the five folds; --config.sweep="{'beta': [0.1, 0.2, 0.5]}"
Duration: 79 s of CPU time for five folds of Mult-VAE, 111 s for RecVAE's parts
Expected: validation ELBO -131.6 at step 300 of fold 0, with a rate of 34.7 nats; scores are in
          docs/applications/recommendation.md.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"recvae", "folds", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of recvae, folds, smoke")
  recvae = "recvae" in words
  network = {"hidden": [600], "decoder": [600]}
  numbers = {"beta": 0.2, "beta_steps": 400.0}
  if recvae:
    network = {
      "hidden": [600] * 5, "decoder": [], "encoder": "dense", "activation": "silu"
    }  # fmt: skip
    numbers = {"gamma": 0.003, "ema_decay": 0.98}
  return ConfigDict(
    {
      "data": {"name": "interactions", "set": "lastfm", "folds": 5},
      "model": {"name": "multinomial", "latents": 200, **network},
      "likelihood": {"name": "multinomial"},
      "objective": {"name": "recvae" if recvae else "beta"},
      "corruption": {"name": "dropout"},
      "hyper": {"corruption_rate": 0.5, "learning_rate": 1e-3, **numbers},
      "schedule": {} if recvae else {"beta": "linear"},
      "optimizer": {"ema": recvae},
      "sweep": [{"data.fold": fold} for fold in range(5)] if "folds" in words else {},
      "train": {
        "steps": 2 if "smoke" in words else 400 if recvae else 300,
        "batch_size": 100,
        "eval_every": 50,
        "log_every": 50,
      },
    }
  )
