"""Files of data of unknown quality, read with a sentence for each way in which they can be bad."""

import contextlib
import gzip
import math
import pathlib
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from vae_jax.types import UserError

# What a packed file may hold, unpacked. A .npy, which is as large as what it holds, has no bound.
MOST = 8 * 2**30  # bytes
SYNTAX = (
  ValueError, OSError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError,
  SyntaxError, MemoryError, tokenize.TokenError, zlib.error, zipfile.BadZipFile, struct.error,
)  # fmt: skip
"""What readers raise on damaged content; RuntimeError is zipfile's of an encrypted entry."""


@contextlib.contextmanager
def told(name: str, mend: str) -> Iterator[None]:
  """Turns what a reader raises into one sentence.

  Args:
    name: of the file.
    mend: what the caller can do.

  Raises:
    UserError: the file cannot be read.
  """
  try:
    with warnings.catch_warnings():
      warnings.simplefilter("ignore")  # of readers about a damage that is refused anyway
      yield
  except UserError:
    raise
  except SYNTAX as error:
    said = str(error).strip().splitlines()
    reason = said[0][:160] if said else type(error).__name__
    raise UserError(f"{name} cannot be read ({reason}); {mend}.") from error


def unpacked(path: pathlib.Path) -> bytes:
  """The content of a file, unpacked where its name ends in .gz.

  Raises:
    UserError: it cannot be read, or holds more than MOST bytes.
  """
  with told(path.name, "copy it again from where it came from"):
    if path.suffix != ".gz":
      return path.read_bytes()
    with gzip.open(path) as file:
      content = file.read(MOST + 1)
  if len(content) > MOST:
    raise UserError(_too_large(path.name, "more"))
  return content


def archive(path: pathlib.Path) -> dict[str, bytes]:
  """The files of a zip by their names.

  Raises:
    UserError: it is damaged, encrypted, or says that it holds more than MOST bytes.
  """
  with (
    told(path.name, "copy it again, without a password"),
    zipfile.ZipFile(path) as opened,
  ):
    check_total(opened, path.name)
    return {info.filename: opened.read(info) for info in opened.infolist()}


def check_total(opened: zipfile.ZipFile, name: str) -> None:
  """Refuses an archive by what it says that it holds, before anything is unpacked.

  Raises:
    UserError: it is more than MOST bytes.
  """
  total = sum(info.file_size for info in opened.infolist())
  if total > MOST:
    raise UserError(_too_large(name, f"{total:,} bytes"))


def _too_large(name: str, size: str) -> str:
  return (
    f"{name} holds {size} when unpacked, and at most {MOST:,} bytes are; save it as a .npy,"
    " which has no bound, or split it."
  )


def arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
  """The arrays of a .npy or .npz file by key; a .npy is the key `x`. Nothing is unpickled.

  Raises:
    UserError: it is damaged or encrypted, holds something else than arrays, or more than MOST.
  """
  mend = "save it with numpy.save or numpy.savez, without Python objects"
  with told(path.name, mend), path.open("rb") as file:
    if not zipfile.is_zipfile(file):
      file.seek(0)
      _check_header(file, path.stat().st_size, path.name)
      return {"x": np.load(path, allow_pickle=False)}
    with zipfile.ZipFile(file) as opened:
      check_total(opened, path.name)
      return {
        info.filename.removesuffix(".npy"): _entry(opened, info, path.name)
        for info in opened.infolist()
      }


def _entry(opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> np.ndarray:
  if not info.filename.endswith(".npy"):
    raise UserError(
      f"{name} has the entry {info.filename!r}, which is no .npy array; save it with"
      " numpy.savez."
    )
  where = f"{name}, entry {info.filename!r},"
  with opened.open(info) as file:
    _check_header(file, info.file_size, where)
  with opened.open(info) as file:
    return np.lib.format.read_array(file, allow_pickle=False)


def _check_header(file: BinaryIO, size: int, name: str) -> None:
  """Refuses an array that says it is larger than what its file has, before memory is taken."""
  version = np.lib.format.read_magic(file)
  shape, _, dtype = header_reader(version)(file)
  if dtype.hasobject:
    raise UserError(f"{name} holds Python objects; save arrays of numbers.")
  said = math.prod(shape) * dtype.itemsize
  if any(n < 0 for n in shape) or said > size:
    raise UserError(
      f"{name} says that it holds {said:,} bytes and has {size:,}; copy or save it again."
    )


def header_reader(version: tuple[int, int]) -> Any:
  """Reads what an array says of itself in this version of the .npy format."""
  readers = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
  }
  if version not in readers:
    raise UserError(f"An array is in the .npy format {version}; save it with numpy.save.")
  return readers[version]


def text(raw: bytes, name: str) -> tuple[str, str]:
  """A text of unknown encoding, and the encoding: by its mark, as UTF-8, or as Windows-1252.

  Raises:
    UserError: it is in neither; the message names the byte and its row.
  """
  marks = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
  )  # fmt: skip
  marked = next((encoding for mark, encoding in marks if raw.startswith(mark)), None)
  first = None
  for encoding in (marked,) if marked else ("utf-8", "cp1252"):
    try:
      return raw.decode(encoding), encoding
    except UnicodeDecodeError as error:
      first = first or error
  row = raw[: first.start].count(b"\n") + 1
  raise UserError(
    f"{name} has the byte 0x{raw[first.start]:02x} in row {row}, which is no letter in"
    f" {(marked or 'utf-8').upper()}; save it as UTF-8."
  ) from first


def check_finite(x: np.ndarray, where: str, most: float = np.finfo(np.float32).max) -> None:
  """Refuses what is no number, or too large for float32, by the row of the file.

  Raises:
    UserError: naming the value and its row, which are those before any split.
  """
  if x.dtype.kind != "f":
    return
  for first in range(0, len(x), 65536):
    part = x[first : first + 65536]
    with np.errstate(invalid="ignore"):
      wrong = ~(np.abs(part) <= most)
    if wrong.any():
      at = np.unravel_index(np.argmax(wrong), wrong.shape)
      rows = int(wrong.reshape(len(part), -1).any(1).sum())
      raise UserError(
        f"{where}: 'x' has {part[at]} in row {first + at[0]}; expected finite numbers within"
        f" float32: correct or remove the {rows} such rows."
      )
