"""What a file or a folder of one's own holds, looked at before a configuration is chosen for it."""

import pathlib
import zipfile
from typing import Any, NamedTuple

import numpy as np

from vae_jax import own
from vae_jax.data import _files, _pictures, _series_files
from vae_jax.data._series_files import Series
from vae_jax.types import UserError

LONGEST = 512  # rows of a series up to which it is one example
FEWEST = 10  # series from which each is one example
WINDOW = 32  # rows of a window at most
NARROW = 8  # pixels of an image at least
PART = 0.15  # of a series: what is left for validation, head times valid


class Kind(NamedTuple):
  """The configuration of ours that suits some data, and the fields of `data` it then has."""

  config: str = ""  # empty: as it was
  fields: dict[str, Any] = {}  # noqa: RUF012


def kind_of(path: str, data_dir: str | None) -> Kind:
  """What is at a path, seen from here or from the folder of data files.

  A folder of pictures is images. A folder of csv files, or a csv with a column of ids and one of
  times, is series. An array [N, T, F] that cannot be images is sequences. All else is unchanged.
  """
  tried = [pathlib.Path(path), pathlib.Path(data_dir or ".") / path] if path else []
  where = next((p for p in tried if p.exists()), None)
  try:
    if where is None:
      return Kind()
    if where.is_dir():
      return _of_folder(where)
    if own.is_text(where.name):
      return of_table(_files.unpacked(where), where.name)
    if where.suffix in (".npz", ".npy") and _may_be_sequences(where):
      return _of_arrays(_files.arrays(where))
  except UserError:  # the loader has a sentence for what cannot be read
    return Kind()
  return Kind()


def of_table(raw: bytes, name: str) -> Kind:
  """The content of a csv: series where it is a long one."""
  found = _series_files.several(raw, name)
  return of_series(found) if found else Kind()


def of_series(found: list[Series]) -> Kind:
  """Series as examples where they are many of one length, else their windows."""
  lengths = [len(one.values) for one in found]
  fields: dict[str, Any] = {"name": "series", "set": "csv"}
  if len(set(lengths)) == 1 and lengths[0] <= LONGEST and len(found) >= FEWEST:
    return Kind("sequences", fields | {"steps": 0, "valid": 0.1, "test": 0.1})
  steps = int(np.clip(PART * max(lengths), 2, WINDOW))
  return Kind("sequences", fields | {"steps": steps, "stride": max(1, steps // 4)})


def of_array(x: np.ndarray) -> Kind:
  """An array [N, T, F] of numbers that are no grey levels is sequences.

  Floats below 0 or above 255 are no grey levels; a picture is square, or at least NARROW wide.
  """
  if x.ndim != 3 or x.dtype.kind != "f" or 0 in x.shape:
    return Kind()
  square = x.shape[1] == x.shape[2] and x.shape[2] >= NARROW
  numbers = x.min() < 0 or x.max() > 255
  if not square and (numbers or x.shape[2] < NARROW):
    return Kind("sequences", {"kind": "sequence"})
  return Kind()


def _may_be_sequences(where: pathlib.Path) -> bool:
  """Whether a file has an array of floats on three axes, by its headers alone."""
  with _files.told(where.name, "save it again"):
    if not zipfile.is_zipfile(where):
      loaded = np.load(where, mmap_mode="r", allow_pickle=False)
      return loaded.ndim == 3 and loaded.dtype.kind == "f"
    with zipfile.ZipFile(where) as opened:
      return any(_is_cube(opened, info) for info in opened.infolist())


def _is_cube(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
  with opened.open(info) as file:
    shape, _, dtype = _files.header_reader(np.lib.format.read_magic(file))(file)
  return len(shape) == 3 and dtype.kind == "f"


def _of_arrays(arrays: dict[str, np.ndarray]) -> Kind:
  named = (arrays[name] for name in ("x", "x_train", "train") if name in arrays)
  only = next(iter(arrays.values())) if len(arrays) == 1 else None
  x = next(named, only)
  return Kind() if x is None else of_array(x)


def _of_folder(where: pathlib.Path) -> Kind:
  names = [path.name for path in where.rglob("*") if path.is_file()]
  if any(name.lower().endswith(_pictures.ENDINGS) for name in names):
    return Kind("images", {"name": "images"})
  if not any(where.glob("*.csv")):
    return Kind("images", {"name": "images"})  # whose loader says what it looked for
  return of_series(
    _series_files.read({"set": "csv", "path": str(where), "series": ""}, None)
  )
