"""Strangers among handwritten digits: letters of fonts, clothes, other scripts.

Command:  python train.py --config=configs/anomaly_strangers.py --workdir=runs/odd --data_dir=<data>
          python evaluate.py --workdir=runs/odd --application=anomaly
          configs/anomaly_strangers.py:digits    8 x 8, letters alone, without a file
          configs/anomaly_strangers.py:article   letters alone, the network of configs/mnist.py
          configs/anomaly_strangers.py:clothes, :kuzushiji, :omniglot   the other four among these
Duration: 33 s of training four programs on two CPU cores and 65 s of evaluation as the page has it,
          3 s and 23 s for :digits; on one core :article 411 s and 45 s,
          each of the others 87 to 120 s and 55 to 93 s
Expected: AUROC of all scores' ranks 0.980, of PCA 0.945, open; :digits: 0.996, kNN 1.000;
          :article squared error 0.984, PCA 0.966.
          :clothes 0.979, :kuzushiji 0.844, :omniglot 0.960, above every baseline and open.
"""

from ml_collections import ConfigDict

KUZUSHIJI = (
  "raw/kmnist/kmnist-test-imgs.npz"  # 10,000 test images: its train is not free to get
)
OMNIGLOT = "raw/omniglot/images_background_small1.zip"
OWN = {
  "clothes": {"name": "tfds", "set": "fashion_mnist", "valid": 5000.0},
  "kuzushiji": {"name": "arrays", "path": KUZUSHIJI},
  "omniglot": {
    "name": "images",
    "path": OMNIGLOT,
    "side": 28,
    "colour": "grey",
    "invert": True,
  },
}
AS_STRANGERS = {
  "clothes": "tfds:fashion_mnist",
  "kuzushiji": f"arrays:{KUZUSHIJI}",
  "omniglot": f"images:{OMNIGLOT},invert=True",
}
AMONG_DIGITS = ["letters", *AS_STRANGERS.values()]


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"digits", "article", "smoke", *OWN}:
    raise ValueError(f"{argument!r} has a word that the header does not name")
  data, strangers = {"name": "tfds", "set": "mnist", "valid": 5000.0}, AMONG_DIGITS
  for name in words & set(OWN):
    data = OWN[name]
    strangers = ["tfds:mnist", *(one for one in AMONG_DIGITS if one != AS_STRANGERS[name])]
  if "digits" in words:
    data, strangers = {"name": "digits"}, ["letters"]
  small, article = "digits" in words, "article" in words
  model = {
    "name": "mlp",
    "latents": 10 if small else 16,
    "hidden": [128, 128] if small else [400, 400],
  }
  if article:
    model, strangers = {"name": "conv", "latents": 10}, ["letters"]
  steps = 1500 if small else 8600 if article else 3000  # 20 epochs of the article's network
  return ConfigDict(
    {
      "data": data,
      "model": model,
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "hyper": {"learning_rate": 1e-3},
      "sweep": [{"data.strangers": name} for name in strangers],
      "train": {
        "steps": 20 if "smoke" in words else steps,
        "batch_size": 128,
        "eval_every": 10 if "smoke" in words else 250,
      },
    }
  )
