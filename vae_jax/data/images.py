"""A folder or a .zip of pictures: PNG, JPEG and the like, of any size.

    FOLDER/<class>/<picture>.jpg                 the class is the first subfolder
    FOLDER/<train, valid, test>/<class>/...      with splits of one's own
    FOLDER/attributes.csv                        or classes and attributes from a table

Pictures are cut to the frame in their middle and resized. A table has the file names in its first
column and an attribute in each other one: 0 and 1, −1 and 1 (CelebA's `list_attr_celeba.txt`),
words, or numbers. Attributes are the `factors` of the data.
"""

import io
import pathlib
from typing import Any

import numpy as np

from vae_jax import registry
from vae_jax.data import _attributes, _binarise, _pictures, _split
from vae_jax.types import Dataset, Spec, UserError

# path: below the data folder, which it is itself where empty. side: of the square that pictures
# are brought to; 0 keeps a size that all share. hold_out: "examples", or "classes", so that nobody
# in train is in test. invert: dark and light exchanged, of ink on paper. binarise: of _binarise.
OPTIONS = {
  "path": "", "side": 64, "colour": "auto", "fit": "crop", "attributes": "", "test": 0.1,
  "hold_out": "examples", "invert": False, "binarise": "none",
}  # fmt: skip
SPLITS = {
  "train": "train", "training": "train", "valid": "valid", "val": "valid",
  "validation": "valid", "test": "test", "testing": "test",
}  # fmt: skip


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [side, side, C] uint8, `label` where there are classes, `factors` where attributes.

  Raises:
    UserError: no pictures, one that cannot be read, a table that does not fit.
  """
  _check(config)
  source = _pictures.find(_path(config["path"], data_dir))
  frame = _frame(config, source)
  parts = [name.split("/") for name in source.names]
  shared = _depth(parts)
  parts = [p[shared:] for p in parts]
  known = {p[0].lower() for p in parts if len(p) > 1}
  split = [""] * len(parts)
  if "train" in {SPLITS.get(name) for name in known} and known <= set(SPLITS):
    split = [SPLITS[p[0].lower()] for p in parts]
    parts = [p[1:] for p in parts]
  table = _attributes.read(source, config["attributes"])
  classes = [p[0] if len(p) > 1 else "" for p in parts]
  fields, names, factors = {"x": _pictures.decoded(source, frame)}, (), ()
  if config["invert"]:
    fields["x"] = 255 - fields["x"]
  if table is not None:
    factors = table.factors
    fields |= {"factors": table.index} if factors else {}
    classes, split = table.classes or classes, table.split or split
  if len(set(classes)) > 1 and "" not in classes:
    names = tuple(sorted(set(classes), key=_pictures.natural))
    fields["label"] = np.array([names.index(c) for c in classes], np.int32)
  spec = Spec(fields["x"].shape[1:], "image", "unit", classes=names, factors=factors)
  note = _note(source, frame, config, table)
  splits = _split.divided(fields, np.array(split), config)
  return _binarise.apply(Dataset(source.path.stem, spec, splits, note), config["binarise"])


def fitted(raw: bytes, name: str, spec: Spec, fit: str = "crop") -> np.ndarray:
  """One picture file as an example [H, W, C] float32 in [0, 1] of data of this spec.

  Raises:
    UserError: it cannot be read as a picture.
  """
  height, width, channels = spec.shape
  x = _pictures.fitted(raw, name, _pictures.Frame(height, width, channels, fit))
  return x.astype(np.float32) / 255


def _check(config: dict[str, Any]) -> None:
  _binarise.check_mode(config["binarise"])
  known = {"fit": _pictures.FITS, "colour": _pictures.COLOURS}
  known["hold_out"] = ("examples", "classes")
  for name, words in known.items():
    if config[name] not in words:
      hint = registry.nearest(config[name], list(words))
      raise UserError(f"data.{name} is {config[name]!r}.{hint}")
  if config["side"] and not 4 <= config["side"] <= 1024:
    raise UserError(
      f"data.side is {config['side']}; expected 4 to 1024 pixels, or 0 for pictures that all"
      " have one size."
    )


def _path(name: str, data_dir: str | None) -> pathlib.Path:
  if not name and data_dir is None:
    raise UserError(
      "The dataset 'images' reads a folder or a .zip of pictures: give it as"
      " --data_dir=FOLDER, or as data.path."
    )
  tried = [pathlib.Path(data_dir or ".") / name, *([pathlib.Path(name)] if name else [])]
  for path in tried:
    if path.is_dir() or path.is_file():
      return path
  raise UserError(f"There is no folder and no .zip {' or '.join(map(str, tried))}.")


def _frame(config: dict[str, Any], source: _pictures.Source) -> _pictures.Frame:
  colour = config["colour"]
  rgb = colour == "rgb" or (colour == "auto" and _pictures.coloured(source))
  height = width = config["side"]
  if not config["side"]:
    height, width = _size(source)
  return _pictures.Frame(height, width, 3 if rgb else 1, config["fit"])


def _size(source: _pictures.Source) -> tuple[int, int]:
  """The one size of all pictures."""
  from PIL import Image

  first: tuple[int, int] | None = None
  for name, raw in source.each(source.names):
    with _pictures.readable(name):
      size = Image.open(io.BytesIO(raw)).size[::-1]
    first = first or size
    if size != first:
      raise UserError(
        f"{name} is {size[0]} x {size[1]} and {source.names[0]} is {first[0]} x {first[1]}: set"
        " data.side to the side that pictures are to be brought to."
      )
  return first


def _depth(parts: list[list[str]]) -> int:
  """How many folders all files share: a folder packed into a .zip with its own name."""
  depth = 0
  while all(len(p) > depth + 1 for p in parts) and len({p[depth] for p in parts}) == 1:
    depth += 1
  return depth


def _note(
  source: _pictures.Source, frame: _pictures.Frame, config: dict[str, Any], table: Any
) -> str:
  way = {"crop": "cut to the middle", "pad": "padded with white", "stretch": "stretched"}
  said = f"{len(source.names):,} pictures of {source.path.name}, {way[frame.fit]}."
  if table is not None:
    said += f" Attributes of {table.name}: {', '.join(f.name for f in table.factors)}."
  if config["invert"]:
    said += " Dark and light are exchanged."
  if config["hold_out"] == "classes":
    said += " Whole classes are held out."
  return said
