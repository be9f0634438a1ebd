"""Patches of natural pictures: the tiles of CIFAR-10 images laid out one image a row.

The layout is that of the sheets the set is published in for web pages: each
`cifar10_batch_<n>.png` is [1000, 1024, 3], a row the 32 x 32 pixels of one image. Sheets below 50
are of the training set, those from 50 of the test set.

Source: Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
"""

import pathlib
import re
from typing import Any

import numpy as np

from vae_jax.data import _files, _split
from vae_jax.types import Dataset, Spec, UserError

OPTIONS = {"side": 8, "colour": False, "valid": 0.05}
FOLDER, PIXELS = "cifar10_subset", 32
TEST = 50  # the first sheet of the test set
LUMINANCE = (0.299, 0.587, 0.114)  # of ITU-R BT.601


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [side, side, 1] of luminance, or [side, side, 3] with `colour`, uint8.

  Every image is cut into its (32 / side)^2 tiles, which do not overlap; tiles of one image stand
  together, and valid is the last of train. With side 32 x is the image.

  Raises:
    UserError: a side that does not divide 32, no sheets, or one of another size.
  """
  side = config["side"]
  if side < 4 or PIXELS % side:
    raise UserError(f"data.side is {side}; expected 4, 8, 16 or 32.")
  sheets = _sheets(data_dir)
  cut = lambda kept: _tiles(
    np.concatenate([_read(path) for number, path in sheets if kept(number)]), config
  )
  if all(n < TEST for n, _ in sheets) or all(n >= TEST for n, _ in sheets):
    raise UserError(
      f"{sheets[0][1].parent} has sheets of one of train (below {TEST}) and test (from {TEST})"
      " alone; expected both."
    )
  whole, test = cut(lambda n: n < TEST), cut(lambda n: n >= TEST)
  train, valid = _split.last({"x": whole}, config["valid"], "valid")
  spec = Spec((side, side, 3 if config["colour"] else 1), "image", "unit")
  note = f"Tiles of {side} x {side} of CIFAR-10 images, {len(sheets):,} sheets of 1,000."
  return Dataset(
    "patches", spec, {"train": train, "valid": valid, "test": {"x": test}}, note
  )


def luminance(x: np.ndarray) -> np.ndarray:
  """Colours [..., 3] as grey levels [..., 1], in the same unit; integers are rounded."""
  grey = np.asarray(x, np.float32) @ np.asarray(LUMINANCE, np.float32)
  grey = np.round(grey) if x.dtype == np.uint8 else grey
  return grey[..., None].astype(x.dtype)


def _sheets(data_dir: str | None) -> list[tuple[int, pathlib.Path]]:
  root = pathlib.Path(data_dir or ".")
  for folder in (root / "raw" / FOLDER, root / FOLDER, root):
    found = [
      (int(match[1]), path)
      for path in folder.glob("cifar10_batch_*.png")
      if (match := re.fullmatch(r"cifar10_batch_(\d+)", path.stem))
    ]
    if found:
      return sorted(found)
  raise UserError(
    f"There is no cifar10_batch_<n>.png in {root}/raw/{FOLDER}: put the sheets of CIFAR-10"
    " there, or pass --data_dir."
  )


def _read(path: pathlib.Path) -> np.ndarray:
  from PIL import Image

  with _files.told(path.name, "download it again"):
    x = np.asarray(Image.open(path))
  if x.dtype != np.uint8 or x.ndim != 3 or x.shape[1:] != (PIXELS**2, 3):
    raise UserError(
      f"{path.name} is {x.shape} {x.dtype}; expected [N, {PIXELS**2}, 3] uint8, an image a row."
    )
  return x.reshape(-1, PIXELS, PIXELS, 3)


def _tiles(x: np.ndarray, config: dict[str, Any]) -> np.ndarray:
  x = x if config["colour"] else luminance(x)
  side, across = config["side"], PIXELS // config["side"]
  cut = x.reshape(len(x), across, side, across, side, x.shape[-1]).swapaxes(2, 3)
  return np.ascontiguousarray(cut.reshape(-1, side, side, x.shape[-1]))
