"""The 8x8 handwritten digits that come with scikit-learn: 1,797 images, no file needed.

Grey levels 0 ... 16 are kept exactly, as k / 16. The split into train, valid and test is
stratified and the same for every seed, so numbers of different runs compare.

Source: UCI Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), test part.
"""

from typing import Any

import numpy as np

from vae_jax.data import _binarise, _split
from vae_jax.types import Dataset, Spec

OPTIONS = {"valid": 250.0, "binarise": "none"}
TEST = 250
SPLIT_SEED = 0


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [8, 8, 1] float32 in {0, 1/16, ..., 1} and its label; 1,297 / 250 / 250 by default.

  Raises:
    UserError: `valid` leaves nothing to train on, or the binarisation is unknown.
  """
  del data_dir
  import sklearn.datasets

  bunch = sklearn.datasets.load_digits()
  fields = {
    "x": (bunch.images / 16).astype(np.float32)[..., None],
    "label": bunch.target.astype(np.int32),
  }
  fields, test = _stratified(fields, TEST)
  train, valid = _stratified(
    fields, _split.count(config["valid"], len(fields["x"]), "valid")
  )
  dataset = Dataset(
    "digits",
    Spec((8, 8, 1), "image", "unit", classes=tuple("0123456789")),
    {"train": train, "valid": valid, "test": test},
    "The 8x8 digits of scikit-learn (UCI Optical Recognition of Handwritten Digits).",
  )
  return _binarise.apply(dataset, config["binarise"])


def _stratified(
  fields: _split.Fields, held_out: int
) -> tuple[_split.Fields, _split.Fields]:
  """(kept, held out), with the classes in equal shares, up to one example, in both."""
  rows = len(fields["x"])
  # RandomState, unlike a Generator, promises the same numbers in every NumPy to come.
  drawn = np.random.RandomState(SPLIT_SEED).permutation(rows)
  by_class = drawn[np.argsort(fields["label"][drawn], kind="stable")]
  spaced = ((np.arange(held_out) + 0.5) * rows / held_out).astype(int)
  out = np.zeros(rows, bool)
  out[by_class[spaced]] = True
  return _split.take(fields, ~out), _split.take(fields, out)
