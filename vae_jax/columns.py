"""The columns of a table: their scales, and what of them a network reads."""

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array, Column, Spec

MAX_LOG_POSITIVE = 10.0  # of a positive value, in units of its standard deviation
UNITS = ("shift", "scale", "unit")


def columns_of(spec: Spec) -> tuple[Column, ...]:
  """The columns a spec names, or as many real ones as it has numbers."""
  return spec.columns or tuple(Column(f"x{i + 1}") for i in range(spec.size))


def features(columns: tuple[Column, ...], x: Array, observed: Array) -> Array:
  """What an encoder reads of a row x [D]: every column on a scale near 1, [F].

  Categories become V numbers, counts their logarithm, ordinals their place in [-1, 1]. What is
  not observed is 0; `observed` [D] follows as it is.
  """
  parts = []
  for i, column in enumerate(columns):
    if column.kind == "category":
      value = jax.nn.one_hot(x[i].astype(int), column.categories)
    elif column.kind == "ordinal":
      value = (2.0 * x[i] / max(column.categories - 1, 1) - 1.0)[None]
    elif column.kind == "count":
      value = jnp.log1p(jnp.maximum(x[i], 0.0))[None]
    else:
      value = x[i][None]
    parts.append(jnp.where(observed[i] > 0.5, value, 0.0))
  return jnp.concatenate([*parts, observed])


def numbers(columns: tuple[Column, ...], x: Array, observed: Array) -> tuple[Array, Array]:
  """Numeric columns on the scale of their first number, [D], and 1 where observed, [D].

  Real and positive ones as they are, counts as log(1 + x); 0 twice for the others.
  """
  counts = jnp.array([c.kind == "count" for c in columns])
  numeric = jnp.array([c.kind in ("real", "positive", "count") for c in columns])
  y = jnp.where(counts, jnp.log1p(jnp.maximum(x, 0.0)), x)
  return jnp.where(numeric, y, 0.0), jnp.where(numeric, observed, 0.0)


def natural(columns: tuple[Column, ...], x: np.ndarray) -> np.ndarray:
  """Stored rows [..., D] as the file's numbers, float64; a category stays its number."""
  x = np.asarray(x, np.float64)
  shift, scale, unit = (np.array([getattr(c, k) for c in columns]) for k in UNITS)
  plain = shift + scale * x
  positive = np.array([c.kind == "positive" for c in columns])
  grown = np.expm1(np.clip(np.where(positive, plain, 0.0), 0.0, MAX_LOG_POSITIVE))
  return np.where(positive, unit * grown, plain)
