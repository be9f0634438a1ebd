"""Files of users and items: the MovieLens layouts, LastFM, and a user's own csv or parquet.

Every layout becomes an `Events`. Files are read line by line, so that 20 million lines need the
memory of four numbers each.
"""

import array
import csv
import io
import pathlib
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

import numpy as np

from vae_jax import registry
from vae_jax.data.arrays import find_file
from vae_jax.types import UserError

NAMES = {  # of the columns of a user's own file, in lower case
  "user": ("user", "userid", "user_id", "uid"),
  "item": ("item", "itemid", "item_id", "iid", "movieid", "movie_id"),
  "rating": ("rating", "score", "stars", "weight", "count"),
  "time": ("time", "timestamp", "date"),
  "title": ("title", "name"),
}
PARQUET = (".parquet", ".pq")


class Layout(NamedTuple):
  """How a published set is laid out; columns are user, item, rating, time."""

  file: str
  between: str
  titles: str  # a file of item and title; empty: there is none
  titles_between: str
  liked: float  # an interaction counts from this rating on
  scale: tuple[float, float]  # of the ratings
  note: str
  head: bool = False


LAYOUTS = {
  "ml-100k": Layout("u.data", "\t", "u.item", "|", 4.0, (1, 5), "MovieLens-100k"),
  "ml-1m": Layout("ratings.dat", "::", "movies.dat", "::", 4.0, (1, 5), "MovieLens-1M"),
  "ml-20m": Layout(
    "ratings.csv", ",", "movies.csv", ",", 4.0, (0.5, 5), "MovieLens-20M", head=True
  ),
}
LASTFM = ("data1.txt", "test1.txt")


class Events(NamedTuple):
  """Who had to do with what, a row for each line of the file."""

  name: str
  user: np.ndarray  # [E] int32, a place in `users`
  item: np.ndarray  # [E] int32, a place in `items`
  rating: np.ndarray | None  # [E] float32
  time: np.ndarray | None  # [E] float64
  users: list[str]
  items: list[str]
  titles: dict[str, str]  # by the item's id, where the file names them
  note: str


def read(name: str, path: str, data_dir: str | None) -> Events:
  """The interactions of a set.

  Raises:
    UserError: no set of that name, a file that is missing, or a line that cannot be read.
  """
  if name == "own":
    return own(path, data_dir)
  if path:
    raise UserError(f"data.path belongs to data.set=own; data.set is {name!r}.")
  if name == "lastfm":
    return _lastfm(data_dir)
  if name not in LAYOUTS:
    hint = registry.nearest(name, ["generated", *LAYOUTS, "lastfm", "own"])
    raise UserError(f"data.set is {name!r}.{hint}")
  return _movielens(name, LAYOUTS[name], data_dir)


def _movielens(name: str, layout: Layout, data_dir: str | None) -> Events:
  with _opened(_folder(name, (layout.file,), data_dir), layout.file) as file:
    rows = enumerate(_cells(file, layout.between), 1)
    if layout.head:
      next(rows)
    rows = ((number, row[:4]) for number, row in rows)
    found = _gathered(rows, ("user", "item", "rating", "time"), layout.file, layout.scale)
  titles = {}
  with _opened(_folder(name, (layout.titles,), data_dir), layout.titles) as file:
    for row in _cells(file, layout.titles_between):
      titles[row[0]] = row[1]
  note = f"{layout.note} (GroupLens): ratings of {layout.liked:g} and more count."
  return Events(name, *found, titles, note)


def _lastfm(data_dir: str | None) -> Events:
  """Both files of LightGCN's set together: its own split is of lines, ours is of users."""
  folder, rows = _folder("lastfm", LASTFM, data_dir), []
  for part in LASTFM:
    with _opened(folder, part) as file:
      rows += [(number, row[:2]) for number, row in enumerate(_cells(file, "\t"), 1)]
  found = _gathered(rows, ("user", "item"), LASTFM[0], None)
  note = "LastFM of LightGCN (He et al. 2020): artists heard, its two files together."
  return Events("lastfm", *found, {}, note)


def own(path: str, data_dir: str | None) -> Events:
  """A csv or parquet file with columns user and item, and rating, time, title where it has them.

  Raises:
    UserError: no such file or column, an empty id, or a rating or time that is no number.
  """
  if not path.endswith((".csv", ".tsv", *PARQUET)):
    raise UserError(f"{path!r} is no .csv, .tsv or .parquet file of users and items.")
  where = find_file(path, data_dir)
  if where.suffix in PARQUET:
    head, rows = _parquet(where)
    return _own(where, head, enumerate(rows, 1))
  with where.open(newline="", encoding="utf-8-sig") as file:
    first = file.readline()
    between = max(",;\t", key=first.count)
    head = next(csv.reader([first], delimiter=between), [])
    return _own(where, head, enumerate(csv.reader(file, delimiter=between), 2))


def _own(path: pathlib.Path, head: list[str], rows: Iterable) -> Events:
  lower = [name.strip().lower() for name in head]
  at = {
    kind: next((lower.index(name) for name in names if name in lower), -1)
    for kind, names in NAMES.items()
  }
  for kind in ("user", "item"):
    if at[kind] < 0:
      raise UserError(
        f"{path.name} has the columns {', '.join(head)}; expected one named {kind!r}"
        f" (or {', '.join(NAMES[kind][1:])}) in its first line."
      )
  kinds = [kind for kind in ("user", "item", "rating", "time") if at[kind] >= 0]
  titles: dict[str, str] = {}

  def picked() -> Iterator[tuple[int, list[str]]]:
    for number, row in rows:
      if not row:
        continue
      if len(row) != len(head):
        raise UserError(
          f"{path.name}, line {number} has {len(row)} cells; expected {len(head)}."
        )
      if at["title"] >= 0:
        titles.setdefault(row[at["item"]].strip(), row[at["title"]].strip())
      yield number, [row[at[kind]] for kind in kinds]

  found = _gathered(picked(), kinds, path.name, None)
  return Events(path.stem, *found, titles, f"From {path.name}.")


def _parquet(path: pathlib.Path) -> tuple[list[str], Iterator[list[str]]]:
  try:
    import pyarrow.parquet
  except ImportError as error:
    raise UserError(
      "A .parquet file needs the package pyarrow: pip install pyarrow, or write a .csv."
    ) from error
  table = pyarrow.parquet.read_table(path)

  def rows() -> Iterator[list[str]]:
    for batch in table.to_batches(100_000):
      columns = [_words(column) for column in batch.columns]
      yield from map(list, zip(*columns, strict=True))

  return table.column_names, rows()


def _words(column: "object") -> list[str]:
  """The cells of a column as a csv would have them; an empty one where there is none."""
  cells = column.to_pylist()
  return [
    "" if v is None else str(v.timestamp() if hasattr(v, "timestamp") else v) for v in cells
  ]


def _gathered(
  rows: Iterable[tuple[int, list[str]]],
  kinds: Iterable[str],
  file: str,
  scale: tuple[float, float] | None,
) -> tuple:
  """Lines as numbers: user, item, rating, time, and the ids of users and items in order."""
  kinds = list(kinds)
  ids: dict[str, dict[str, int]] = {"user": {}, "item": {}}
  held = {kind: array.array("i" if kind in ids else "d") for kind in kinds}
  for number, row in rows:
    if len(row) < len(kinds):
      raise UserError(
        f"{file}, line {number} has {len(row)} cells; expected {', '.join(kinds)}."
      )
    for kind, cell in zip(kinds, row, strict=False):
      if kind in ids:
        known, cell = ids[kind], cell.strip()
        if not cell:
          raise UserError(f"{file}, line {number} has no {kind}: fill it in or remove it.")
        held[kind].append(known.setdefault(cell, len(known)))
      else:
        held[kind].append(_number(cell, kind, file, number))
  if not len(held["user"]):
    raise UserError(f"{file} has no interactions; expected a line for each.")
  values = {k: np.asarray(v, np.int32 if k in ids else np.float64) for k, v in held.items()}
  _check_scale(values, scale, file)
  rating = values.get("rating")
  rating = None if rating is None else rating.astype(np.float32)
  names = [list(ids["user"]), list(ids["item"])]
  return (values["user"], values["item"], rating, values.get("time"), *names)


def _number(cell: str, kind: str, file: str, line: int) -> float:
  try:
    value = float(cell)
  except ValueError:
    value = np.nan
  if not np.isfinite(value):
    raise UserError(f"{file}, line {line}: the {kind} is {cell!r}; expected a number.")
  return value


def _check_scale(values: dict, scale: tuple[float, float] | None, file: str) -> None:
  if scale is None:
    return
  bad = (values["rating"] < scale[0]) | (values["rating"] > scale[1])
  if bad.any():
    raise UserError(
      f"{file} has the rating {values['rating'][bad][0]:g}; this set's lie in"
      f" [{scale[0]:g}, {scale[1]:g}]: correct it, or read the file with data.set=own."
    )


def _cells(file: IO[str], between: str) -> Iterator[list[str]]:
  if between == ",":
    return csv.reader(file)
  return (line.rstrip("\r\n").split(between) for line in file if line.strip())


def _folder(name: str, files: tuple[str, ...], data_dir: str | None) -> pathlib.Path:
  """Where the files are: a folder of the set's name, or a zip of it, in the data folder."""
  root = pathlib.Path(data_dir or ".")
  names = (name, "lastfm_lightgcn") if name == "lastfm" else (name,)
  folders = [base / n for base in (root / "raw", root) for n in names] + [root]
  for folder in folders:
    if all((folder / file).is_file() for file in files):
      return folder
    for archive in (folder / f"{name}.zip", folder.with_suffix(".zip")):
      if archive.is_file():
        return archive
  raise UserError(
    f"There is no {files[0]} of {name!r} in {folders[0]}, {folders[-2]} or {root}: download"
    " the set, unpacked or as its zip, and pass --data_dir."
  )


def _opened(where: pathlib.Path, name: str) -> IO[str]:
  """A file of a folder or of a zip, as text; titles of the older sets are in Latin-1."""
  encoding = "utf-8" if name.endswith(".csv") else "latin-1"
  if where.is_dir():
    return (where / name).open(newline="", encoding=encoding)
  archive = zipfile.ZipFile(where)
  inside = next((n for n in archive.namelist() if n.rsplit("/", 1)[-1] == name), None)
  if inside is None:
    raise UserError(f"{where.name} has no file {name}; expected the set as published.")
  return io.TextIOWrapper(archive.open(inside), encoding=encoding, newline="")
