"""MNIST with pixels missing: half of the images lose single pixels, half a rectangle.

The share that is lost is drawn for each image of U(0, 95 %); a lost pixel is 0 where the
encoder looks, and the likelihood scores the whole image. With `:observed` the mask is a second
input of the encoder: zero-filled, mask as input.

Command:  python train.py --config=configs/mnist_masked.py --workdir=runs/masked --data_dir=<data>
          python evaluate.py --workdir=runs/masked --application=inpainting
          configs/mnist_masked.py:observed   the encoder is told which pixels are missing
Duration: 301 s, one seed, on two CPU cores shared with others; :observed 125 s on one core.
Expected: validation ELBO -142.5 (cross-entropy + KL) of images that are partly hidden, -146.1
          with :observed.
"""

from ml_collections import ConfigDict


def get_config(argument: str = "") -> ConfigDict:
  words = set(argument.split(",")) - {""}
  if words - {"observed", "smoke"}:
    raise ValueError(f"{argument!r} is none of observed, smoke")
  told = "observed" in words
  model = {"name": "mlp", "latents": 40, "hidden": [512, 512], "observes": told}
  return ConfigDict(
    {
      "data": {"name": "tfds", "set": "mnist", "valid": 5000.0},
      "model": model,
      "likelihood": {"name": "cross_entropy"},
      "objective": {"name": "beta"},
      "corruption": {"name": "holes", "vary": True, "mark": told},
      "hyper": {"corruption_rate": 0.95},
      "optimizer": {"ema": True},
      "train": {"epochs": 0.1 if "smoke" in words else 20.0},
    }
  )
