"""Anomalous stretches of generated sensor series, found by a recurrent model; no file needed.

Command:  python train.py --config=configs/series.py --workdir=runs/series
          python evaluate.py --workdir=runs/series --application=anomaly
          configs/series.py:beats   ECG5000, a normal beat and four others; --data_dir=<data>
          configs/series.py:nab     58 series of one number each, as published
          configs/series.py:ucr     four sets of UCR, one class of each normal
          configs/series.py:conv    convolutions over time in the place of the recurrent network
Duration: 68 s of training for three seeds on two busy CPU cores, the evaluation 95 s of CPU time;
          on one core :nab 70 s and 704 s, :ucr 339 s and 218 s
Expected: VUS-PR of all scores' ranks 0.975, of isolation forest 0.975, of the matrix profile 0.801;
          :nab 0.332, kNN 0.332; :ucr AUROC 0.836, isolation forest 0.827, open.
"""

from ml_collections import ConfigDict

UCR = [  # a set, and the class of it that is normal
  {"data.series": name, "data.normal": normal}
  for name, normal in {
    "GunPoint": "1", "ItalyPowerDemand": "1", "ArrowHead": "0", "OSULeaf": "1"
  }.items()
]  # fmt: skip


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"beats", "nab", "ucr", "conv", "smoke"}:
    raise ValueError(f"{argument!r} has a word that the header does not name")
  data = {"name": "series", "set": "made", "stride": 4, "normal": ""}
  if "beats" in words:
    data |= {"set": "ecg5000", "normal": "1"}
  if "nab" in words:
    data |= {"set": "nab", "scale": "each", "floor": 0.0, "steps": 32, "stride": 16}
  if "ucr" in words:
    data |= {"set": "ucr", "series": "GunPoint", "normal": "1"}
  model = {"name": "lstm", "latents": 6, "hidden": 32}
  if "conv" in words:
    model = {"name": "conv1d", "latents": 6, "channels": [16, 32], "dense": 64}
  return ConfigDict(
    {
      "data": data,
      "model": model,
      "likelihood": {"name": "gaussian", "scale": "shared", "min_std": 0.05},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 3e-3},
      "sweep": UCR if "ucr" in words else {"seed": [0, 1, 2]},
      "train": {
        "steps": 20 if "smoke" in words else 3000,
        "batch_size": 64,
        "eval_every": 10 if "smoke" in words else 250,
      },
    }
  )
