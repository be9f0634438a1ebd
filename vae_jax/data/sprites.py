"""dSprites' factor grid: a square, an ellipse or a heart in every scale, turn and place.

`source` says where the pictures are from: "render" draws the grid analytically, of any size;
"npz" reads the published `dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz` in the data folder,
and "tfds" the prepared set `dsprites` of TensorFlow Datasets there.

Source of the grid: Matthey, Higgins, Hassabis and Lerchner (2017), dSprites.
"""

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from vae_jax.data import _bits, _cache, _split, _sprites, _sprites_files
from vae_jax.types import Dataset, Factor, Spec, UserError

OPTIONS = {
  "source": "render",  # "render", "npz" or "tfds"
  "side": 64,  # of the image, a multiple of 8
  "scales": 6,
  "orientations": 40,
  "positions": 32,  # each way
  "valid": 0.0,  # 0: HELD_OUT, or a tenth of a smaller grid
  "test": 0.0,  # the same
}
HELD_OUT = 10_000
GRID = ("side", "scales", "orientations", "positions")
PLAIN_BYTES = 2**28  # of pictures with a byte for each pixel; a larger grid is kept as bits
SPLIT_SEED = 0


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [side, side, 1] of zeros and ones, `factors` [5] and the shape as `label`, int32.

  The factors are shape, scale, orientation, position x and y, each an index into the values
  of `spec.factors`. Test and valid are drawn from the grid, the same for every seed. Pictures
  that repeat one held out (a square turned by 90 degrees) are left out of train.

  Raises:
    UserError: an unknown source, a size out of range, or a missing file.
  """
  known, rows = _grid(config)
  held = {name: _held_out(config, rows, name) for name in ("valid", "test")}
  if sum(held.values()) >= rows:
    raise UserError(
      f"data.valid and data.test hold out {sum(held.values()):,} of {rows:,} examples; "
      "expected fewer, so that some are left to train on."
    )
  words, note = _pictures(config, known, rows, data_dir)
  taken = _places(words, held)
  spec = Spec(
    (config["side"], config["side"], 1),
    "image",
    "binary",
    classes=known[0].names,
    factors=known,
  )
  index = _sprites.table(known)
  plain = rows * spec.size <= PLAIN_BYTES
  splits = {}
  for name, at in taken.items():
    x = _bits.unpack(words[at], spec.shape) if plain else words[at]
    splits[name] = {"x": x, "label": index[at, 0].copy(), "factors": index[at]}
  return Dataset(
    "sprites", spec, splits, note, None if plain else _bits.unpacking(spec.shape)
  )


def _grid(config: dict[str, Any]) -> tuple[tuple[Factor, ...], int]:
  """The factors of a configuration, and how many pictures they make."""
  side, source = config["side"], config["source"]
  if source not in ("render", "npz", "tfds"):
    raise UserError(f"data.source is {source!r}; expected render, npz or tfds.")
  if source != "render" and any(config[name] != OPTIONS[name] for name in GRID):
    sizes = ", ".join(f"data.{name}={OPTIONS[name]}" for name in GRID)
    raise UserError(
      f"data.source is {source!r}, whose grid is fixed; leave {sizes}, or render."
    )
  if side < 16 or side % 8:
    raise UserError(f"data.side is {side}; expected a multiple of 8 from 16.")
  for name in GRID[1:]:
    if config[name] < 2:
      raise UserError(f"data.{name} is {config[name]}; expected at least 2.")
  known = _sprites.factors(*(config[name] for name in GRID[1:]))
  if source != "render":
    known = _sprites_files.as_published(known)
  return known, math.prod(len(factor.values) for factor in known)


def _held_out(config: dict[str, Any], rows: int, option: str) -> int:
  asked = config[option] or min(HELD_OUT, rows // 10)
  return _split.count(asked, rows, option)


def _pictures(
  config: dict[str, Any], known: tuple[Factor, ...], rows: int, data_dir: str | None
) -> tuple[np.ndarray, str]:
  """All pictures of the grid in order, packed [N, W], and the sentence on their origin."""
  if config["source"] == "render":
    words = np.concatenate([_bits.words(p) for p in _sprites.render(known, config["side"])])
    return (
      words,
      "dSprites' factor grid, rendered analytically; not the published pictures.",
    )
  sizes = tuple(len(factor.values) for factor in known)
  key, parts, total = _sprites_files.opened(config["source"], data_dir, sizes)

  def read(split: str) -> Iterator[dict[str, np.ndarray]]:
    del split
    silent = not sys.stderr.isatty()
    for packed in tqdm(parts, "dSprites", total, unit="part", disable=silent, leave=False):
      yield {"x": _bits.words(packed)}

  _, splits = _cache.fetch(key, {"grid": rows}, read, dict)
  return splits["grid"]["x"], f"dSprites as published ({config['source']})."


def _places(words: np.ndarray, held: dict[str, int]) -> dict[str, np.ndarray]:
  """The rows of each split, ascending; train lacks what repeats a held-out picture."""
  # RandomState, unlike a Generator, promises the same numbers in every NumPy to come.
  drawn = np.random.RandomState(SPLIT_SEED).permutation(len(words))
  test, valid = drawn[: held["test"]], drawn[held["test"] :][: held["valid"]]
  hashes = _hash(words)
  train = ~np.isin(hashes, hashes[np.concatenate([test, valid])])
  if not train.any():
    raise UserError(
      "data.valid and data.test leave no picture to train on that is not among them; make "
      "them smaller."
    )
  return {"train": np.flatnonzero(train), "valid": np.sort(valid), "test": np.sort(test)}


def _hash(words: np.ndarray) -> np.ndarray:
  """A number for each picture [N, W], the same where pictures are: uint64 [N]."""
  factors = np.random.RandomState(1).randint(1, 2**62, words.shape[1], np.int64)
  odd = factors.astype(np.uint64) * 2 + 1
  hashed = np.empty(len(words), np.uint64)
  for first in range(0, len(words), 65536):
    part = words[first : first + 65536].view(np.uint32).astype(np.uint64)
    mixed = (part ^ (part >> 15)) * odd  # wraps modulo 2^64, as it is meant to
    hashed[first : first + 65536] = (mixed ^ (mixed >> 29)).sum(1)
  return hashed
