"""Black-and-white versions of grey images: static, dynamic, and Larochelle's fixed files.

Papers differ in how they made binary images. Some take a threshold. Some take a fresh
Bernoulli draw with the grey level as probability (Salakhutdinov and Murray 2008), or one such
draw published as files (Larochelle and Murray 2011). Log-likelihoods of different versions
are not comparable.
"""

import pathlib

import jax
import numpy as np

from vae_jax.data import _files
from vae_jax.types import Array, Dataset, Example, Spec, UserError

MODES = ("none", "static", "dynamic", "larochelle")
FILES = "binarized_mnist_{}.amat"


def check_mode(mode: str) -> None:
  """Refuses an unknown mode.

  Raises:
    UserError: the mode is none of MODES.
  """
  if mode not in MODES:
    raise UserError(f"data.binarise is {mode!r}; expected one of {', '.join(MODES)}.")


def apply(dataset: Dataset, mode: str) -> Dataset:
  """A dataset of grey values in [0, 1] as one of zeros and ones.

  static: x >= 0.5, stored as bool. dynamic: the grey values stay and x ~ Bernoulli(grey) is
  drawn inside the program, anew for every (data seed, epoch, example).

  Raises:
    UserError: the values are not grey levels, or the mode is not for this dataset.
  """
  check_mode(mode)
  if mode == "none" or (dataset.spec.domain == "binary" and mode != "larochelle"):
    return dataset
  if mode == "larochelle":
    raise UserError(
      f"data.binarise is 'larochelle', which is published for MNIST alone, and the dataset "
      f"is {dataset.name}; use static or dynamic."
    )
  if dataset.spec.domain != "unit":
    raise UserError(
      f"data.binarise is {mode!r} and {dataset.name} is not within [0, 1]: "
      f"{_outside(dataset)}; scale it to [0, 1] or set data.binarise to none."
    )
  spec = dataset.spec._replace(domain="binary")
  if mode == "dynamic":
    note = (
      f"{dataset.note} Binarised dynamically: a fresh Bernoulli draw each epoch.".strip()
    )
    return dataset._replace(spec=spec, transform=bernoulli, note=note)
  splits = {
    name: {**fields, "x": threshold(fields["x"])} for name, fields in dataset.splits.items()
  }
  note = f"{dataset.note} Binarised statically: x >= 0.5.".strip()
  return dataset._replace(spec=spec, splits=splits, note=note)


def bernoulli(key: Array, example: Example) -> Example:
  """x ~ Bernoulli(x), element by element."""
  x = example["x"]
  return {**example, "x": jax.random.bernoulli(key, x).astype(x.dtype)}


def threshold(x: np.ndarray) -> np.ndarray:
  """x >= 0.5 as bool; a uint8 means x / 255."""
  return x >= (128 if x.dtype == np.uint8 else 0.5)


def larochelle(data_dir: str | None) -> Dataset:
  """The fixed binary MNIST of Larochelle and Murray 2011: 50,000 / 10,000 / 10,000, no labels.

  Reads `binarized_mnist_{train,valid,test}.amat` under `raw/binarized_mnist` or
  `binarized_mnist` of the data folder: text of 784 numbers a row, as first published, or
  the MATLAB files that go by the same name.

  Raises:
    UserError: a file is missing or holds something else.
  """
  folders = [
    pathlib.Path(data_dir or ".") / sub
    for sub in ("raw/binarized_mnist", "binarized_mnist")
  ]
  splits = {}
  for split in ("train", "valid", "test"):
    name = FILES.format(split)
    path = next((f / name for f in folders if (f / name).is_file()), None)
    if path is None:
      raise UserError(
        f"data.binarise is 'larochelle' and there is no {name}; put the three files into "
        f"binarized_mnist of the folder given by --data_dir ({data_dir})."
      )
    splits[split] = {"x": _amat(path).reshape(-1, 28, 28, 1)}
  return Dataset(
    "binarized_mnist",
    Spec((28, 28, 1), "image", "binary"),
    splits,
    "MNIST in the fixed binarisation of Larochelle and Murray 2011.",
  )


def _amat(path: pathlib.Path) -> np.ndarray:
  """[N, 784] bool from text or from a MATLAB file with the key X."""
  with _files.told(path.name, "download it again"):
    with path.open("rb") as file:
      matlab = file.read(6) == b"MATLAB"
    if matlab:
      import scipy.io

      values = scipy.io.loadmat(path, appendmat=False)["X"]
    else:
      values = np.loadtxt(path, dtype=np.float32, ndmin=2)
    values = np.asarray(values, np.float32)
  if (
    values.ndim != 2 or values.shape[1] != 784 or not ((values == 0) | (values == 1)).all()
  ):
    raise UserError(
      f"{path.name} holds an array {values.shape}; expected 784 zeros and ones a row."
    )
  return values.astype(bool)


def _outside(dataset: Dataset) -> str:
  for split, fields in dataset.splits.items():
    x = fields["x"]
    wrong = (x < 0) | (x > 1)
    if wrong.any():
      at = np.unravel_index(np.argmax(wrong), wrong.shape)
      return f"{x[at]:g} in row {at[0]} of {split}"
  return f"its domain is {dataset.spec.domain!r}"
