"""The scale of each column of a table, from what is observed of the training rows alone."""

import numpy as np

from vae_jax.data._split import Fields
from vae_jax.types import Column, UserError


def fit(
  columns: tuple[Column, ...], values: np.ndarray, observed: np.ndarray
) -> tuple[Column, ...]:
  """The columns with shift and scale, so that `columns.natural` gives the file's numbers.

  Raises:
    UserError: a column has no observed training entry.
  """
  found = []
  for i, column in enumerate(columns):
    seen = values[observed[:, i], i]
    if len(seen) == 0:
      raise UserError(
        f"Column {column.name!r} has no observed entry among the training rows: drop the"
        f" column, or hide fewer entries."
      )
    if column.kind == "positive":
      column = column._replace(unit=_std(seen))
      seen = np.log1p(seen / column.unit)
    if column.kind in ("real", "positive"):
      column = column._replace(shift=float(seen.mean()), scale=_std(seen))
    found.append(column)
  return tuple(found)


def _std(seen: np.ndarray) -> float:
  return float(seen.std()) or 1.0  # a constant column is left at 0


def encode(columns: tuple[Column, ...], fields: Fields) -> Fields:
  """Raw rows as the fields of a split; what is not observed is 0 in x."""
  values = np.array(fields["values"])
  for i, column in enumerate(columns):
    if column.kind == "positive":
      values[:, i] = np.log1p(values[:, i] / column.unit)
  shift, scale = (np.array([getattr(c, k) for c in columns]) for k in ("shift", "scale"))
  truth = np.nan_to_num((values - shift) / scale).astype(np.float32)
  kept = {k: v for k, v in fields.items() if k != "values"}
  return {
    **kept, "x": np.where(fields["observed"], truth, 0).astype(np.float32), "truth": truth
  }  # fmt: skip
