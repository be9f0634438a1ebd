"""A user's own examples to be judged by a model: rows of a table, arrays, a folder of pictures."""

import csv
import pathlib
from typing import NamedTuple

import numpy as np

from vae_jax import registry
from vae_jax.data.arrays import find_file, read_arrays
from vae_jax.types import Column, Spec, UserError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")
MISSING = ("", "?", "na", "nan", "null", "none")
LABEL = "anomaly"  # the column or array that says what is one; optional
UNSEEN = "(unseen)"  # a category for words that training rows did not have


class Given(NamedTuple):
  """Examples as the model's data stores them."""

  name: str  # of the file or the folder
  rows: list[str]  # what each is called: its line, its place, or its file
  x: np.ndarray  # [N, *shape] float32, 0 where a value is missing
  observed: np.ndarray  # the same shape, 1 or 0
  anomaly: np.ndarray | None  # [N] 0 or 1, where the file says it


def read(path: str, spec: Spec, holes: bool = False) -> Given:
  """The examples of a .csv (tables), a .npy or .npz (`x`), or a folder of pictures.

  A csv has a line of names and every column that the model was trained on, in any order; those
  of another name are not read. A column or array `anomaly` of 0 and 1 is an answer to score.

  Args:
    path: of the file or the folder.
    spec: of the examples the model was trained on.
    holes: whether the model takes rows with missing values.

  Raises:
    UserError: no such file, other columns, words where numbers were, pictures of another size.
  """
  where = pathlib.Path(path)
  if where.is_dir():
    return _folder(where, spec)
  if where.suffix == ".csv":
    if not where.is_file():
      raise UserError(f"There is no file {path}.")
    return _table(where, spec, holes)
  if where.suffix not in (".npy", ".npz"):
    raise UserError(f"{path} is no .csv, .npy or .npz file and no folder of pictures.")
  return _arrays(find_file(path, None), spec, holes)


def stored(column: Column, values: np.ndarray) -> np.ndarray:
  """The file's numbers of a column as a model reads them; the other way of `columns.natural`."""
  if column.kind == "positive":
    values = np.log1p(values / column.unit)
  return (values - column.shift) / column.scale


def _table(path: pathlib.Path, spec: Spec, holes: bool) -> Given:
  if spec.kind != "table":
    raise UserError(f"{path.name} is a table, and the model knows examples {spec.shape}.")
  with path.open(newline="", encoding="utf-8") as file:
    sample = file.read(4096)
    file.seek(0)
    mark = ";" if sample.count(";") > sample.count(",") else ","
    lines = [line for line in csv.reader(file, delimiter=mark) if line]
  if len(lines) < 2:
    raise UserError(
      f"{path.name} has {len(lines)} lines; expected names and a row or more."
    )
  for number, line in enumerate(lines):
    if len(line) != len(lines[0]):
      raise UserError(
        f"{path.name}: row {number + 1} has {len(line)} cells and the first has"
        f" {len(lines[0])}; expected the same number."
      )
  head = [name.strip() for name in lines[0]]
  cells = dict(zip(head, zip(*lines[1:], strict=True), strict=True))
  label = cells.pop(LABEL, None)
  columns = spec.columns or tuple(Column(name) for name in cells)
  if not spec.columns and len(columns) != spec.size:
    raise UserError(f"{path.name} has {len(columns)} columns; the model knows {spec.size}.")
  for column in columns:
    if column.name not in cells:
      hint = registry.nearest(column.name, list(cells))
      raise UserError(
        f"{path.name} has no column {column.name!r}, which the model needs.{hint}"
      )
  values = np.stack([_cells(c, cells[c.name], path.name, holes) for c in columns], -1)
  anomaly = None if label is None else _labels(label, path.name)
  rows = [str(number + 2) for number in range(len(values))]
  return _given(path.name, rows, values, anomaly)


def _cells(column: Column, words: tuple[str, ...], file: str, holes: bool) -> np.ndarray:
  """A column of words as stored numbers, NaN where one is missing."""
  found, known = [], {name: float(i) for i, name in enumerate(column.names)}
  for number, word in enumerate(map(str.strip, words)):
    where = f"{file}: column {column.name!r} has {word!r} in line {number + 2}"
    if word.lower() in MISSING and word not in known:
      if not holes:
        raise UserError(f"{where}; the model was trained on complete rows: fill it in.")
      found.append(np.nan)
    elif known:
      if word not in known and UNSEEN not in known:
        raise UserError(f"{where}.{registry.nearest(word, list(known))}")
      found.append(known.get(word, len(known) - 1.0))
    else:
      found.append(_number(word, where))
  values = np.array(found)
  if column.kind == "positive" and (values < 0).any():
    raise UserError(
      f"{file}: column {column.name!r} has values below 0; expected 0 or more."
    )
  if column.kind in ("category", "ordinal"):
    values = values - (0 if known else column.shift)
    if (values < 0).any() or (values >= column.categories).any():
      raise UserError(
        f"{file}: column {column.name!r} has categories beyond the {column.categories} of"
        " training."
      )
    return values
  return stored(column, values)


def _number(word: str, where: str) -> float:
  try:
    value = float(word)
  except ValueError as error:
    raise UserError(f"{where}; expected a number, as in training.") from error
  if not np.isfinite(value):
    raise UserError(f"{where}; expected a finite number.")
  return value


def _labels(words: tuple[str, ...], file: str) -> np.ndarray:
  if not {word.strip() for word in words} <= {"0", "1"}:
    raise UserError(f"{file}: the column {LABEL!r} must hold 0 or 1 in every row.")
  return np.array([int(word) for word in words], np.int32)


def _arrays(path: pathlib.Path, spec: Spec, holes: bool) -> Given:
  arrays = read_arrays(path)
  if "x" not in arrays:
    raise UserError(f"{path.name} has the arrays {', '.join(arrays)}; expected x.")
  x = _shaped(arrays["x"], spec, path.name)
  if spec.columns:
    x = np.stack([stored(c, x[..., i]) for i, c in enumerate(spec.columns)], -1)
  if np.isinf(x).any() or (np.isnan(x).any() and not holes):
    raise UserError(f"{path.name} has values that are not finite; fill them in.")
  label = arrays.get(LABEL)
  if label is not None and (label.shape != x.shape[:1] or not np.isin(label, (0, 1)).all()):
    raise UserError(f"{path.name}: the array {LABEL!r} must hold 0 or 1 for each example.")
  label = None if label is None else label.astype(np.int32)
  return _given(path.name, [str(i) for i in range(len(x))], x, label)


def _folder(path: pathlib.Path, spec: Spec) -> Given:
  from PIL import Image

  files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
  if spec.kind != "image" or not files:
    what = "no pictures" if not files else f"pictures, and the model knows {spec.kind}s"
    raise UserError(f"The folder {path.name} has {what}.")
  mode, found = "RGB" if spec.shape[-1] == 3 else "L", []
  for file in files:
    try:
      with Image.open(file) as picture:
        one = np.asarray(picture.convert(mode))
    except OSError as error:
      raise UserError(f"{file.name} cannot be read as a picture ({error}).") from error
    found.append(_shaped(one[None], spec, file.name)[0])
  return _given(path.name, [file.name for file in files], np.stack(found), None)


def _shaped(x: np.ndarray, spec: Spec, name: str) -> np.ndarray:
  """[N, *shape] float64; grey levels 0 ... 255 as [0, 1]."""
  layouts = [spec.shape] + ([spec.shape[:-1]] if spec.shape[-1] == 1 else [])
  if x.shape[1:] not in layouts or not len(x) or x.dtype.kind not in "biuf":
    raise UserError(
      f"{name} has examples of shape {x.shape[1:]} and type {x.dtype}; expected numbers"
      f" {spec.shape}, as in training."
    )
  values = x.astype(np.float64).reshape(-1, *spec.shape)
  if spec.domain in ("unit", "binary"):
    values = values / 255 if x.dtype == np.uint8 and values.max() > 1 else values
    if not ((values >= 0) & (values <= 1)).all():
      raise UserError(f"{name} has values outside of [0, 1]; expected grey levels.")
    values = np.round(values) if spec.domain == "binary" else values
  return values


def _given(
  name: str, rows: list[str], values: np.ndarray, anomaly: np.ndarray | None
) -> Given:
  seen = np.isfinite(values)
  x = np.where(seen, values, 0).astype(np.float32)
  return Given(name, rows, x, seen.astype(np.float32), anomaly)
