"""Made rows in figures, tables and files, and rows of a user's own that they are made near."""

import csv
import pathlib
from typing import Any

import numpy as np

from vae_jax import columns, registry
from vae_jax.applications.augmentation import making
from vae_jax.baselines import augmenting
from vae_jax.data import sentences
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra
from vae_jax.evaluation.source import Source
from vae_jax.inputs import rows
from vae_jax.metrics import closest_record
from vae_jax.run import Run
from vae_jax.studies import amounts
from vae_jax.types import Figure, Table, UserError

SHOWN = 4  # made pictures or sentences of each class
TEXT, LABEL = "text", "label"  # columns of a file of one's own: sentences, classes
SIDE = "Training sentences, and what was made for each"


def read(path: str, run: Run) -> tuple[np.ndarray, np.ndarray]:
  """Rows of a .csv and their classes, of its column `label`; sentences are in its column `text`.

  Raises:
    UserError: no table, no such column, or a class that the model does not know.
  """
  where, spec = pathlib.Path(path), run.spec
  if where.suffix != ".csv":
    raise UserError(f"{path} is no .csv; augmentation makes rows near those of a table.")
  if spec.symbols and not where.is_file():
    raise UserError(f"There is no file {path}.")
  x = None if spec.symbols else rows.read(path, spec).x
  with where.open(newline="", encoding="utf-8") as file:
    line = file.readline()
    mark = ";" if line.count(";") > line.count(",") else ","
    file.seek(0)
    found = [
      {k.strip(): v for k, v in row.items()} for row in csv.DictReader(file, delimiter=mark)
    ]
  for name in (LABEL, *([TEXT] if spec.symbols else [])):
    if not found or name not in found[0]:
      what = {LABEL: "the class of each row", TEXT: "its sentence"}[name]
      raise UserError(f"{where.name} has no column {name!r}; expected {what} there.")
  words = [row[LABEL].strip() for row in found]
  for word in words:
    if word not in spec.classes:
      hint = registry.nearest(word, list(spec.classes))
      raise UserError(f"{where.name} has the class {word!r}.{hint}")
  if x is None:
    unit = sentences.unit(run.config)
    x = np.stack([sentences.parse(row[TEXT], spec, unit) for row in found])
  return x, np.array([spec.classes.index(word) for word in words], np.int32)


def written(outcome: Outcome) -> Extra:
  """Made examples in a figure or a file, and how far they are from what was learned from."""
  lead = amounts.lead(outcome)
  source, spec = outcome.tasks[lead.part].source, outcome.task.source.spec
  train, count = source.split("train"), outcome.settings["make"]
  at = augmenting.cycle(making.fold(source), max(count, len(spec.classes) * SHOWN))
  near = {name: values[at] for name, values in train.items()}
  if outcome.settings["input"]:
    given, label = read(outcome.settings["input"], lead.run)
    turn = np.arange(count) % len(label)
    near = {"x": given[turn], "label": label[turn]}
  near_by = making.around(source)
  x = making.made(source, lead.run, lead.place, near, near_by)
  valid = source.split("valid", 2000)
  seen = {"observed": np.ones_like(x)} if "observed" in train else {}
  real = making.compared(source, source.train, train)
  held_out = making.compared(source, source.inputs(valid), valid)
  known = making.compared(source, x, seen), real, held_out
  distance, copy = closest_record.check(*known), closest_record.copies(*known)
  title = of_members.title(lead, outcome.members) or "the model"
  table = Table(
    "Distance to the closest training row",
    ("rows", "median", "copies", "closer than 95 % of held-out rows"),
    [
      [f"made by {title}", distance["made"], distance["copies"], distance["closer"]],
      ["held out", distance["held_out"], None, 0.05],
    ],
    "A generator that repeats what it saw has copies, or far more than 0.05 in the last column.",
  )
  kept = np.flatnonzero(~copy)[:count]
  said = [
    f"{len(kept):,} made rows are written; {int(copy.sum())} that were copies of a training row are"
    " left out."
  ]
  files = _files(lead.run, x[kept], near, kept)
  tables = [table, *_side_by_side(lead.run, x, near)]
  return Extra(tables, _shown(source, x, near), said, files)


def _shown(source: Source, x: np.ndarray, near: dict[str, np.ndarray]) -> list[Figure]:
  """For each class the real row and what was made near it."""
  spec = source.spec
  if not pictures.drawable(spec):
    return []
  real = pictures.plain(near["x"], spec)
  rows = [np.flatnonzero(near["label"] == c)[:SHOWN] for c in range(len(spec.classes))]
  width = min(len(own) for own in rows if len(own))  # a file of one's own may have few
  images = [np.concatenate([real[r[:width]], x[r[:width]]]) for r in rows if len(r)]
  names = tuple(name for name, own in zip(spec.classes, rows, strict=True) if len(own))
  data = {"images": np.stack(images), "rows": names, "wide_after": [width - 1]}
  data |= pictures.style(source.data, source.settings)
  return [Figure("made", "image_grid", data, "Training rows, and what was made for each.")]


def _side_by_side(run: Run, x: np.ndarray, near: dict[str, np.ndarray]) -> list[Table]:
  """For each class a few sentences and what was made for each; none of what is no sentence."""
  spec = run.spec
  if not spec.symbols:
    return []
  own = [np.flatnonzero(near["label"] == c)[:SHOWN] for c in range(len(spec.classes))]
  at, unit = np.concatenate(own), sentences.unit(run.config)
  names = [spec.classes[int(c)] for c in near["label"][at]]
  both = (sentences.lines(one[at], spec, unit) for one in (near["x"], x))
  found = [list(row) for row in zip(names, *both, strict=True)]
  return [Table(SIDE, (LABEL, "sentence", "made for it"), found)]


def _files(
  run: Run, x: np.ndarray, near: dict[str, np.ndarray], kept: np.ndarray
) -> dict[str, Any]:
  """The made rows as synthetic.csv, in the numbers and the words of the file; or as .npy."""
  spec = run.spec
  names = [spec.classes[int(c)] for c in near["label"][kept]]
  if spec.symbols:
    lines = sentences.lines(x, spec, sentences.unit(run.config))
    body = [list(row) for row in zip(lines, names, strict=True)]
    return {"synthetic.csv": np.array([[TEXT, LABEL], *body])}
  if spec.kind != "table":
    label = np.array(near["label"][kept], np.int32)
    return {"synthetic.npy": x, "synthetic_label.npy": label}
  known = columns.columns_of(spec)
  natural = columns.natural(known, x)
  head = [*(column.name for column in known), LABEL]
  body = [
    [*(_word(c, v) for c, v in zip(known, row, strict=True)), name]
    for row, name in zip(natural, names, strict=True)
  ]
  return {"synthetic.csv": np.array([head, *body])}


def _word(column: Any, value: float) -> str:
  if column.names:
    return column.names[int(value)]
  whole = column.kind in ("category", "ordinal", "count")
  return str(round(value)) if whole else f"{value:.6g}"
