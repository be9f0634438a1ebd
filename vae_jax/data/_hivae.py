"""The tables of the HI-VAE repository: types of their columns, masks as pairs."""

import numpy as np

from vae_jax import registry
from vae_jax.types import Column, UserError

KINDS = {
  "real": "real", "pos": "positive", "count": "count", "cat": "category", "ordinal": "ordinal"
}  # fmt: skip
LARGEST = 1e18  # whose square is still a float32
MOST_COUNTED = 2**24  # the largest whole numbers that float32 tells apart


def columns(name: str, values: np.ndarray, kinds: list[dict]) -> list[Column]:
  """The columns as data_types.csv says, each checked against what the table holds.

  Raises:
    UserError: another number of columns, an unknown type, or a class above their count.
  """
  if len(kinds) != values.shape[1]:
    raise UserError(
      f"{name}/data_types.csv has {len(kinds)} columns and data.csv has {values.shape[1]};"
      " expected the same number."
    )
  return [_column(name, i, values[:, i], kind) for i, kind in enumerate(kinds)]


def _column(name: str, i: int, values: np.ndarray, kind: dict) -> Column:
  where, seen = f"{name}/data.csv, column {i + 1},", values[~np.isnan(values)]
  word = str(kind["type"]).strip()
  if word not in KINDS:
    raise UserError(
      f"{name}/data_types.csv has the type {word!r}.{registry.nearest(word, [*KINDS])}"
    )
  column = Column(f"{name} {i + 1}", KINDS[word])
  if not (np.abs(seen) < LARGEST).all():
    raise UserError(f"{where} has an infinite value or one beyond {LARGEST:g}; correct it.")
  if column.kind == "count" and (seen > MOST_COUNTED).any():
    raise UserError(f"{where} counts beyond 2^24, which float32 does not hold; scale it.")
  if column.kind not in ("category", "ordinal") or not len(seen):
    return column
  lowest, count = float(seen.min()), int(kind["nclass"])  # files count from 0, 1 or -2
  if seen.max() - lowest >= count or (seen != np.floor(seen)).any():
    raise UserError(
      f"{where} has values from {lowest:g} to {seen.max():g} and data_types.csv says {count}"
      " classes; correct one of them."
    )
  return column._replace(categories=count, shift=lowest)


def numbers(raw: bytes) -> np.ndarray:
  """The numbers of a file [N, D], NaN where a cell is none."""
  lines = raw.decode().splitlines()  # one of the files ends its lines with \r alone
  return np.genfromtxt(lines, delimiter=",", dtype=np.float64, ndmin=2)


def pairs(raw: bytes, shape: tuple[int, ...], file: str) -> np.ndarray:
  """(row, column) pairs, counted from 1 as published, as a mask [N, D].

  Raises:
    UserError: what is no pair, or one that counts from 0 or is outside the table.
  """
  found = numbers(raw)
  if found.shape[1] != 2 or not np.isfinite(found).all() or not len(found):
    raise UserError(f"{file} is no list of pairs, a row and a column; copy it again.")
  if found.min() < 1 or (found.max(0) > shape).any():
    raise UserError(
      f"{file} has pairs from {found.min(0)} to {found.max(0)} for a table of {shape}; the"
      f" published masks count rows and columns from 1."
    )
  mask = np.zeros(shape, bool)
  mask[tuple(found.astype(int).T - 1)] = True
  return mask
