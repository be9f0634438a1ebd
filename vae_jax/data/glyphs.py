"""Letters and digits of fonts: the character is the label, the font is the field `style`.

Fonts are those that come with matplotlib (DejaVu, STIX, Computer Modern; free licences), or any
folder of .ttf and .otf files. Whole fonts are held out for valid and test. Of the fonts of train
some characters are held out too: they are in test, where their `style` is a font of train.
"""

import io
import pathlib
from typing import Any, NamedTuple

import numpy as np

from vae_jax.data import _split
from vae_jax.types import Dataset, Spec, UserError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
OPTIONS = {
  "path": "",  # a folder of .ttf and .otf files, searched with its subfolders; empty: matplotlib's
  "side": 28,  # pixels
  "characters": LETTERS,  # a font without one of them is left out
  "apart": 0.0,  # so far from each earlier font at least, in mean squared grey levels of [0, 1]
  "test": 0.2,  # fonts held out for the scores: below 1 a fraction, else a count
  "pairs": 0.1,  # of the (font, character) pairs of train, held out for test
  "beside": 0,  # others of its font that an example has beside it, for the objective homoencoder
  "split_seed": 0,  # the same for every data seed
}
ENDINGS = (".ttf", ".otf")
# Of matplotlib's: signs of mathematics at the places of letters, and a font of empty boxes.
NO_LETTERS = ("LastResort", "cmex", "cmsy")
FEWEST = 4  # fonts
LARGE = 200  # pixels of an em, at which a font is measured
MARGIN = 1  # pixels that stay empty at each side


class Font(NamedTuple):
  """A font file and its drawn characters."""

  name: str
  x: np.ndarray  # [characters, side, side, 1] uint8


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [side, side, 1] uint8, white on black; `label`, the character; `style`, the font.

  Raises:
    UserError: no font, too few of them, characters that come twice, or nothing left to hold out.
  """
  del data_dir
  characters, side = config["characters"], config["side"]
  if len(set(characters)) != len(characters) or len(characters) < 2:
    raise UserError(
      f"data.characters is {characters!r}; expected two or more, each of them once."
    )
  if not 8 <= side <= 256:
    raise UserError(f"data.side is {side}; expected 8 to 256 pixels.")
  if not 0 <= config["beside"] < len(characters) / 2:
    raise UserError(
      f"data.beside is {config['beside']} of {len(characters)} characters; expected less than half."
    )
  if not 0 <= config["pairs"] < 1:
    raise UserError(f"data.pairs is {config['pairs']:g}; expected a share in [0, 1).")
  if config["apart"] < 0:
    raise UserError(f"data.apart is {config['apart']:g}; expected 0 or more.")
  fonts, left_out = _fonts(config["path"], characters, side, config["apart"])
  if len(fonts) < FEWEST:
    raise UserError(
      f"There are {len(fonts)} different fonts with all {len(characters)} characters; expected"
      f" {FEWEST} or more: give a folder with more fonts, or fewer data.characters."
    )
  fields = {
    "x": np.concatenate([font.x for font in fonts]),
    "label": np.tile(np.arange(len(characters), dtype=np.int32), len(fonts)),
    "style": np.repeat(np.arange(len(fonts), dtype=np.int32), len(characters)),
  }
  parts = _parts(fields, len(fonts), config)
  if config["beside"]:
    parts = {
      name: part | _beside(part, parts["train"], config) for name, part in parts.items()
    }
  spec = Spec(
    (side, side, 1), "image", "unit", classes=tuple(characters),
    styles=tuple(font.name for font in fonts),
  )  # fmt: skip
  note = f"{len(fonts)} fonts with {len(characters)} characters each"
  if left_out:
    note += f"; {left_out} others lack a character or are drawn like one of these"
  return Dataset("glyphs", spec, parts, f"{note}.")


def drawn(file: bytes, name: str, characters: str, side: int) -> np.ndarray | None:
  """The characters of a font, uint8 [C, side, side, 1]; None where it lacks one of them.

  One size for all characters of a font, as large as the frame allows: a capital stays larger than
  a small letter. They stand on one line, each in the middle.

  Raises:
    UserError: the file is no font.
  """
  from fontTools.ttLib import TTFont, TTLibError
  from PIL import Image, ImageDraw, ImageFont

  try:
    known = TTFont(io.BytesIO(file), lazy=True).getBestCmap() or {}
    font = ImageFont.truetype(io.BytesIO(file), LARGE)
  except (TTLibError, OSError, ValueError, KeyError) as error:
    raise UserError(f"{name} is no font that can be read: {error}.") from error
  if any(ord(character) not in known for character in characters):
    return None
  boxes = np.array([font.getbbox(c, anchor="ls") for c in characters], float)
  width, top, bottom = (
    (boxes[:, 2] - boxes[:, 0]).max(),
    boxes[:, 1].min(),
    boxes[:, 3].max(),
  )
  room = side - 2 * MARGIN
  scale = min(room / max(width, 1), room / max(bottom - top, 1))
  font = font.font_variant(size=max(1, int(LARGE * scale)))
  line = MARGIN - top * scale + (room - (bottom - top) * scale) / 2
  found = np.zeros((len(characters), side, side, 1), np.uint8)
  for i, character in enumerate(characters):
    canvas = Image.new("L", (side, side))
    left, _, right, _ = font.getbbox(character, anchor="ls")
    at = ((side - (right - left)) / 2 - left, line)
    ImageDraw.Draw(canvas).text(at, character, fill=255, font=font, anchor="ls")
    found[i, ..., 0] = np.asarray(canvas)
  return found if found.any((1, 2, 3)).all() else None


def _fonts(path: str, characters: str, side: int, apart: float) -> tuple[list[Font], int]:
  """The fonts of a folder that have every character, no two alike, and how many have not."""
  folder = _folder(path)
  files = sorted(
    f for f in folder.rglob("*") if f.suffix.lower() in ENDINGS and f.is_file()
  )
  if not path:
    files = [file for file in files if not file.name.startswith(NO_LETTERS)]
  if not files:
    raise UserError(f"There is no .ttf and no .otf file in {path or folder.name}.")
  found: dict[bytes, Font] = {}
  for file in files:
    x = drawn(file.read_bytes(), file.name, characters, side)
    if x is not None:
      found.setdefault(x.tobytes(), Font(file.stem, x))
  fonts = _apart(list(found.values()), apart)
  return fonts, len(files) - len(fonts)


def _apart(fonts: list[Font], least: float) -> list[Font]:
  """The fonts that are `least` or more from each one kept before them; all of them at 0."""
  if not least or not fonts:
    return fonts
  x = np.stack([font.x.ravel() for font in fonts]).astype(np.float32) / 255
  square = np.square(x).sum(1)
  gap = (square[:, None] + square - 2 * x @ x.T) / x.shape[1]
  kept: list[int] = []
  for i in range(len(fonts)):
    if (gap[i, kept] >= least).all():
      kept.append(i)
  return [fonts[i] for i in kept]


def _folder(path: str) -> pathlib.Path:
  if not path:
    import matplotlib

    return pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
  folder = pathlib.Path(path)
  if not folder.is_dir():
    raise UserError(f"data.path is {path}, and there is no such folder; give one of fonts.")
  return folder


def _parts(
  fields: _split.Fields, fonts: int, config: dict[str, Any]
) -> dict[str, _split.Fields]:
  """Whole fonts for test and valid, and some pairs of the others for test."""
  # RandomState, unlike a Generator, promises the same numbers in every NumPy to come.
  draw = np.random.RandomState(config["split_seed"])
  order = draw.permutation(fonts)
  test = _split.count(config["test"], fonts, "test")
  valid = _split.count(config["valid"], fonts - test, "valid")
  of = lambda numbers: np.isin(fields["style"], numbers)
  known = ~of(order[: test + valid])
  apart = known & (draw.random_sample(len(known)) < config["pairs"])
  rows = {"train": known & ~apart, "valid": of(order[test : test + valid])}
  rows["test"] = of(order[:test]) | apart
  missing = set(range(len(config["characters"]))) - {
    *fields["label"][rows["train"]].tolist()
  }
  if missing:
    character = config["characters"][min(missing)]
    raise UserError(
      f"No font of train is left with the character {character!r}; lower data.pairs."
    )
  return {name: _split.take(fields, np.flatnonzero(at)) for name, at in rows.items()}


def _beside(
  fields: _split.Fields, train: _split.Fields, config: dict[str, Any]
) -> _split.Fields:
  """Other characters of each example's font [N, K, side, side, 1], and their labels [N, K].

  They are drawn once. Those of a held-out pair are of train; those of a held-out font of its own.
  """
  draw, rows = np.random.RandomState(config["split_seed"] + 1), []
  known = np.isin(fields["style"], train["style"])
  both = {k: np.concatenate([train[k], fields[k][~known]]) for k in train}
  for label, style in zip(fields["label"], fields["style"], strict=True):
    others = np.flatnonzero((both["style"] == style) & (both["label"] != label))
    if len(others) < config["beside"]:
      raise UserError(
        f"data.beside is {config['beside']}, and a font of train is left with {len(others)} others;"
        " lower it, or data.pairs."
      )
    rows.append(draw.permutation(others)[: config["beside"]])
  rows = np.stack(rows)
  return {"beside": both["x"][rows], "beside_label": both["label"][rows]}
