"""Time series as they are published, and as a csv of a user's own."""

import json
import pathlib
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from vae_jax import registry
from vae_jax.data import _csv, _files, _split
from vae_jax.types import UserError

LONG = ("made", "skab", "nab", "csv")  # with a label for each point
WHOLE = ("ecg5000", "ucr")  # with a label for each series
TIMES = ("time", "timestamp", "datetime", "date", "t")
LABELS = ("anomaly", "is_anomaly", "label")
IDS = (  # of the series of a long csv, which has a column of times beside it
  "id", "series", "series_id", "sequence", "sequence_id", "unit", "subject", "patient", "device"
)  # fmt: skip
ROWS = 4  # of a series on average
IGNORED = ("changepoint",)  # of SKAB: where an anomaly begins and ends
SKAB = re.compile(r"(?:^|/)((?:valve1|valve2|other)/\d+)\.csv$")
NAB = re.compile(r"(?:^|/)((?:real|artificial)\w+/[\w.-]+)\.csv$")
WINDOWS = "labels/combined_windows.json"
UCR = re.compile(r"(?:^|/)(\w+)_(TRAIN|TEST)\.ts$")


class Series(NamedTuple):
  """One series of F numbers at each of P times."""

  name: str
  columns: tuple[str, ...]  # F
  stamps: tuple[str, ...]  # P, as the file has them, or the numbers of the lines
  values: np.ndarray  # [P, F] float64
  marks: np.ndarray | None  # [P] int32, 1 for an anomalous point; None: not given


def read(config: dict, data_dir: str | None) -> list[Series]:
  """The series of `skab`, `nab` or `csv`, in the order of their names.

  Raises:
    UserError: no file, none of the names of `series`, or a file that cannot be read.
  """
  name = config["set"]
  if name == "csv":
    return _own(config["path"], config["series"], data_dir)
  files = _published(name, config["path"], data_dir)
  pattern = {"skab": SKAB, "nab": NAB}[name]
  named = {m[1]: raw for f, raw in files.items() if (m := pattern.search(f))}
  chosen = _chosen(sorted(named, key=_natural), config["series"], name)
  found = [parse(named[one], one) for one in chosen]
  return _marked(found, files) if name == "nab" else found


def parse(raw: bytes, name: str) -> Series:
  """A csv with a line of names: a time, an optional label of 0 and 1, and numbers.

  Raises:
    UserError: no column of numbers, or a cell that is none; the message names its line.
  """
  names, cells, _ = _csv.parse(raw, name)
  return _series(names, cells, name)


def several(raw: bytes, name: str) -> list[Series]:
  """The series of a long csv, one for each value of its column of ids, by time; [] of another.

  A csv is long if it has a column of IDS and one of TIMES, and all others are numbers. No id has a
  time twice, and an id has at least ROWS rows on average. In a table each row has its own id.

  Raises:
    UserError: it is no csv.
  """
  names, cells, _ = _csv.parse(raw, name)
  lower = [one.lower() for one in names]
  at = next((i for i, one in enumerate(lower) if one in IDS), None)
  time = next((i for i, one in enumerate(lower) if one in TIMES), None)
  if at is None or time is None or len(names) < 3:
    return []
  rows: dict[str, list[int]] = {}
  for row, word in enumerate(cells[at]):
    rows.setdefault(word.strip(), []).append(row)
  pairs = set(zip(cells[at], cells[time], strict=True))
  if len(pairs) < len(cells[at]) or len(cells[at]) < ROWS * len(rows) or len(rows) < 2:
    return []
  key = float if all(map(_is_number, cells[time])) else str
  kept = [i for i in range(len(names)) if i != at]
  try:
    found = _series([names[i] for i in kept], [cells[i] for i in kept], name)
  except UserError:  # words: a table
    return []
  order = {
    word: sorted(those, key=lambda row: key(cells[time][row]))
    for word, those in rows.items()
  }
  return [_rows(found, word, order[word]) for word in sorted(order, key=_natural)]


def _rows(every: Series, name: str, rows: list[int]) -> Series:
  marks = None if every.marks is None else every.marks[rows]
  stamps = tuple(every.stamps[row] for row in rows)
  return Series(name, every.columns, stamps, every.values[rows], marks)


def _series(names: list[str], cells: list[list[str]], name: str) -> Series:
  lower = [one.lower() for one in names]
  time = next((i for i, one in enumerate(lower) if one in TIMES), None)
  label = next((i for i, one in enumerate(lower) if one in LABELS), None)
  kept = [i for i, one in enumerate(lower) if i not in (time, label) and one not in IGNORED]
  if not kept:
    raise UserError(f"{name} has no column of numbers beside its time and its label.")
  values = np.stack([_numbers(cells[i], names[i], name) for i in kept], -1)
  marks = None if label is None else _numbers(cells[label], names[label], name)
  if marks is not None and not np.isin(marks, (0, 1)).all():
    raise UserError(f"{name}: the column {names[label]!r} must hold 0 or 1 in every row.")
  stamps = cells[time] if time is not None else map(str, range(2, len(values) + 2))
  marks = None if marks is None else marks.astype(np.int32)
  return Series(name, tuple(names[i] for i in kept), tuple(stamps), values, marks)


def whole(
  config: dict, data_dir: str | None
) -> tuple[dict[str, _split.Fields], tuple[str, ...], str]:
  """The splits of labelled series, the names of their classes, and the name of the set.

  ECG5000 is its published train file of 500 beats, of which the share `test` is held out. A UCR
  set has its own TRAIN and TEST.

  Raises:
    UserError: no file, no such set, or series of several lengths.
  """
  files = _published(config["set"], config["path"], data_dir)
  if config["set"] == "ecg5000":
    raw = next(v for f, v in files.items() if "ECG5000_TRAIN" in f)
    with _files.told("ECG5000_TRAIN.txt", "expected a label and 140 numbers in each row"):
      rows = np.array([line.split() for line in raw.decode().splitlines() if line.strip()])
      x, words = rows[:, 1:, None].astype(np.float64), rows[:, 0].astype(float).astype(int)
    parts, name = {"train": (x, words.astype(str))}, "ecg5000"
  else:
    sets: dict[str, dict[str, bytes]] = {}
    for file, raw in files.items():
      if match := UCR.search(file):
        sets.setdefault(match[1], {})[match[2].lower()] = raw
    sets = {k: v for k, v in sets.items() if set(v) == {"train", "test"}}
    name = config["series"]
    if name not in sets:
      raise UserError(
        f"data.series is {name!r}.{registry.nearest(name, sorted(sets)) if sets else ''}"
      )
    parts = {k: _ts(raw, f"{name}_{k.upper()}.ts") for k, raw in sets[name].items()}
  classes = tuple(sorted({w for _, words in parts.values() for w in words}, key=_natural))
  place = {word: i for i, word in enumerate(classes)}
  label = lambda words: np.array([place[w] for w in words], np.int32)
  fields = {k: {"x": x, "label": label(words)} for k, (x, words) in parts.items()}
  if "test" not in fields:
    held_out = config["test"], "test", config["seed"]
    fields["train"], fields["test"] = _split.shuffled(fields["train"], *held_out)
  if fields["train"]["x"].shape[1:] != fields["test"]["x"].shape[1:]:
    raise UserError(f"{name}: series of train and test differ in length; take another set.")
  return fields, classes, name


def _ts(raw: bytes, name: str) -> tuple[np.ndarray, list[str]]:
  """x [N, T, F] and the words of the labels of a .ts file: `v,v,v:v,v,v:label`."""
  text, _ = _files.text(raw, name)
  lines = [line.strip() for line in text.splitlines()]
  begin = next((i for i, one in enumerate(lines) if one.lower() == "@data"), None)
  rows = [] if begin is None else [one for one in lines[begin + 1 :] if one]
  if not rows or any(one.count(":") != rows[0].count(":") for one in rows):
    raise UserError(f"{name} has no @data with rows of `values:label`, all of one form.")
  x = []
  for number, row in enumerate(rows):
    parts = [part.split(",") for part in row.split(":")[:-1]]
    sizes = {len(part) for part in parts}
    if not parts or sizes != {len(rows[0].split(":")[0].split(","))}:
      raise UserError(
        f"{name}: series {number + 1} has another length than the first; expected the same."
      )
    x.append(np.stack([_numbers(part, "x", name, number) for part in parts], -1))
  return np.stack(x), [row.rsplit(":", 1)[1].strip() for row in rows]


def _numbers(
  cells: list[str], column: str, name: str, line: int | None = None
) -> np.ndarray:
  try:
    values = np.array(cells, np.float64)
    bad = np.flatnonzero(~(np.abs(values) < 1e30))
  except ValueError:
    bad = np.array([i for i, cell in enumerate(cells) if not _is_number(cell)])
  if len(bad):
    where = f"line {bad[0] + 2}" if line is None else f"series {line + 1}"
    raise UserError(
      f"{name}: column {column!r} has {cells[bad[0]]!r} in {where}; expected a finite number:"
      " fill in what is missing."
    )
  return values


def _is_number(cell: str) -> bool:
  try:
    return bool(np.isfinite(float(cell)))
  except ValueError:
    return False


def _own(path: str, series: str, data_dir: str | None) -> list[Series]:
  """A csv of one series, a long csv of several, or all csv of a folder."""
  if not path:
    raise UserError("data.path is empty; expected a .csv or a folder of them.")
  tried = [pathlib.Path(path), pathlib.Path(data_dir or ".") / path]
  where = next((p for p in tried if p.exists()), None)
  if where is None:
    raise UserError(f"There is no {' or '.join(map(str, dict.fromkeys(tried)))}.")
  if where.is_file() and (found := several(_files.unpacked(where), where.name)):
    named = {one.name: one for one in found}
    return [named[one] for one in _chosen([*named], series, path)]
  files = sorted(where.glob("*.csv")) if where.is_dir() else [where]
  named = {file.stem: file for file in files}
  chosen = _chosen(sorted(named, key=_natural), series, path)
  found = [
    parse(_files.unpacked(named[one]), named[one].name)._replace(name=one) for one in chosen
  ]
  for one in found:
    if one.columns != found[0].columns:
      raise UserError(
        f"{one.name}.csv has the columns {', '.join(one.columns)} and {found[0].name}.csv"
        f" {', '.join(found[0].columns)}; expected the same in all."
      )
  if len({one.marks is None for one in found}) > 1:
    raise UserError(
      f"{path}: some files have a label and some have none; give all or none."
    )
  return found


def _chosen(names: list[str], series: str, where: str) -> list[str]:
  """The names that are, or else begin with, one of the words of `series`; all without any."""
  words = [word.strip() for word in series.split(",") if word.strip()]
  takes = lambda word, name: name == word if word in names else name.startswith(word)
  for word in words:
    if not any(takes(word, name) for name in names):
      hint = registry.nearest(word, names) if names else ""
      raise UserError(f"data.series has {word!r}.{hint}")
  found = [one for one in names if not words or any(takes(w, one) for w in words)]
  if not found:
    raise UserError(f"There is no series in {where}; expected files as published.")
  return found


def _published(name: str, path: str, data_dir: str | None) -> dict[str, bytes]:
  """The files of a published set by their names, from a .zip, a folder or one file."""
  root = pathlib.Path(data_dir or ".")
  folder = {"ucr": "ucr_small"}.get(name, name)
  usual = [root / "raw" / folder, root / folder]
  for where in [pathlib.Path(path), root / path] if path else usual:
    packed = sorted(where.glob("*.zip")) if where.is_dir() else []
    if where.is_file() or packed:
      file = packed[0] if packed else where
      return (
        _files.archive(file)
        if file.suffix == ".zip"
        else {file.name: _files.unpacked(file)}
      )
    if where.is_dir() and (found := dict(_in_folder(where))):
      return found
  raise UserError(
    f"There is no {path or ' or '.join(map(str, usual))} with the set {name!r}; download it,"
    " and give its folder or .zip as data.path."
  )


def _in_folder(where: pathlib.Path) -> Iterator[tuple[str, bytes]]:
  for file in sorted(where.rglob("*")):
    if file.suffix in (".csv", ".json", ".ts", ".txt", ".gz") and file.is_file():
      yield file.relative_to(where).as_posix(), _files.unpacked(file)


def _marked(found: list[Series], files: dict[str, bytes]) -> list[Series]:
  """NAB's series with the windows of its labels; a series without any is normal throughout."""
  raw = next((v for f, v in files.items() if f.endswith(WINDOWS)), None)
  if raw is None:
    raise UserError(f"NAB has no {WINDOWS}; add its folder of labels.")
  with _files.told(WINDOWS, "copy NAB's folder of labels again"):
    every = json.loads(raw)
    return [one._replace(marks=_within(one, every[f"{one.name}.csv"])) for one in found]


def _within(one: Series, windows: list[list[str]]) -> np.ndarray:
  stamps = np.array([stamp.replace(" ", "T") for stamp in one.stamps], "datetime64[s]")
  marks = np.zeros(len(stamps), np.int32)
  for begin, end in windows:
    first, last = (np.datetime64(w.split(".")[0].replace(" ", "T")) for w in (begin, end))
    marks |= ((stamps >= first) & (stamps <= last)).astype(np.int32)
  return marks


def _natural(name: str) -> list:
  """A key under which 2 comes before 10."""
  return [(0, int(w), "") if w.isdigit() else (1, 0, w) for w in re.split(r"(\d+)", name)]
