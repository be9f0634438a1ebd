"""The files of tables as their origins publish them, and a user's own csv or npz."""

import csv
import gzip
import pathlib
import zipfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vae_jax import registry
from vae_jax.data.arrays import find_file
from vae_jax.types import Column, UserError

SETS = ("breast", "white", "yeast", "own")
MISSING = ("", "?", "na", "nan", "null", "none")
YEAST = ("mcg", "gvh", "alm", "mit", "erl", "pox", "vac", "nuc")
HIVAE_KINDS = {
  "real": "real", "pos": "positive", "count": "count", "cat": "category", "ordinal": "ordinal"
}  # fmt: skip


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
    return _own(_find_own(path, data_dir), target)
  if target or path:
    raise UserError(f"data.path and data.target belong to data.set=own; this is {name!r}.")
  if name.startswith("hivae/"):
    return _hivae(name.removeprefix("hivae/"), data_dir)
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
  rows = _lines(data_dir, "winequality-white.csv")
  head = [name.strip().strip('"') for name in rows[0].split(";")]
  values = np.array([line.split(";") for line in rows[1:]], np.float64)
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
  names, label = np.unique([row[-1] for row in rows], return_inverse=True)
  return Table(
    "yeast",
    np.array([row[1:-1] for row in rows], np.float64),
    tuple(Column(name) for name in YEAST),
    "Yeast (UCI), 1,484 x 8, label: where the protein is.",
    label.astype(np.int32),
    tuple(map(str, names)),
  )


def _lines(data_dir: str | None, name: str) -> list[str]:
  root = pathlib.Path(data_dir or ".")
  for folder in (root / "raw" / "uci_vaeac", root / "uci_vaeac", root):
    for path, opened in ((folder / name, open), (folder / f"{name}.gz", gzip.open)):
      if path.is_file():
        with opened(path, "rt") as file:
          return [line for line in file.read().splitlines() if line.strip()]
  raise UserError(
    f"There is no {name} or {name}.gz in {root}/raw/uci_vaeac: download it from the UCI"
    f" repository, or pass --data_dir."
  )


def _hivae(name: str, data_dir: str | None) -> Table:
  """A table of the HI-VAE repository with its column types; a missing value of it is NaN."""
  root = pathlib.Path(data_dir or ".")
  tried = [root / p / "uci_hivae.zip" for p in ("raw/uci_hivae", "uci_hivae", ".")]
  path = next((p for p in tried if p.is_file()), None)
  if path is None:
    raise UserError(f"There is no {tried[0]}: it holds the tables of the HI-VAE paper.")
  with zipfile.ZipFile(path) as archive:
    inside = {file: archive.read(file) for file in archive.namelist()}
  known = sorted({file.split("/")[0] for file in inside if "/" in file})
  if f"{name}/data.csv" not in inside:
    raise UserError(f"{path.name} has no table {name!r}.{registry.nearest(name, known)}")
  values = _numbers(inside[f"{name}/data.csv"])
  kinds = list(csv.DictReader(inside[f"{name}/data_types.csv"].decode().splitlines()))
  truly = inside.get(f"{name}/MissingTrue.csv")
  if truly is not None:
    values[_pairs(truly, values.shape, f"{name}/MissingTrue.csv")] = np.nan
  columns = []
  for i, kind in enumerate(kinds):
    column = Column(f"{name} {i + 1}", HIVAE_KINDS[kind["type"].strip()])
    if column.kind in ("category", "ordinal"):
      lowest = np.nanmin(values[:, i])  # files count from 0, 1 or -2
      column = column._replace(categories=int(kind["nclass"]), shift=float(lowest))
    columns.append(column)

  def published(rate: float) -> np.ndarray:
    file = f"{name}/Missing{round(100 * rate)}_1.csv"
    if file not in inside:
      files = sorted(f for f in inside if f.startswith(f"{name}/Missing") and "_1." in f)
      rates = ", ".join(f.split("Missing")[1][:2] for f in files)
      raise UserError(f"{name} has no published mask at {rate:g}; there are {rates} %.")
    return _pairs(inside[file], values.shape, file)

  note = f"{name} of the HI-VAE repository, {values.shape[0]:,} x {values.shape[1]}."
  return Table(f"hivae_{name}", values, tuple(columns), note, published=published)


def _numbers(raw: bytes) -> np.ndarray:
  lines = raw.decode().splitlines()  # one of the files ends its lines with \r alone
  return np.genfromtxt(lines, delimiter=",", dtype=np.float64, ndmin=2)


def _pairs(raw: bytes, shape: tuple[int, int], file: str) -> np.ndarray:
  """(row, column) pairs, counted from 1 as published, as a mask [N, D].

  Raises:
    UserError: a pair counts from 0 or lies outside the table.
  """
  pairs = _numbers(raw).astype(int)
  if pairs.min() < 1 or (pairs.max(0) > shape).any():
    raise UserError(
      f"{file} has pairs from {pairs.min(0)} to {pairs.max(0)} for a table of {shape}; the"
      f" published masks count rows and columns from 1."
    )
  mask = np.zeros(shape, bool)
  mask[tuple(pairs.T - 1)] = True
  return mask


def _find_own(path: str, data_dir: str | None) -> pathlib.Path:
  if not path.endswith((".csv", ".npz", ".npy")):
    raise UserError(f"data.path is {path!r}; data.set=own reads a .csv, .npy or .npz file.")
  return find_file(path, data_dir)


def _own(path: pathlib.Path, target: str) -> Table:
  """A csv with a head line, or the array `x` of an npz; NaN or an empty cell is missing."""
  head, cells = _csv(path) if path.suffix == ".csv" else _npz(path)
  columns, values, label, classes = [], [], None, ()
  if target and target not in head:
    raise UserError(
      f"{path.name} has no column {target!r}.{registry.nearest(target, head)}"
    )
  for name, cell in zip(head, cells, strict=True):
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
    columns.append(Column(name, kind, len(names), names=names))
    values.append(numbers)
  if not values:
    raise UserError(f"{path.name} has no column beside the target.")
  note = f"From {path.name}."
  return Table(path.stem, np.stack(values, 1), tuple(columns), note, label, classes)


def _csv(path: pathlib.Path) -> tuple[list[str], list[list[str]]]:
  with path.open(newline="", encoding="utf-8") as file:
    sample = file.read(4096)
    file.seek(0)
    dialect = ";" if sample.count(";") > sample.count(",") else ","
    rows = [row for row in csv.reader(file, delimiter=dialect) if row]
  if len(rows) < 3:
    raise UserError(
      f"{path.name} has {len(rows)} lines; expected names and two rows or more."
    )
  for number, row in enumerate(rows):
    if len(row) != len(rows[0]):
      raise UserError(
        f"{path.name}: row {number + 1} has {len(row)} cells and the first has"
        f" {len(rows[0])}; expected the same number."
      )
  return [name.strip() for name in rows[0]], [list(c) for c in zip(*rows[1:], strict=True)]


def _npz(path: pathlib.Path) -> tuple[list[str], list[np.ndarray]]:
  from vae_jax.data.arrays import read_arrays

  arrays = read_arrays(path)
  x = arrays.get("x")
  if x is None or x.ndim != 2 or x.dtype.kind not in "biuf":
    raise UserError(
      f"{path.name} has no array x [N, D] of numbers; NaN marks what is missing."
    )
  head = [f"x{i + 1}" for i in range(x.shape[1])]
  cells = list(x.astype(np.float64).T)
  if "label" in arrays:
    head, cells = [*head, "label"], [*cells, arrays["label"].astype(np.float64)]
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
  if np.isinf(numbers).any():
    raise UserError(f"{file}: column {name!r} has an infinite value; correct it.")
  return numbers, names
