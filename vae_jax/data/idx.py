"""Images in the idx files of MNIST and its relatives, plain or gzipped.

A folder holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same two with
`t10k`; labels may be left out. Source of the format: LeCun, Cortes and Burges, MNIST page.
"""

import hashlib
import math
import pathlib
import struct
from typing import Any

import numpy as np

from vae_jax.data import _binarise, _files, _split
from vae_jax.types import Dataset, Spec, UserError

OPTIONS = {"path": "", "binarise": "none"}
UBYTE = 8  # the type code of unsigned bytes
PARTS = {"train": "train", "test": "t10k"}
PUBLISHED = {  # MD5 of the unpacked files, as each set is published
  "mnist": {
    "train-images": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels": "a25bea736e30d166cdddb491f175f624",
    "t10k-images": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels": "27ae3e4e09519cfbb04c329615203637",
  },
  # Of its train-images no checksum is known here: they are read, and not checked.
  "kmnist": {
    "train-labels": "949e75301f8813e0dc5800dcc320fc52",
    "t10k-images": "bf305b8cd328700fbc17f5acbc2856d2",
    "t10k-labels": "9f55f451c0988b028eccdf7d5cc265ab",
  },
}


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [H, W, 1] uint8 and, where there is a label file, its label.

  `path` is the folder, by default `raw/mnist` of the data folder or the data folder itself.
  Validation is the last `valid` images of train.

  Raises:
    UserError: a file is missing, truncated or not idx; images and labels differ in number.
  """
  _binarise.check_mode(config["binarise"])
  folder = _folder(config["path"], data_dir)
  if config["binarise"] == "larochelle" and folder.name == "mnist":
    return _binarise.larochelle(data_dir)
  parts = {split: _part(folder, prefix) for split, prefix in PARTS.items()}
  sizes = [parts[split]["x"].shape[1:3] for split in PARTS]
  if sizes[0] != sizes[1]:
    raise UserError(
      f"{folder.name} has images {sizes[0]} in train and {sizes[1]} in t10k; expected one size."
    )
  labelled = all("label" in fields for fields in parts.values())
  if not labelled:
    parts = {split: {"x": fields["x"]} for split, fields in parts.items()}
  top = max(int(f["label"].max(initial=-1)) for f in parts.values()) + 1 if labelled else 0
  train, valid = _split.last(parts["train"], config["valid"], "valid")
  dataset = Dataset(
    folder.name,
    Spec(train["x"].shape[1:], "image", "unit", classes=tuple(map(str, range(top)))),
    {"train": train, "valid": valid, "test": parts["test"]},
    f"From the idx files of {folder.name}; valid is the last {len(valid['x'])} of train.",
  )
  return _binarise.apply(dataset, config["binarise"])


def read(path: pathlib.Path) -> np.ndarray:
  """The uint8 array of one idx file, of the shape its header says.

  Raises:
    UserError: it is not idx, not of unsigned bytes, or shorter or longer than it says.
  """
  raw = _files.unpacked(path)
  if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != UBYTE or len(raw) < 4 + 4 * raw[3]:
    raise UserError(
      f"{path.name} begins with {raw[:4].hex(' ') or 'nothing'}; expected an idx header of "
      "unsigned bytes, 00 00 08 and the number of axes."
    )
  shape = struct.unpack_from(f">{raw[3]}I", raw, 4)
  values = np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])
  if values.size != math.prod(shape):
    raise UserError(
      f"{path.name} says {' × '.join(map(str, shape))} bytes and holds {values.size}; "
      "download it again."
    )
  return values.reshape(shape)


def published(name: str, data_dir: str) -> bool:
  """Whether the data folder has the files of a set that we know the checksums of, and they fit.

  Raises:
    UserError: a file is there and is not the published one.
  """
  sums = PUBLISHED.get(name, {})
  try:
    folder = _folder(path_of(name), data_dir)
  except UserError:
    return False
  for file, expected in sums.items():
    prefix, _, what = file.partition("-")
    path = _file(folder, prefix, what, {"images": 3, "labels": 1}[what])
    if path is None:
      raise UserError(f"{folder} has no {file}-idx file of {name}; add it.")
    found = hashlib.md5(_files.unpacked(path), usedforsecurity=False).hexdigest()
    if found != expected:
      raise UserError(
        f"{path.name} has the checksum {found} and the published file of {name} has {expected};"
        " download it again."
      )
  return bool(sums)


def path_of(name: str) -> str:
  """The option `path` of a set in the data folder; that of MNIST is the default."""
  return "" if name == "mnist" else f"raw/{name}"


def _folder(path: str, data_dir: str | None) -> pathlib.Path:
  root = pathlib.Path(data_dir or ".")
  tried = [pathlib.Path(path), root / path] if path else [root / "raw" / "mnist", root]
  for folder in tried:
    if _file(folder, "train", "images", 3):
      return folder
  raise UserError(
    f"There is no train-images-idx3-ubyte(.gz) in {' or '.join(map(str, tried))}; give the "
    "folder of the idx files as data.path, or a folder that has raw/mnist as --data_dir."
  )


def _file(folder: pathlib.Path, prefix: str, what: str, axes: int) -> pathlib.Path | None:
  for mark in ("-", "."):
    for ending in ("", ".gz"):
      path = folder / f"{prefix}-{what}{mark}idx{axes}-ubyte{ending}"
      if path.is_file():
        return path
  return None


def _part(folder: pathlib.Path, prefix: str) -> dict[str, np.ndarray]:
  images = _file(folder, prefix, "images", 3)
  if images is None:
    raise UserError(f"{folder} has no {prefix}-images-idx3-ubyte(.gz); add the file.")
  x = read(images)
  if x.ndim != 3 or 0 in x.shape:
    raise UserError(f"{images.name} has shape {x.shape}; expected [N, H, W], none empty.")
  labels = _file(folder, prefix, "labels", 1)
  if labels is None:
    return {"x": x[..., None]}
  label = read(labels)
  if label.shape != x.shape[:1]:
    raise UserError(
      f"{labels.name} has shape {label.shape} and {images.name} has {len(x)} images; "
      "expected one label an image."
    )
  return {"x": x[..., None], "label": label.astype(np.int32)}
