"""Lossless codecs for the same symbols: archives, picture formats and context models."""

import bz2
import gzip
import importlib.util
import io
import lzma
from collections.abc import Callable

import numpy as np

ARCHIVES: dict[str, Callable[[bytes], bytes]] = {
  "gzip": lambda raw: gzip.compress(raw, 9),
  "bz2": lambda raw: bz2.compress(raw, 9),
  "lzma": lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME),
}
PICTURES = ("PNG", "WEBP", "JPEG XL")
POSITIONS = 14  # places along each side that a context model tells apart
PSEUDO = (0.02, 0.05, 0.1, 0.3, 1.0)  # counts added to every symbol; chosen on validation
# Grey levels of 256 at which a neighbour's class begins; chosen on validation.
QUANTA = (
  (1, 32, 128, 224, 255),
  (1, 20, 60, 110, 160, 210, 245, 252, 254),
  (1, 8, 32, 64, 96, 128, 160, 192, 224, 248, 253, 254),
)
TRIED = 10_000  # training images that the classes are chosen with
# Pixels (up, left) that a binary pixel's context looks at: 10 before it in reading order.
TEMPLATE = (
  (0, 1), (0, 2), (1, -2), (1, -1), (1, 0), (1, 1), (1, 2), (2, -1), (2, 0), (2, 1)
)  # fmt: skip
NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1))  # of a grey pixel: W, NW, N, NE


def pictures() -> tuple[str, ...]:
  """The picture formats that can be written here: JPEG XL needs the extra `jxl`."""
  found = importlib.util.find_spec("pillow_jxl") is not None
  return PICTURES if found else tuple(name for name in PICTURES if name != "JPEG XL")


def archive_bits(symbols: np.ndarray, levels: int, name: str) -> float:
  """Bits of all symbols [N, *shape] in one archive; binary ones are packed first."""
  plain = symbols.astype(np.uint8 if levels <= 256 else np.uint16)
  raw = np.packbits(plain) if levels == 2 else plain
  return 8.0 * len(ARCHIVES[name](raw.tobytes()))


def sheet_bits(symbols: np.ndarray, levels: int, name: str) -> float:
  """Bits of all images [N, H, W, C] as one picture, side by side, in a picture format.

  Args:
    symbols: 0 ... levels - 1, of 1 or 3 channels.
    levels: spread over 0 ... 255; a binary picture has one bit a pixel.
    name: of `pictures`, without loss.
  """
  from PIL import Image

  picture = contact_sheet(np.round(symbols * (255 / (levels - 1))).astype(np.uint8))
  image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
  file = io.BytesIO()
  if name == "PNG":
    (image.convert("1") if levels == 2 else image).save(file, "PNG", optimize=True)
  elif name == "WEBP":
    image.convert("RGB").save(file, "WEBP", lossless=True, quality=100, method=6)
  else:
    importlib.import_module("pillow_jxl")  # teaches Pillow the format
    image.save(file, "JXL", lossless=True, effort=9)
  return 8.0 * len(file.getvalue())


def contact_sheet(images: np.ndarray) -> np.ndarray:
  """Images [N, H, W, C] in rows of about sqrt(N), one picture [., ., C]; the rest is 0."""
  count, height, width, channels = images.shape
  across = int(np.ceil(np.sqrt(count)))
  down = -(-count // across)
  full = np.zeros((down * across, height, width, channels), images.dtype)
  full[:count] = images
  grid = full.reshape(down, across, height, width, channels).swapaxes(1, 2)
  return grid.reshape(down * height, across * width, channels)


class Contexts:
  """Counts of a symbol after its context, from training images; one channel.

    P(x | context) = (n(context, x) + a P(x)) / (n(context) + a),

  with P(x) the share of x in train and a chosen on validation. The context of a binary pixel is
  the 10 pixels of TEMPLATE and its place on a 14 x 14 grid. That of a grey pixel is the classes
  of its 4 neighbours. Rissanen & Langdon (1981), "Universal modeling and coding".
  """

  def __init__(self, train: np.ndarray, valid: np.ndarray, levels: int):
    """Fits the counts on train and chooses a and classes on valid, symbols [N, H, W, 1] each."""
    self.levels, choices = levels, ((),) if levels == 2 else QUANTA
    if len(choices) > 1:
      scored = {}
      for quanta in choices:
        self._fit(train[:TRIED], valid, quanta)
        scored[quanta] = self.bits(valid).mean()
      choices = (min(scored, key=scored.get),)
    self._fit(train, valid, choices[0])

  def _fit(self, train: np.ndarray, valid: np.ndarray, quanta: tuple[int, ...]) -> None:
    levels, binary = self.levels, self.levels == 2
    self.edges = np.asarray(quanta) * (levels - 1) / 255
    classes = (len(quanta) + 1) ** len(NEIGHBOURS)
    size = POSITIONS**2 * 2 ** len(TEMPLATE) if binary else classes
    counts = np.zeros(size * levels)
    for part in np.array_split(train, max(1, len(train) // 5000)):
      flat = (self._context(part) * levels + part[..., 0]).ravel()
      counts += np.bincount(flat, minlength=len(counts))
    self.counts = counts.reshape(size, levels)
    self.share = (self.counts.sum(0) + 1) / (self.counts.sum() + levels)
    scale = [levels * a for a in PSEUDO]
    self.added = min(scale, key=lambda a: self._bits(valid, a).mean())

  def bits(self, x: np.ndarray) -> np.ndarray:
    """The bits of each image [N]."""
    return self._bits(x, self.added)

  def _bits(self, x: np.ndarray, added: float) -> np.ndarray:
    table = self.counts + added * self.share
    table = -np.log2(table / table.sum(1, keepdims=True))
    return table[self._context(x), x[..., 0]].sum((1, 2))

  def _context(self, x: np.ndarray) -> np.ndarray:
    """The number of each pixel's context, [N, H, W]."""
    image, (height, width) = x[..., 0].astype(np.int64), x.shape[1:3]
    if self.levels == 2:
      offsets, base = TEMPLATE, 2
      rows, columns = (np.arange(n) * POSITIONS // n for n in (height, width))
      place = rows[:, None] * POSITIONS + columns
      found = np.broadcast_to(place, image.shape).copy()
    else:
      image = np.searchsorted(self.edges, image, side="right")
      offsets, base, found = NEIGHBOURS, len(self.edges) + 1, np.zeros_like(image)
    padded = np.pad(image, ((0, 0), (2, 0), (2, 2)))
    for up, left in offsets:
      seen = padded[:, 2 - up : 2 - up + height, 2 - left : 2 - left + width]
      found = found * base + seen
    return found


def marginal_bits(train: np.ndarray, x: np.ndarray, levels: int) -> np.ndarray:
  """The bits of each example [N] under the share of each symbol at each place of train."""
  flat, other = train.reshape(len(train), -1), x.reshape(len(x), -1)
  bits = np.zeros(len(x))
  for i in range(flat.shape[1]):
    counts = np.bincount(flat[:, i], minlength=levels) + 1.0 / levels
    bits -= np.log2(counts / counts.sum())[other[:, i]]
  return bits
