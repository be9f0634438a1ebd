"""Letters and digits of fonts, written in the style of fonts that were never seen.

Command:   python train.py --config=configs/glyphs.py --workdir=runs/glyphs
           python evaluate.py --workdir=runs/glyphs --application=style
           configs/glyphs.py:fonts   a folder of hundreds, --config.data.path=FOLDER
Duration:  not measured yet
Expected:  not measured yet
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if unknown := words - {"one", "fonts", "smoke"}:
    raise ValueError(f"{min(unknown)!r} is none of one, fonts, smoke")
  fonts = "fonts" in words
  sweep = {"beta": [0.02, 0.1], "seed": [0] if "smoke" in words else [0, 1, 2]}
  widths = (
    {"hidden": [600, 600], "latents": 64} if fonts else {"hidden": [500], "latents": 16}
  )
  hyper = {"beta": 0.02, "vary": 0.5} if fonts else {}
  epochs = 70.0 if fonts else 80.0
  return ConfigDict(
    {
      "data": {"name": "glyphs", "beside": 8} | ({"apart": 0.04} if fonts else {}),
      "model": {"name": "mlp", "condition": "label", **widths},
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "homoencoder"},
      "hyper": {"learning_rate": 1e-3, **hyper},
      "sweep": {} if words & {"one", "fonts"} else sweep,
      "train": {
        "epochs": 2.0 if "smoke" in words else epochs,
        "batch_size": 64,
        "eval_every": 200,
      },
    }
  )
