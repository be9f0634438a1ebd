"""Codes of another run as data: what a second model learns from, drawn anew in every epoch.

`path` is the folder with `features_train.npy`, `features_valid.npy` and `features_test.npy`, as the
application half_labelled writes them: [N, 2 L + 1] float32, the means of q(z|x), its standard
deviations, and the label.
"""

import pathlib
from typing import Any

import jax
import numpy as np

from vae_jax.data import _files
from vae_jax.types import Array, Dataset, Example, Spec, UserError

OPTIONS = {"path": "", "resample": True}
SPLITS = ("train", "valid", "test")


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [L] ~ N(mean, std^2) of each training row, drawn in every epoch; the mean elsewhere.

  Without `resample` x is the mean everywhere. Kingma et al. (2014), section 2.3, feed M2 so.

  Raises:
    UserError: a file is missing, or is no such array.
  """
  folder = pathlib.Path(config["path"])
  if not folder.is_absolute() and not folder.is_dir():
    folder = pathlib.Path(data_dir or ".") / folder
  splits = {split: _read(folder / f"features_{split}.npy") for split in SPLITS}
  sizes = {fields["x"].shape[1] for fields in splits.values()}
  if len(sizes) > 1:
    raise UserError(
      f"The features in {folder.name} have {sorted(sizes)} latents; expected one number."
    )
  for split, fields in splits.items():
    if not config["resample"]:
      del fields["std"]
    elif split != "train":
      fields["std"] = np.zeros_like(fields["std"])
  count = 1 + max(int(fields["label"].max()) for fields in splits.values())
  spec = Spec(
    splits["train"]["x"].shape[1:], "table", "real", classes=tuple(map(str, range(count)))
  )
  note = f"Codes of another run, from the folder {folder.name}."
  return Dataset("features", spec, splits, note, _drawn if config["resample"] else None)


def _drawn(key: Array, example: Example) -> Example:
  x = example["x"] + example["std"] * jax.random.normal(key, example["x"].shape)
  return {**{k: v for k, v in example.items() if k != "std"}, "x": x}


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
  if not path.is_file():
    raise UserError(
      f"There is no file {path}; evaluate half_labelled on a run of M1, which writes it, and set"
      " config.data.path to its folder reports/half_labelled."
    )
  with _files.told(path.name, "evaluate half_labelled again"):
    values = np.load(path, allow_pickle=False)
  if values.ndim != 2 or values.shape[1] < 3 or values.shape[1] % 2 != 1:
    raise UserError(
      f"{path.name} is an array {values.shape}; expected [N, 2 L + 1]: means, deviations, label."
    )
  size = values.shape[1] // 2
  values = values.astype(np.float32)
  return {
    "x": values[:, :size],
    "std": values[:, size:-1],
    "label": values[:, -1].astype(np.int32),
  }
