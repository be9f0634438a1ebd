"""Spoken digits as mel spectrograms: six speakers, ten words; two values of β as one sweep.

Command:   python train.py --config=configs/sounds.py --workdir=runs/sounds --data_dir=<data>
           python evaluate.py --workdir=runs/sounds --application=audio
           configs/sounds.py:seeds      three seeds of each β
           configs/sounds.py:held_out   tested on a speaker whom train does not know
           configs/sounds.py:tones      generated tones, without a file
Duration:  2,076 s of training for the six members of :seeds and 522 s of evaluation, on two CPU
           cores that did much other work too
Expected:  :seeds: log-spectral distance 5.05 ± 0.09 dB as sound at β = 0.3, PCA 5.31
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"smoke", "tones", "held_out", "seeds"}:
    raise ValueError(f"{argument!r} has a word that is not smoke, tones, held_out or seeds")
  data = {"name": "sounds"} if "tones" in words else {"name": "sounds", "path": "fsdd"}
  if "held_out" in words:
    data["test_source"] = "theo"  # a speaker whom train does not know
  return ConfigDict(
    {
      "data": data,
      "model": {"name": "conv", "latents": 32, "channels": (16, 32, 64), "dense": 256},
      "likelihood": {"name": "gaussian", "scale": "shared", "std": 0.1},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 1e-3},
      "sweep": {"beta": [0.3, 1.0]} | ({"seed": [0, 1, 2]} if "seeds" in words else {}),
      "train": {
        "steps": 20 if "smoke" in words else 2000,
        "batch_size": 64,
        "eval_every": 10 if "smoke" in words else 250,
      },
    }
  )
