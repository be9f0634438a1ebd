"""Tables with values missing: measured ones with a known mask, and a user's own.

Hidden entries are taken out here. `x` holds 0 there, for a model and for a scaler, and only
scoring reads the answer, in `truth`. The fields of a split are [N, D] except for the last two:
`x` standardised, `observed`, `truth`, `hidden` (taken out, and the answer is known), `row` of
the file, and `label` if the set has one.
"""

from typing import Any

import numpy as np

from vae_jax.data import _columns, _masks, _normal, _split, _table_files
from vae_jax.types import Dataset, Spec, UserError

# set: breast (in scikit-learn), white, yeast (files), hivae/<name>, or own with a path.
# test 0: the test split is the whole table, as imputation fills in the table it learns from.
FITS_NORMAL = True  # normal rows are chosen here, before a scale is fitted on them
OPTIONS = {
  "set": "breast",
  "path": "",
  "target": "",
  "kind": "real",  # of numeric columns without a published type: "real" or "positive"
  "mechanism": "mcar",
  "rate": 0.5,
  "mask_seed": 0,
  "test": 0.0,
}


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """A table [D] of columns that may be real, positive, counts, categories or ordinal.

  Real columns are (v - mean) / std, and positive ones the same of log(1 + v / std). Mean and std
  are of observed training entries. Counts and the numbers of categories are unchanged. The domain
  is "real" if every column is real, else "mixed".

  Raises:
    UserError: an unknown set or mechanism, a missing file, or a column with nothing observed.
  """
  table = _table_files.read(config["set"], config["path"], config["target"], data_dir)
  table = _kind(table, config["kind"])
  known = ~np.isnan(table.values)
  hidden = known & _masks.draw(table, config)
  fields = {
    "values": table.values,
    "observed": known & ~hidden,
    "hidden": hidden,
    "row": np.arange(len(known), dtype=np.int32),
  }
  fields["x"] = fields["row"]  # `_split` counts rows by it; replaced below
  if table.label is not None:
    fields["label"] = table.label
  parts = _normal.apply(_parts(fields, config), table.classes, config, table.name)
  train = parts["train"]
  columns = _columns.fit(table.columns, train["values"], train["observed"])
  splits = {name: _columns.encode(columns, part) for name, part in parts.items()}
  domain = "real" if all(c.kind == "real" for c in columns) else "mixed"
  share = hidden.sum() / max(known.sum(), 1)
  whole = "" if config["test"] else " Test is the whole table, train and valid included."
  return Dataset(
    table.name,
    Spec((len(columns),), "table", domain, classes=table.classes, columns=columns),
    splits,
    f"{table.note} {100 * share:.1f} % of the known entries hidden ({config['mechanism']}, mask"
    f" seed {config['mask_seed']}).{whole}",
  )


def file(config: dict[str, Any], data_dir: str | None) -> tuple[list[str], list[list[str]]]:
  """A table of one's own as its file has it: names, and the cells of each column as words.

  Raises:
    UserError: the data is of another set, or the file is not there any more.
  """
  if config["set"] != "own":
    raise UserError(f"data.set is {config['set']!r}; a file is behind data.set=own alone.")
  return _table_files.cells(config["path"], data_dir)


def _kind(table: _table_files.Table, kind: str) -> _table_files.Table:
  """The table with its real columns of the kind that was asked for."""
  if kind not in ("real", "positive"):
    raise UserError(f"data.kind is {kind!r}; expected real or positive.")
  columns = tuple(c._replace(kind=kind) if c.kind == "real" else c for c in table.columns)
  for i, column in enumerate(columns):
    if column.kind == "positive" and (table.values[:, i] < 0).any():
      raise UserError(
        f"Column {column.name!r} has values below 0 and is said to be positive: leave"
        f" data.kind at real."
      )
  return table._replace(columns=columns)


def _parts(fields: _split.Fields, config: dict[str, Any]) -> dict[str, _split.Fields]:
  if config["test"] < 0:
    raise UserError(
      f"data.test is {config['test']}; expected 0 for the whole table, or more."
    )
  rest, test = fields, fields
  if config["test"]:
    rest, test = _split.shuffled(fields, config["test"], "test", config["seed"])
  train, valid = _split.shuffled(rest, config["valid"], "valid", config["seed"])
  return {"train": train, "valid": valid, "test": test}
