"""dSprites as its authors published it: the .npz file, and the set of TensorFlow Datasets."""

import math
import pathlib
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np

from vae_jax.data import _files
from vae_jax.types import Factor, UserError

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
SIDE = 64
CHUNK = 4096  # pictures read at a time
LABELS = ("shape", "scale", "orientation", "x_position", "y_position")


def as_published(known: tuple[Factor, ...]) -> tuple[Factor, ...]:
  """The factors with dSprites' own orientations, evenly spaced in [0, 2 pi], both ends in."""
  count = len(known[2].values)
  turns = tuple(np.linspace(0, 2 * np.pi, count).tolist())
  return (*known[:2], known[2]._replace(values=turns), *known[3:])


def opened(
  source: str, data_dir: str | None, sizes: tuple[int, ...]
) -> tuple[str, Iterator[np.ndarray], int]:
  """A key of the content, its pictures packed in parts of uint8 [n, 512], and how many parts.

  Args:
    source: "npz" or "tfds".
    data_dir: the folder of data files.
    sizes: how many values each factor has.

  Raises:
    UserError: there is no such file or set, or it holds something else.
  """
  rows = math.prod(sizes)
  parts = -(-rows // CHUNK)
  if source == "npz":
    path = _path(data_dir)
    stat = path.stat()
    mark = zlib.crc32(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    return f"sprites/npz-{mark:08x}", _npz(path, rows), parts
  from vae_jax.data import tfds

  folder = tfds._folder("dsprites", data_dir)
  mark = zlib.crc32((folder / "dataset_info.json").read_bytes())
  return f"sprites/tfds-{mark:08x}", _tfds(folder, sizes), parts


def _path(data_dir: str | None) -> pathlib.Path:
  root = pathlib.Path(data_dir or ".")
  tried = [root / sub / FILE for sub in ("raw/dsprites", "dsprites", "raw", ".")]
  found = next((path for path in tried if path.is_file()), None)
  if found is None:
    raise UserError(
      f"There is no {FILE} in the folder given by --data_dir ({data_dir}) nor in its "
      "raw/dsprites or dsprites; put it there, or set data.source to render."
    )
  return found


def _npz(path: pathlib.Path, rows: int) -> Iterator[np.ndarray]:
  """The member `imgs` in parts: 3 GB are never held at once."""
  try:
    with zipfile.ZipFile(path) as archive, archive.open("imgs.npy") as file:
      version = np.lib.format.read_magic(file)
      shape, fortran, dtype = _files.header_reader(version)(file)
      if shape != (rows, SIDE, SIDE) or fortran or dtype.itemsize != 1:
        raise UserError(
          f"{path.name} holds imgs {shape} of {dtype}; expected bytes {(rows, SIDE, SIDE)}."
        )
      for first in range(0, rows, CHUNK):
        count = min(CHUNK, rows - first)
        raw = np.frombuffer(file.read(count * SIDE * SIDE), np.uint8)
        if raw.size != count * SIDE * SIDE:
          raise UserError(f"{path.name} ends after picture {first}; download it again.")
        yield _packed(raw.reshape(count, -1), path.name)
  except UserError:
    raise
  except _files.SYNTAX as error:
    raise UserError(f"{path.name} cannot be read ({error}); download it again.") from error


def _tfds(folder: pathlib.Path, sizes: tuple[int, ...]) -> Iterator[np.ndarray]:
  """The set's pictures in the order of the grid, which their labels tell."""
  from vae_jax.data import tfds

  source, rows = (
    tfds._Reader(folder, {"train": "train"}, 0)._open("train"),
    math.prod(sizes),
  )
  if len(source) != rows:
    raise UserError(f"The set in {folder} has {len(source)} pictures; expected {rows}.")
  made = np.zeros((rows, SIDE * SIDE // 8), np.uint8)
  for first in range(0, rows, CHUNK):
    found = source.__getitems__(list(range(first, min(first + CHUNK, rows))))
    at = [np.array([row[f"label_{name}"] for row in found]) for name in LABELS]
    x = np.stack([row["image"] for row in found]).reshape(len(found), -1)
    made[np.ravel_multi_index(at, sizes)] = _packed(x, folder.name)
  yield from (made[first : first + CHUNK] for first in range(0, rows, CHUNK))


def _packed(x: np.ndarray, name: str) -> np.ndarray:
  if not ((x == 0) | (x == 1) | (x == 255)).all():
    raise UserError(f"{name} has pixels that are neither off nor on; download it again.")
  return np.packbits(x > 0, axis=1, bitorder="little")
