"""The files of tables as their origins publish them, and a user's own csv or npz."""

import csv
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vae_jax import own, registry
from vae_jax.data import _csv, _files, _hivae
from vae_jax.data.arrays import find_file
from vae_jax.types import Column, UserError

SETS = ("breast", "white", "yeast", "own")
MISSING = ("", "?", "na", "nan", "null", "none")
YEAST = ("mcg", "gvh", "alm", "mit", "erl", "pox", "vac", "nuc")


def _no_mask(rate: float) -> np.ndarray:
  raise UserError("data.mechanism 'published' belongs to the sets hivae/<name>: use mcar.")


class Table(NamedTuple):
  """A table as read: numbers, NaN where the file has none."""

  name: str
  values: np.ndarray  # [N, D] float64
  columns: tuple[Column, ...]
  note: str
  label: np.ndarray | None = None  # [N] int32
  classes: tuple[str, ...] = ()
  published: Callable[[float], np.ndarray] = _no_mask  # rate -> hidden [N, D]


def read(name: str, path: str, target: str, data_dir: str | None) -> Table:
  """The table of a set.

  Raises:
    UserError: no set of that name, a file that is not there or cannot be read.
  """
  if name == "own":
    return _own(find_own(path, data_dir), target)
  if target or path:
    raise UserError(f"data.path and data.target belong to data.set=own; this is {name!r}.")
  if name.startswith("hivae/"):
    return _hivae_table(name.removeprefix("hivae/"), data_dir)
  if name not in SETS:
    hint = registry.nearest(name, [*SETS, "hivae/Adult", "hivae/Breast", "hivae/Wine"])
    raise UserError(f"data.set is {name!r}.{hint}")
  return {"breast": _breast, "white": _white, "yeast": _yeast}[name](data_dir)


def _breast(data_dir: str | None) -> Table:
  del data_dir
  import sklearn.datasets

  bunch = sklearn.datasets.load_breast_cancer()
  return Table(
    "breast",
    bunch.data.astype(np.float64),
    tuple(Column(str(name)) for name in bunch.feature_names),
    "Breast cancer Wisconsin (diagnostic) of scikit-learn, 569 x 30, label: benign.",
    bunch.target.astype(np.int32),
    tuple(str(name) for name in bunch.target_names),
  )


def _white(data_dir: str | None) -> Table:
  file = "winequality-white.csv"
  rows = _lines(data_dir, file)
  head = [name.strip().strip('"') for name in rows[0].split(";")]
  values = _floats([line.split(";") for line in rows[1:]], len(head), file, first=2)
  if len(head) < 2 or (values[:, -1] != np.floor(values[:, -1])).any():
    raise UserError(
      f"{file} has no quality, a whole number, in its last column; download it again."
    )
  names, label = np.unique(values[:, -1].astype(int), return_inverse=True)
  return Table(
    "white",
    values[:, :-1],
    tuple(Column(name) for name in head[:-1]),
    "White wine quality (UCI), 4,898 x 11, label: the quality.",
    label.astype(np.int32),
    tuple(map(str, names)),
  )


def _yeast(data_dir: str | None) -> Table:
  rows = [line.split() for line in _lines(data_dir, "yeast.data")]
  values = _floats([row[1:-1] for row in rows], len(YEAST), "yeast.data", first=1)
  names, label = np.unique([row[-1] for row in rows], return_inverse=True)
  return Table(
    "yeast",
    values,
    tuple(Column(name) for name in YEAST),
    "Yeast (UCI), 1,484 x 8, label: where the protein is.",
    label.astype(np.int32),
    tuple(map(str, names)),
  )


def _floats(cells: list[list[str]], width: int, file: str, first: int) -> np.ndarray:
  """Cells as numbers [N, width]; `first` is the number of the first row in its file.

  Raises:
    UserError: a row of another length, or a cell that is no finite number.
  """
  values = np.zeros((len(cells), width))
  for i, row in enumerate(cells):
    try:
      sound = len(row) == width
      values[i] = [float(cell) for cell in row] if sound else np.nan
    except ValueError:
      sound = False
    if not sound or not (np.abs(values[i]) < _hivae.LARGEST).all():
      raise UserError(
        f"{file}, row {i + first}, is no row of {width} numbers; download the file again."
      )
  if not len(values):
    raise UserError(f"{file} has no rows; download it again.")
  return values


def _lines(data_dir: str | None, name: str) -> list[str]:
  root = pathlib.Path(data_dir or ".")
  for folder in (root / "raw" / "uci_vaeac", root / "uci_vaeac", root):
    for path in (folder / name, folder / f"{name}.gz"):
      if path.is_file():
        content, _ = _files.text(_files.unpacked(path), path.name)
        lines = [line for line in content.splitlines() if line.strip()]
        if not lines:
          raise UserError(f"{path.name} is empty; download it again.")
        return lines
  raise UserError(
    f"There is no {name} or {name}.gz in {root}/raw/uci_vaeac: download it from the UCI"
    f" repository, or pass --data_dir."
  )


def _hivae_table(name: str, data_dir: str | None) -> Table:
  """A table of the HI-VAE repository with its column types; a missing value of it is NaN."""
  root = pathlib.Path(data_dir or ".")
  tried = [root / p / "uci_hivae.zip" for p in ("raw/uci_hivae", "uci_hivae", ".")]
  path = next((p for p in tried if p.is_file()), None)
  if path is None:
    raise UserError(f"There is no {tried[0]}: it holds the tables of the HI-VAE paper.")
  inside = _files.archive(path)
  known = sorted({file.split("/")[0] for file in inside if "/" in file})
  if f"{name}/data.csv" not in inside:
    raise UserError(f"{path.name} has no table {name!r}.{registry.nearest(name, known)}")
  with _files.told(f"{path.name}, {name}", "copy it again"):
    values = _hivae.numbers(inside[f"{name}/data.csv"])
    kinds = list(csv.DictReader(inside[f"{name}/data_types.csv"].decode().splitlines()))
    truly = inside.get(f"{name}/MissingTrue.csv")
    if truly is not None:
      values[_hivae.pairs(truly, values.shape, f"{name}/MissingTrue.csv")] = np.nan
    columns = _hivae.columns(name, values, kinds)

  def published(rate: float) -> np.ndarray:
    file = f"{name}/Missing{round(100 * rate)}_1.csv"
    if file not in inside:
      files = sorted(f for f in inside if f.startswith(f"{name}/Missing") and "_1." in f)
      rates = ", ".join(f.split("Missing")[1][:2] for f in files)
      raise UserError(f"{name} has no published mask at {rate:g}; there are {rates} %.")
    with _files.told(f"{path.name}, {file}", "copy it again"):
      return _hivae.pairs(inside[file], values.shape, file)

  note = f"{name} of the HI-VAE repository, {values.shape[0]:,} x {values.shape[1]}."
  return Table(f"hivae_{name}", values, tuple(columns), note, published=published)


def cells(path: str, data_dir: str | None) -> tuple[list[str], list[list[str]]]:
  """The names and the columns of a table of one's own as the file has them, as words.

  Raises:
    UserError: it is not there any more, or cannot be read.
  """
  where = find_own(path, data_dir)
  head, found, _ = _cells(where)
  return head, [[_word(cell) for cell in column] for column in found]


def find_own(path: str, data_dir: str | None) -> pathlib.Path:
  """The file of a table of one's own.

  Raises:
    UserError: the name is of no such file, or none is there.
  """
  if not (own.is_table(path) or path.endswith((".npz", ".npy"))):
    raise UserError(
      f"data.path is {path!r}; data.set=own reads a .csv, .tsv, .parquet, .npy or .npz file."
    )
  return find_file(path, data_dir)


def _word(cell: Any) -> str:
  """A cell as a csv has it: what is missing is empty, a whole number without a point."""
  if isinstance(cell, str):
    return cell.strip()
  if np.isnan(cell):
    return ""
  return str(int(cell)) if cell == int(cell) else f"{cell:.10g}"


def _cells(path: pathlib.Path) -> tuple[list[str], list[Any], str]:
  """The names, a column each as words or as float64 with NaN, and the encoding of a text."""
  if own.is_parquet(path.name):
    return *_parquet(path), "utf-8"
  if own.is_table(path.name):
    return _csv.read(path)
  return *_npz(path), "utf-8"


def _parquet(path: pathlib.Path) -> tuple[list[str], list[Any]]:
  import pandas

  with _files.told(path.name, "write it again"):
    frame = pandas.read_parquet(path)
  if len(frame) < 2 or not len(frame.columns):
    raise UserError(f"{path.name} has {len(frame)} rows; expected two or more.")
  found = []
  for name in frame.columns:
    column = frame[name]
    if pandas.api.types.is_datetime64_any_dtype(column):
      raise UserError(
        f"{path.name}: column {name!r} holds dates; drop it, or write numbers."
      )
    if pandas.api.types.is_bool_dtype(column) or not pandas.api.types.is_numeric_dtype(
      column
    ):
      found.append([_text(cell) for cell in column])
    else:
      found.append(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))
  return [str(name) for name in frame.columns], found


def _text(cell: Any) -> str:
  import pandas

  return "" if cell is None or cell is pandas.NA or cell != cell else str(cell)


def _own(path: pathlib.Path, target: str) -> Table:
  """A csv with a head line, a parquet, or the array `x` of an npz; NaN or empty is missing."""
  head, found, encoding = _cells(path)
  note = f"From {path.name}."
  if not encoding.startswith("utf"):
    note = f"From {path.name}, read as {encoding}, as it is not UTF-8."
  columns, values, label, classes = [], [], None, ()
  if target and target not in head:
    raise UserError(
      f"{path.name} has no column {target!r}.{registry.nearest(target, head)}"
    )
  for name, cell in zip(head, found, strict=True):
    numbers, names = _column(cell, path.name, name)
    if name == target:
      if np.isnan(numbers).any():
        raise UserError(
          f"{path.name}: the target {name!r} has missing values; fill them in."
        )
      classes, label = np.unique(numbers, return_inverse=True)
      classes = tuple(names[int(i)] if names else f"{i:g}" for i in classes)
      label = label.astype(np.int32)
      continue
    kind = "category" if names else "real"
    columns.append(
      Column(name, kind, len(names), names=names, whole=not names and _whole(cell, numbers))
    )
    values.append(numbers)
  if not values:
    raise UserError(f"{path.name} has no column beside the target.")
  return Table(path.stem, np.stack(values, 1), tuple(columns), note, label, classes)


def _whole(cell: list | np.ndarray, numbers: np.ndarray) -> bool:
  """Whether a column holds integers: in a text without a decimal point, or all as 3.0.

  The latter is how a data frame writes integers among which some are missing.
  """
  known = numbers[~np.isnan(numbers)]
  words = [] if isinstance(cell, np.ndarray) else [word.strip() for word in cell]
  pointed = any("." in word and not word.endswith(".0") for word in words)
  return bool(len(known) and not pointed and (known == np.floor(known)).all())


def _npz(path: pathlib.Path) -> tuple[list[str], list[Any]]:
  arrays = _files.arrays(path)
  x = arrays.get("x")
  if x is None or x.ndim != 2 or x.dtype.kind not in "biuf" or 0 in x.shape:
    raise UserError(
      f"{path.name} has no array x [N, D] of numbers; NaN marks what is missing."
    )
  head = [f"x{i + 1}" for i in range(x.shape[1])]
  cells: list[Any] = list(x.astype(np.float64).T)
  if "label" in arrays:
    label = arrays["label"]
    if label.shape != x.shape[:1] or label.dtype.kind not in "biufU":
      raise UserError(
        f"{path.name}: label is {label.dtype} of shape {label.shape} and x has {len(x)} rows;"
        " expected one number or word a row."
      )
    words = label.tolist() if label.dtype.kind == "U" else label.astype(np.float64)
    head, cells = [*head, "label"], [*cells, words]
  return head, cells


def _column(cell: list | np.ndarray, file: str, name: str) -> tuple[np.ndarray, tuple]:
  """Numbers with NaN where missing; words become categories, numbered in sorted order."""
  if isinstance(cell, np.ndarray):
    numbers, names = cell, ()
  else:
    words = ["" if w.strip().lower() in MISSING else w.strip() for w in cell]
    try:
      numbers, names = np.array([float(w) if w else np.nan for w in words]), ()
    except ValueError:
      names = tuple(sorted({w for w in words if w}))
      place = {w: float(i) for i, w in enumerate(names)}
      numbers = np.array([place.get(w, np.nan) for w in words])
      if len(names) > 200:
        raise UserError(
          f"{file}: column {name!r} has {len(names)} different words; drop it, or write"
          f" numbers."
        ) from None
  beyond = np.abs(numbers) > _hivae.LARGEST
  if beyond.any():
    row = int(np.argmax(beyond)) + (0 if isinstance(cell, np.ndarray) else 2)
    raise UserError(
      f"{file}: column {name!r} has {numbers[beyond][0]:g} in row {row}, an infinite value or"
      f" one beyond {_hivae.LARGEST:g}; correct it."
    )
  return numbers, names
