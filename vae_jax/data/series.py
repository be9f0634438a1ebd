"""Time series with labels of what is anomalous: SKAB, NAB, ECG5000, UCR, a csv, or generated.

A long series is cut in time: the rows up to `head` are for training and validation, and all
later ones are test. No window crosses a border. Windows of train and valid hold normal points
only. Fields of a split beside x [N, T, F]: `anomaly` [N], 1 if any point is one; `points` [N, T],
the label of each; `series` [N] and `start` [N], the window's series and first row. Series
that have one label each (ECG5000, UCR) are examples as they are, and `normal` names the classes.
"""

import pathlib
from typing import Any, NamedTuple

import numpy as np

from vae_jax.data import _events, _files, _normal, _series_files, _split, _windows
from vae_jax.data._series_files import Series
from vae_jax.types import Column, Dataset, Spec, UserError

FITS_NORMAL = True  # normal rows are chosen here, before a scale is fitted on them
OPTIONS = {
  "set": "made",  # made, skab, nab, ecg5000, ucr or csv
  "path": "",  # of the published files (a folder or .zip), or of a csv or a folder of them
  "series": "",  # names by their beginnings, separated by commas; of ucr the set; empty: all
  "steps": 32,  # T, rows of a window; 0: every series is one example, and all have one length
  "stride": 8,  # rows from one window to the next
  "head": 0.5,  # of each long series, for train and valid: a share, or a number of rows
  "valid": 0.3,  # of the head, its end; of whole series drawn from train
  "scale": "all",  # one mean and deviation of all training rows, or of "each" series its own
  "floor": 0.1,  # with each: the least deviation of a series, in deviations of all rows
  "test": 0.5,  # of ecg5000, whose published test is not read, with steps=0 and with rare
  "rare": 0.0,  # above 0: labelled windows, and the share of those with an event; see `_events`
}


class Given(NamedTuple):
  """A series of a user's own, cut into windows."""

  name: str
  stamps: tuple[str, ...]  # P
  marks: np.ndarray | None  # [P]
  x: np.ndarray  # [N, T, F] float32, as the model's data stores them
  starts: np.ndarray  # [N]


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """Windows [T, F] of long series, or whole series, standardised by training values.

  Raises:
    UserError: an unknown set, a file that cannot be read, or windows that do not fit.
  """
  known = (*_series_files.LONG, *_series_files.WHOLE)
  if config["set"] not in known:
    raise UserError(f"data.set is {config['set']!r}; expected {', '.join(known)}.")
  if config["set"] in _series_files.WHOLE:
    return _whole(config, data_dir)
  if _normal.asked(config) or config["contamination"]:
    raise UserError(
      f"The set {config['set']!r} says by itself which points are anomalous, and has no"
      " classes: leave data.normal, data.left_out and data.contamination alone."
    )
  if config["steps"] and not (1 <= config["stride"] <= config["steps"] >= 2):
    raise UserError(
      f"data.stride is {config['stride']} and data.steps {config['steps']}; expected steps of 2"
      " or more, and a stride from 1 to it, so that every row is in a window."
    )
  if config["scale"] not in ("all", "each"):
    raise UserError(f"data.scale is {config['scale']!r}; expected all or each.")
  if not config["floor"] >= 0:
    raise UserError(
      f"data.floor is {config['floor']:g}; expected a number that is not negative."
    )
  _events.check(config)
  drawn = config["set"] == "made"
  found = made(config["seed"]) if drawn else _series_files.read(config, data_dir)
  return _long(found, config) if config["steps"] else _examples(found, config)


def read_own(path: str, spec: Spec, config: dict[str, Any]) -> Given:
  """A csv with the columns of training, cut and standardised as `config` says.

  With `scale` of "each" series its own, the rows up to `head` give this one's.

  Raises:
    UserError: no file, another column, or fewer rows than a window.
  """
  where = pathlib.Path(path)
  if where.suffix != ".csv" or not where.is_file():
    raise UserError(f"There is no .csv file {path}: the model reads series of sensors.")
  one = _series_files.parse(_files.unpacked(where), where.name)
  names = tuple(column.name for column in spec.columns)
  if missing := [name for name in names if name not in one.columns]:
    raise UserError(
      f"{where.name} has no column {missing[0]!r}; the model needs {', '.join(names)}."
    )
  values = one.values[:, [one.columns.index(name) for name in names]]
  starts = cut(0, len(values), spec.shape[0], config["stride"])
  if not len(starts):
    raise UserError(
      f"{where.name} has {len(values)} rows; a window of the model has {spec.shape[0]}."
    )
  shift, scale = (np.array([getattr(c, k) for c in spec.columns]) for k in _SCALE)
  if config["scale"] == "each":
    head = values[: _windows.head(config, len(values), where.name)]
    shift, scale = _windows.own(head, scale, config["floor"])
  x = _windows.windows((values - shift) / scale, starts, spec.shape[0])
  return Given(where.name, one.stamps, one.marks, x.astype(np.float32), starts)


def cut(first: int, end: int, steps: int, stride: int) -> np.ndarray:
  """The first rows of windows within [first, end), the last of which ends there, [N]."""
  if end - first < steps:
    return np.zeros(0, int)
  starts = np.arange(first, end - steps + 1, stride)
  return starts if starts[-1] == end - steps else np.append(starts, end - steps)


def made(seed: int, count: int = 8, rows: int = 1000) -> list[Series]:
  """Generated series of three sensors with planted anomalies in the second half.

    a = sin(w t + u) + e,   b = sin(2 w t + u) / 2 + e',   c = a b + e''

  with noise of deviation 0.1. Planted are, in turn: a level shift of all, another speed, b
  that is not c's any more, and a sensor that stands still; 30 to 60 rows each, two a series.
  """
  rng, found = np.random.default_rng(seed), []
  for number in range(count):
    speed, phase = 2 * np.pi / rng.uniform(22, 28), rng.uniform(0, 2 * np.pi)
    angle, marks = np.full(rows, speed).cumsum() + phase, np.zeros(rows, np.int32)
    places = []
    for place in range(2):
      begin = rows // 2 + (2 * place + 1) * rows // 10 + int(rng.integers(rows // 20))
      stretch = slice(begin, begin + int(rng.integers(30, 61)))
      marks[stretch] = 1
      places.append((stretch, (2 * number + place) % 4))
    for stretch, kind in places:
      if kind == 1:
        angle[stretch.start :] += (
          speed
          * 0.6
          * np.clip(np.arange(rows - stretch.start), 0, stretch.stop - stretch.start)
        )
    a, b = np.sin(angle), np.sin(2 * angle) / 2
    x = np.stack([a, b, a * b], -1) + 0.1 * rng.normal(size=(rows, 3))
    for stretch, kind in places:
      if kind == 0:
        x[stretch] += 0.6
      elif kind == 2:
        x[stretch, 1] *= -1
      elif kind == 3:
        x[stretch, 0] = x[stretch.start, 0]
    stamps = tuple(map(str, range(rows)))
    found.append(Series(f"made-{number}", ("a", "b", "c"), stamps, x, marks))
  return found


_SCALE = ("shift", "scale")


def _long(found: list[Series], config: dict[str, Any]) -> Dataset:
  """The splits of long series."""
  if any(one.columns != found[0].columns for one in found):
    raise UserError("The series have different columns; choose some with data.series.")
  if config["rare"]:
    return _events.dataset(found, config)
  steps, pieces = config["steps"], _in_time(found, config)
  for split, parts in pieces.items():
    if not sum(len(starts) for _, starts, _ in parts):
      raise UserError(
        f"No window of {steps} rows fits the {split} part of any series and is normal: make"
        " data.steps smaller, or data.head or data.valid another share."
      )
  shift, scale, columns = _scales(found, pieces["train"], config)
  labelled = any(one.marks is not None for one in found)
  splits = {
    split: _windows.fields(found, parts, steps, shift, scale, labelled)
    for split, parts in pieces.items()
  }
  spec = Spec((steps, len(columns)), "sequence", "real", columns=columns)
  spec = spec._replace(spread=_windows.spread(splits["train"]["x"]))
  return Dataset(config["set"], spec, splits, _note(found, splits, config, labelled))


def _in_time(found: list[Series], config: dict[str, Any]) -> dict[str, list[tuple]]:
  """For each split the windows of every series: (series, first rows, labels of points)."""
  pieces: dict[str, list[tuple]] = {"train": [], "valid": [], "test": []}
  for number, one in enumerate(found):
    rows = len(one.values)
    head = _windows.head(config, rows, one.name)
    border = head - _split.count(config["valid"], head, "valid")
    spans = {"train": (0, border), "valid": (border, head), "test": (head, rows)}
    for split, span in spans.items():
      starts = cut(*span, config["steps"], config["stride"])
      marks = np.zeros(rows, np.int32) if one.marks is None else one.marks
      points = _windows.windows(marks, starts, config["steps"])
      kept = np.ones(len(starts), bool) if split == "test" else ~points.any(1)
      pieces[split].append((number, starts[kept], points[kept]))
  return pieces


def _examples(found: list[Series], config: dict[str, Any]) -> Dataset:
  """Every series as one example, held out as a whole."""
  first, steps = found[0], len(found[0].values)
  if one := next((one for one in found if len(one.values) != steps), None):
    raise UserError(
      f"data.steps is 0, so that every series is one example, and {one.name} has"
      f" {len(one.values)} rows where {first.name} has {steps}: set data.steps to the rows of a"
      " window."
    )
  fields = {"x": np.stack([one.values for one in found])}
  fields["series"] = np.arange(len(found), dtype=np.int32)
  fields["start"] = np.zeros(len(found), np.int32)
  labelled = first.marks is not None
  if labelled:
    fields["points"] = np.stack([one.marks for one in found])
    fields["anomaly"] = fields["points"].any(1).astype(np.int32)
  rest, test = _split.shuffled(fields, config["test"], "test", config["seed"])
  train, valid = _split.shuffled(rest, config["valid"], "valid", config["seed"])
  if labelled:
    normal = lambda part: {k: v[part["anomaly"] == 0] for k, v in part.items()}
    train, valid = normal(train), normal(valid)
  mean, std = train["x"].mean((0, 1)), train["x"].std((0, 1))
  std = np.where(std > 0, std, 1.0)
  parts = {"train": train, "valid": valid, "test": test}
  splits = {
    k: {**v, "x": ((v["x"] - mean) / std).astype(np.float32)} for k, v in parts.items()
  }
  columns = tuple(
    Column(name, shift=float(m), scale=float(s))
    for name, m, s in zip(first.columns, mean, std, strict=True)
  )
  spec = Spec((steps, len(columns)), "sequence", "real", columns=columns)
  spec = spec._replace(spread=_windows.spread(splits["train"]["x"]))
  note = f"From csv: {len(found)} series of {steps} rows, each of them one example."
  return Dataset(config["set"], spec, splits, note)


def _scales(
  found: list[Series], train: list[tuple], config: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, tuple[Column, ...]]:
  """Shift and scale of each series [S, F] from the rows of its training windows, and columns."""
  rows = [
    one.values[np.unique(starts[:, None] + np.arange(config["steps"]))]
    for one, (_, starts, _) in zip(found, train, strict=True)
  ]
  every = np.concatenate(rows)
  std = every.std(0)
  mean, std = every.mean(0), np.where(std > 0, std, 1.0)
  columns = tuple(
    Column(name, shift=float(m), scale=float(s))
    for name, m, s in zip(found[0].columns, mean, std, strict=True)
  )
  shift, scale = np.tile(mean, (len(found), 1)), np.tile(std, (len(found), 1))
  if config["scale"] == "each":
    for i, own in enumerate(rows):
      if len(own):
        shift[i], scale[i] = _windows.own(own, std, config["floor"])
  return shift, scale, columns


def _note(found: list[Series], splits: dict, config: dict[str, Any], labelled: bool) -> str:
  head = config["head"]
  part = f"{100 * head:g} %" if head < 1 else f"{head:g} rows"
  origin = {
    "made": "Generated, with planted anomalies", "skab": "SKAB", "nab": "NAB, combined windows"
  }.get(config["set"], "From csv")  # fmt: skip
  rows = sum(len(one.values) for one in found)
  said = (
    f"{origin}: {len(found)} series, {rows:,} rows in all, windows of {config['steps']}, trained"
    f" on normal windows of the first {part} of each."
  )
  if not labelled:
    return f"{said} No labels."
  share = float(splits["test"]["points"].mean())
  return f"{said} {100 * share:.1f} % of the points of test are anomalous."


def _whole(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """Series with one label each."""
  parts, classes, name = _series_files.whole(config, data_dir)
  parts["train"], parts["valid"] = _split.shuffled(
    parts["train"], config["valid"], "valid", config["seed"]
  )
  splits = _normal.apply(parts, classes, config, name)
  train = splits["train"]["x"]
  mean, std = train.mean((0, 1)), train.std((0, 1))
  std = np.where(std > 0, std, 1.0)
  splits = {
    k: {**v, "x": ((v["x"] - mean) / std).astype(np.float32)} for k, v in splits.items()
  }
  columns = tuple(
    Column(f"x{i + 1}", shift=float(m), scale=float(s))
    for i, (m, s) in enumerate(zip(mean, std, strict=True))
  )
  spec = Spec(train.shape[1:], "sequence", "real", classes=classes, columns=columns)
  note = {"ecg5000": "ECG5000, the published train file alone."}.get(config["set"], "UCR.")
  return Dataset(name, spec, splits, note)
