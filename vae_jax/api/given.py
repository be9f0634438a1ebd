"""Arrays and tables that a caller hands over, checked against what the model was trained on."""

from typing import TYPE_CHECKING, Any

import numpy as np

from vae_jax import registry
from vae_jax.columns import natural
from vae_jax.inputs.rows import MISSING, UNSEEN, stored
from vae_jax.types import Column, Dataset, Spec, UserError

if TYPE_CHECKING:
  import pandas

Fields = dict[str, np.ndarray]
CATEGORIES = ("category", "ordinal")


def examples(given: Any, data: Dataset) -> tuple[Fields, bool]:
  """The fields [N, ...] of some examples, and whether they are rows of a split as stored.

  Args:
    given: the name of a split; an array [N, *shape] in the spec's domain; of a table, a data
      frame or an array in the file's own units; or a dict of fields with such an x.
    data: what the model was trained on.

  Raises:
    UserError: what is given is not what the model knows; one sentence says what was expected.
  """
  if isinstance(given, str):
    if given not in data.splits:
      raise UserError(
        f"There is no split {given!r}.{registry.nearest(given, list(data.splits))}"
      )
    return dict(data.splits[given]), True
  if data.spec.items:
    raise UserError(
      "The examples are users and items, which an array does not hold as this data does: name a"
      " split, or ask evaluate('recommendation', input=...)."
    )
  fields = dict(given) if isinstance(given, dict) else {"x": given}
  if "x" not in fields:
    raise UserError(f"The fields are {', '.join(fields)}; expected an x among them.")
  x = fields.pop("x")
  own = _frame(x, data) if hasattr(x, "columns") else _array(np.asarray(x), data.spec)
  fields = {name: np.asarray(values) for name, values in fields.items()}
  for name, values in fields.items():
    if values.shape[:1] != own["x"].shape[:1]:
      raise UserError(
        f"The field {name!r} has shape {values.shape} and x has {len(own['x'])} rows; expected"
        " a row for each."
      )
  if "label" in fields:
    fields["label"] = labels(fields["label"], data.spec)
  if "observed" in fields:
    _check_observed(fields["observed"], own["x"].shape)
  found = {**own, **fields}
  if "observed" in found and "observed" not in data.splits["train"]:
    raise UserError(
      "x has missing values, and the model was trained on complete rows: fill them in."
    )
  return found, False


def labels(given: Any, spec: Spec) -> np.ndarray:
  """Labels [N] int32, of class names or of their numbers.

  Raises:
    UserError: a name or a number that is no class.
  """
  values = np.asarray(given)
  if values.dtype.kind in "US" or values.dtype == object:
    known = {name: i for i, name in enumerate(spec.classes)}
    unknown = [str(v) for v in values.ravel() if str(v) not in known]
    if unknown:
      raise UserError(
        f"There is no class {unknown[0]!r}.{registry.nearest(unknown[0], list(known))}"
      )
    return np.array([known[str(v)] for v in values.ravel()], np.int32)
  top = len(spec.classes)
  if values.dtype.kind not in "iu" or not ((values >= 0) & (values < top)).all():
    raise UserError(
      f"label is {values.dtype}, {values.min()} to {values.max()}; expected integers from 0 to"
      f" {top - 1}, or the names of the classes."
    )
  return values.astype(np.int32)


def _check_observed(seen: np.ndarray, shape: tuple[int, ...]) -> None:
  if seen.shape not in (shape, (*shape[:-1], 1)) or not np.isin(seen, (0, 1)).all():
    raise UserError(
      f"observed has shape {seen.shape}; expected a 1 (known) or a 0 (missing) for each number"
      f" of x, {shape}, or one for its last axis."
    )


def codes(z: Any, members: int, latents: int, sweep: bool) -> np.ndarray:
  """Latent vectors [N, L] or [M, N, L], float32.

  Raises:
    UserError: another shape, or numbers that are not finite.
  """
  z = np.asarray(z)
  layouts = ((2, "[N, L]"), (3, "[M, N, L]")) if sweep else ((2, "[N, L]"),)
  fits = z.ndim in dict(layouts) and z.shape[-1] == latents and z.dtype.kind in "iuf"
  if not fits or (z.ndim == 3 and len(z) != members):
    expected = " or ".join(name for _, name in layouts)
    many = f" and M = {members}" if sweep else ""
    raise UserError(
      f"z has shape {z.shape} and type {z.dtype}; expected numbers {expected} with L ="
      f" {latents}{many}."
    )
  if not np.isfinite(z).all():
    raise UserError("z has numbers that are not finite.")
  return z.astype(np.float32)


def own_units(x: np.ndarray, spec: Spec) -> np.ndarray:
  """What a model wrote [..., *shape], of a table in the units of its file."""
  return natural(spec.columns, x) if spec.columns else x


def _array(x: np.ndarray, spec: Spec) -> Fields:
  """An array [N, *shape] as the fields of a split."""
  _check_shape(x, spec)
  if spec.columns:
    return _columns(list(x.astype(np.float64).T), spec.columns)
  if x.dtype.kind == "f" and not np.isfinite(x).all():
    raise UserError("x has values that are not finite; fill them in.")
  if spec.domain == "unit":
    return {"x": _grey(x)}
  _check_values(x, spec)
  kinds = {"binary": np.bool_, "category": np.int32}
  return {"x": x.astype(kinds.get(spec.domain, np.float32))}


def _check_shape(x: np.ndarray, spec: Spec) -> None:
  shape, layout = tuple(spec.shape), f"[N, {', '.join(map(str, spec.shape))}]"
  if x.dtype.kind not in "biuf":
    raise UserError(f"x is of type {x.dtype}; expected numbers {layout}.")
  if x.shape[1:] == shape and len(x):
    return
  said = f"x has shape {x.shape}; expected {layout}, as in training"
  if x.shape == shape:
    raise UserError(f"{said}: one example is x[None].")
  if spec.kind == "image" and x.shape[1:] == shape[:-1] and shape[-1] == 1:
    raise UserError(f"{said}: the channel axis is missing, add it with x[..., None].")
  if spec.kind == "image" and x.shape[1:] == (shape[-1], *shape[:-1]):
    raise UserError(
      f"{said}: the channels come first here, move them with x.transpose(0, 2, 3, 1)."
    )
  raise UserError(f"{said}.")


def _grey(x: np.ndarray) -> np.ndarray:
  """Grey levels: uint8 as it is, floats in [0, 1]."""
  low, high = float(x.min()), float(x.max())
  if x.dtype == np.uint8:
    if high == 1:
      raise UserError(
        "x is uint8 with nothing above 1, and uint8 means grey levels 0 to 255: give floats in"
        " [0, 1], or 255 * x."
      )
    return x
  if x.dtype.kind in "iu":
    raise UserError(
      f"x is of type {x.dtype}; expected uint8 grey levels 0 to 255, or floats in [0, 1]."
    )
  if not (low >= 0 and high <= 1):
    hint = ": divide it by 255" if low >= 0 and 2 < high <= 255 else ""
    raise UserError(
      f"x has values from {low:g} to {high:g}; expected grey levels in [0, 1]{hint}."
    )
  return x.astype(np.float32)


def _check_values(x: np.ndarray, spec: Spec) -> None:
  good, expected = {
    "binary": (lambda v: (v == 0) | (v == 1), "0 or 1, as the model's data is binary"),
    "count": (lambda v: (v >= 0) & (v == np.floor(v)), "counts, whole numbers from 0"),
    "category": (
      lambda v: (v >= 0) & (v < spec.categories) & (v == np.floor(v)),
      f"categories, integers from 0 to {spec.categories - 1}",
    ),
  }.get(spec.domain, (lambda v: np.isfinite(v), "finite numbers"))
  wrong = ~good(x)
  if wrong.any():
    at = np.unravel_index(np.argmax(wrong), wrong.shape)
    raise UserError(f"x has {x[at]} in row {at[0]}; expected {expected}.")


def _frame(frame: "pandas.DataFrame", data: Dataset) -> Fields:
  """A data frame with every column of training, in any order; others are not read."""
  spec = data.spec
  if spec.kind != "table":
    raise UserError(
      f"x is a data frame, and the model knows {spec.kind}s {tuple(spec.shape)}: give an array."
    )
  if not spec.columns:
    return _array(frame.to_numpy(), spec)
  if not len(frame):
    raise UserError("x is a data frame without rows.")
  head = [str(name) for name in frame.columns]
  found = []
  for column in spec.columns:
    if column.name not in head:
      raise UserError(
        f"x has no column {column.name!r}, which the model needs."
        f"{registry.nearest(column.name, head)}"
      )
    found.append(_cells(column, frame.iloc[:, head.index(column.name)]))
  return _columns(found, spec.columns)


def _cells(column: Column, cells: Any) -> np.ndarray:
  """One column of a frame as the file's numbers, a word as its category's; NaN if missing."""
  words = {name: float(i) for i, name in enumerate(column.names)}
  gone, values = cells.isna().to_numpy(), np.full(len(cells), np.nan)
  for row, value in enumerate(cells):
    text = str(value).strip()
    if gone[row] or (text.lower() in MISSING and text not in words):
      continue
    where = f"x: column {column.name!r} has {value!r} in row {row}"
    if words:
      if text not in words and UNSEEN not in words:
        raise UserError(f"{where}.{registry.nearest(text, list(words))}")
      values[row] = words.get(text, len(words) - 1.0)
      continue
    try:
      values[row] = float(value)
    except (TypeError, ValueError) as error:
      raise UserError(f"{where}; expected a number, as in training.") from error
  return values


def _columns(found: list[np.ndarray], columns: tuple[Column, ...]) -> Fields:
  """Columns of the file's numbers as the fields of a split; NaN is what is missing."""
  made = []
  for column, values in zip(columns, found, strict=True):
    where = f"x: column {column.name!r}"
    if np.isinf(values).any():
      raise UserError(f"{where} has an infinite value; correct it.")
    known = values[~np.isnan(values)]
    if column.kind in ("positive", "count") and (known < 0).any():
      raise UserError(f"{where} has values below 0; expected 0 or more.")
    x = stored(column, values) if column.kind not in CATEGORIES else values - column.shift
    if (
      column.kind in CATEGORIES
      and not np.isin(x[~np.isnan(x)], np.arange(column.categories)).all()
    ):
      raise UserError(f"{where} has categories that training rows did not have.")
    made.append(x)
  x = np.stack(made, -1)
  seen = ~np.isnan(x)
  fields = {"x": np.where(seen, x, 0).astype(np.float32)}
  return fields if seen.all() else {**fields, "observed": seen}
