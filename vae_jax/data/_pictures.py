"""Picture files of a folder or a .zip: found in order, decoded, and brought to one size."""

import contextlib
import io
import pathlib
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from vae_jax.data import _cache, _files
from vae_jax.types import UserError

ENDINGS = (
  ".png",
  ".jpg",
  ".jpeg",
  ".bmp",
  ".gif",
  ".tif",
  ".tiff",
  ".webp",
  ".pgm",
  ".ppm",
)
FITS = ("crop", "pad", "stretch")
COLOURS = ("auto", "grey", "rgb")
CHUNK = 512  # pictures decoded at a time
SAMPLE = 64  # pictures that say whether a folder is of colour


class Source(NamedTuple):
  """A folder or a .zip, its picture files, and how many other files it has."""

  path: pathlib.Path
  names: list[str]  # relative to the path, with slashes, in natural order
  others: list[str]
  stamp: int  # changes when a file does

  def read(self, name: str) -> bytes:
    """The bytes of a file."""
    if self.path.is_dir():
      return (self.path / name).read_bytes()
    with zipfile.ZipFile(self.path) as opened:
      return opened.read(name)

  def each(self, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of several files; a .zip is opened once."""
    if self.path.is_dir():
      yield from ((name, (self.path / name).read_bytes()) for name in names)
      return
    with zipfile.ZipFile(self.path) as opened:
      yield from ((name, opened.read(name)) for name in names)


class Frame(NamedTuple):
  """What every picture is brought to."""

  height: int
  width: int
  channels: int  # 1: luminance, 3: colour
  fit: str  # "crop" the middle, "pad" with white, or "stretch"


def find(path: pathlib.Path) -> Source:
  """The picture files below a folder or in a .zip; hidden files do not count.

  Raises:
    UserError: it has none, or is damaged.
  """
  if path.is_dir():
    found = {
      p.relative_to(path).as_posix(): p.stat() for p in path.rglob("*") if p.is_file()
    }
    marks = {name: (s.st_size, s.st_mtime_ns) for name, s in found.items()}
  else:
    with _files.told(path.name, "copy it again"), zipfile.ZipFile(path) as opened:
      _files.check_total(opened, path.name)
      listed = [info for info in opened.infolist() if not info.is_dir()]
      marks = {info.filename: (info.file_size, info.CRC) for info in listed}
  hidden = lambda name: any(p.startswith((".", "__MACOSX")) for p in name.split("/"))
  kept = sorted((name for name in marks if not hidden(name)), key=natural)
  names = [name for name in kept if name.lower().endswith(ENDINGS)]
  if not names:
    raise UserError(
      f"{path} has no picture: expected files that end in {', '.join(ENDINGS[:3])} and the"
      " like, in subfolders named after their class where there are classes."
    )
  stamp = zlib.crc32(repr([(name, marks[name]) for name in names]).encode())
  return Source(path, names, sorted(set(kept) - set(names)), stamp)


def natural(name: str) -> list[Any]:
  """A key that sorts face2 before face10."""
  parts, digits = [[]], False
  for ch in name.lower():
    if ch.isdigit() != digits and parts[-1]:
      parts.append([])
    digits = ch.isdigit()
    parts[-1].append(ch)
  words = ["".join(part) for part in parts]
  return [(0, int(w), "") if w.isdecimal() else (1, 0, w) for w in words]


def fitted(raw: bytes, name: str, frame: Frame) -> np.ndarray:
  """One picture as [H, W, C] uint8: turned as its camera says, cut or padded, and resized.

  Transparent pixels are white. Grey is the luminance of ITU-R BT.601.

  Raises:
    UserError: it cannot be read as a picture.
  """
  from PIL import Image, ImageOps

  size, way = (frame.width, frame.height), Image.Resampling.LANCZOS
  with readable(name):
    picture = Image.open(io.BytesIO(raw))
    picture.draft(None, (2 * frame.width, 2 * frame.height))  # JPEG decodes faster smaller
    picture = _flat(ImageOps.exif_transpose(picture), frame.channels)
    if picture.size != size and frame.fit == "crop":
      picture = ImageOps.fit(picture, size, way)
    elif picture.size != size and frame.fit == "pad":
      picture = ImageOps.pad(picture, size, way, (255,) * 3 if frame.channels == 3 else 255)
    elif picture.size != size:
      picture = picture.resize(size, way)
    return np.asarray(picture).reshape(*size[::-1], frame.channels)


def resized(x: np.ndarray, side: int) -> np.ndarray:
  """An image [H, W, 1 or 3] uint8 cut to its middle square and brought to [side, side, C]."""
  from PIL import Image, ImageOps

  picture = Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x)
  small = ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS)
  return np.asarray(small).reshape(side, side, x.shape[-1])


@contextlib.contextmanager
def readable(name: str) -> Iterator[None]:
  """Turns what a reader of pictures raises into one sentence.

  Raises:
    UserError: the picture cannot be read.
  """
  from PIL import Image

  try:
    with _files.told(name, "remove it, or save it again as PNG or JPEG"):
      yield
  except Image.DecompressionBombError as error:
    raise UserError(
      f"{name} is too large for a picture ({error}); make it smaller."
    ) from error


def _flat(picture: Any, channels: int) -> Any:
  """Without transparency, of one or three channels."""
  from PIL import Image

  if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
    over = picture.convert("RGBA")
    white = Image.new("RGBA", over.size, (255, 255, 255, 255))
    picture = Image.alpha_composite(white, over)
  if picture.mode.startswith("I;16"):  # 16 bits a pixel, which PIL would cut off at 255
    levels = np.asarray(picture, np.float32) / 257
    picture = Image.fromarray(np.round(levels).astype(np.uint8))
  return picture.convert("RGB" if channels == 3 else "L")


def coloured(source: Source) -> bool:
  """Whether some of the first pictures have three channels that differ."""
  rows = np.unique(np.linspace(0, len(source.names) - 1, SAMPLE).round().astype(int))
  frame = Frame(32, 32, 3, "stretch")
  for name, raw in source.each([source.names[i] for i in rows]):
    x = fitted(raw, name, frame).astype(int)
    if (
      np.abs(x - x[..., :1]).max() > 8
    ):  # JPEG of a grey picture may be off by a level or two
      return True
  return False


def decoded(source: Source, frame: Frame) -> np.ndarray:
  """All pictures [N, H, W, C] uint8 in the order of their names, kept in the cache.

  Raises:
    UserError: one of them cannot be read.
  """
  names = source.names

  def chunks(split: str) -> Iterator[dict[str, np.ndarray]]:
    del split
    for first in range(0, len(names), CHUNK):
      part = source.each(names[first : first + CHUNK])
      yield {"x": np.stack([fitted(raw, name, frame) for name, raw in part])}

  mark = "x".join(map(str, frame))
  key = f"pictures/{source.path.stem}-{source.stamp:08x}-{mark}"
  return _cache.fetch(key, {"all": len(names)}, chunks, dict)[1]["all"]["x"]
