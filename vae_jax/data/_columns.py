"""The scale of each column of a table, from what is observed of the training rows alone."""

import numpy as np

from vae_jax.data._split import Fields
from vae_jax.types import Column, UserError


def fit(
  columns: tuple[Column, ...], values: np.ndarray, observed: np.ndarray
) -> tuple[Column, ...]:
  """The columns with shift and scale: v = shift + scale x.

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
    std = float(seen.std()) or 1.0  # a constant column is left at 0
    if column.kind == "real":
      column = column._replace(shift=float(seen.mean()), scale=std)
    elif column.kind == "positive":
      column = column._replace(scale=std)
    found.append(column)
  return tuple(found)


def encode(columns: tuple[Column, ...], fields: Fields) -> Fields:
  """Raw rows as the fields of a split; what is not observed is 0 in x."""
  shift, scale = (np.array([getattr(c, k) for c in columns]) for k in ("shift", "scale"))
  truth = np.nan_to_num((fields["values"] - shift) / scale).astype(np.float32)
  kept = {k: v for k, v in fields.items() if k != "values"}
  return {
    **kept,
    "x": np.where(fields["observed"], truth, 0).astype(np.float32),
    "truth": truth,
  }


def decode(columns: tuple[Column, ...], x: np.ndarray) -> np.ndarray:
  """Stored numbers [N, D] as the file's, float64; a category stays its number."""
  shift, scale = (np.array([getattr(c, k) for c in columns]) for k in ("shift", "scale"))
  return shift + scale * np.asarray(x, np.float64)
