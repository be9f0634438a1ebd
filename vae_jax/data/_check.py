"""What must hold of every dataset before a model sees it; each failure is one sentence."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vae_jax.types import Dataset, Spec, UserError

KINDS = ("image", "table", "sequence", "points", "voxels")
DOMAINS = ("binary", "unit", "real", "count", "category", "mixed")
RESERVED = ("id", "mask", "input", "read", "noise")  # written into a batch by the program
ROWS = 65536  # checked at a time, so that a memory-mapped file is never held whole


def dataset(found: Dataset) -> None:
  """Checks spec, splits, sizes and every stored value.

  Raises:
    UserError: naming the field, its row, what was found, what was expected, what to do.
  """
  spec = found.spec
  if spec.kind not in KINDS or spec.domain not in DOMAINS:
    raise UserError(
      f"{found.name} says kind {spec.kind!r} and domain {spec.domain!r}; expected one of "
      f"{', '.join(KINDS)} and one of {', '.join(DOMAINS)}."
    )
  if missing := {"train", "valid", "test"} - set(found.splits):
    raise UserError(f"{found.name} has no split {', '.join(sorted(missing))}.")
  for split, fields in found.splits.items():
    _split(found, split, fields)


def _split(found: Dataset, split: str, fields: dict[str, np.ndarray]) -> None:
  where = f"{found.name}, split {split}"
  if "x" not in fields:
    raise UserError(f"{where} has no field 'x'; expected the examples under that name.")
  rows = len(fields["x"])
  if rows == 0:
    raise UserError(f"{where} has no examples; make valid or test smaller, or add data.")
  for name, values in fields.items():
    if name in RESERVED:
      raise UserError(f"{where} has a field {name!r}, which the program writes; rename it.")
    if len(values) != rows:
      raise UserError(
        f"{where}: field {name!r} has {len(values)} rows and 'x' has {rows}; expected the "
        "same number."
      )
    if values.dtype.kind not in "biuf":
      raise UserError(
        f"{where}: field {name!r} is of type {values.dtype}; expected numbers."
      )
    if values.dtype.kind == "f":
      _refuse(
        values, lambda v: ~np.isfinite(v), f"{where}: field {name!r}", "finite numbers"
      )
  shape = tuple(found.spec.shape)
  otherwise = fields["x"].shape[1:] != shape or _packed(found, fields["x"])
  if otherwise and found.transform is None:
    raise UserError(
      f"{where}: one example is {fields['x'].shape[1:]} and the spec says "
      f"{shape}; make them agree."
    )
  if not otherwise:  # else `transformed` looks at what the transform makes of it
    _x(found.spec, fields["x"], f"{where}: field 'x'", found.transform is not None)
  if "label" in fields:
    _label(found.spec, fields["label"], where)
  if found.spec.factors:
    _factors(found.spec, fields, where)


def _packed(found: Dataset, x: np.ndarray) -> bool:
  """Whether x is bits in words or places of ones, of which the transform makes binary rows."""
  binary = found.spec.domain == "binary" and found.transform is not None
  return binary and x.dtype == np.int32


def _x(spec: Spec, x: np.ndarray, where: str, transform: bool) -> None:
  """The domain of stored values; a transform turns grey levels into the spec's domain."""
  domain = "unit" if transform and spec.domain == "binary" else spec.domain
  if x.dtype == np.uint8:
    if domain != "unit":
      raise UserError(
        f"{where} is uint8, which means grey levels in the domain 'unit', and the domain is "
        f"{domain!r}; store bool for binary, int32 for category and float32 otherwise."
      )
    return
  if (x.dtype == np.int32) != (domain == "category"):
    raise UserError(
      f"{where} is {x.dtype} and the domain is {domain!r}; store int32 for category and "
      "only for it."
    )
  bad, expected = _rule(domain, spec.categories)
  if bad is not None and x.dtype != np.bool_:
    _refuse(x, bad, where, expected)


def _rule(domain: str, categories: int) -> tuple[Callable | None, str]:
  return {
    "binary": (lambda v: (v != 0) & (v != 1), "0 or 1 (the domain binary)"),
    "unit": (lambda v: (v < 0) | (v > 1), "values in [0, 1] (the domain unit)"),
    "real": (None, ""),
    "mixed": (None, ""),  # each column has its own rule: the loader keeps them
    "count": (lambda v: (v < 0) | (v != np.floor(v)), "whole numbers from 0 (counts)"),
    "category": (
      lambda v: (v < 0) | (v >= categories),
      f"integers in [0, {categories}) (the spec's categories)",
    ),
  }[domain]


def _label(spec: Spec, label: np.ndarray, where: str) -> None:
  if label.dtype != np.int32 or label.ndim != 1:
    raise UserError(
      f"{where}: field 'label' is {label.dtype} of shape {label.shape}; expected int32 of "
      "shape [N]."
    )
  top = len(spec.classes)
  _refuse(
    label,
    lambda v: (v < 0) | (v >= top),
    f"{where}: field 'label'",
    f"integers in [0, {top}), one for each class name of the spec",
  )


def _factors(spec: Spec, fields: dict[str, np.ndarray], where: str) -> None:
  known = fields.get("factors", np.zeros((0, 0)))
  if known.dtype != np.int32 or known.shape != (len(fields["x"]), len(spec.factors)):
    raise UserError(
      f"{where}: field 'factors' is {known.dtype} of shape {known.shape}; expected int32 of "
      f"shape [N, {len(spec.factors)}], an index for each factor of the spec."
    )
  for column, factor in enumerate(spec.factors):
    top = len(factor.values)
    _refuse(
      known[:, column],
      lambda v, top=top: (v < 0) | (v >= top),
      f"{where}: field 'factors', {factor.name}",
      f"integers in [0, {top}), one for each value of the factor",
    )


def _refuse(values: np.ndarray, bad: Callable, where: str, expected: str) -> None:
  """Names the first value that is bad, by row."""
  for first in range(0, len(values), ROWS):
    part = values[first : first + ROWS]
    wrong = bad(part)
    if wrong.any():
      at = np.unravel_index(np.argmax(wrong), wrong.shape)
      raise UserError(
        f"{where} has {part[at]} in row {first + at[0]}; expected {expected}: correct or "
        f"remove the {int(wrong.reshape(len(part), -1).any(1).sum())} such rows."
      )


def transformed(found: Dataset, decode: Callable[[Any], Any]) -> None:
  """Checks what the transform makes of the first examples of train against the domain.

  Raises:
    UserError: its shape or its values are not those of the spec.
  """
  if found.transform is None:
    return
  fields = {k: decode(np.asarray(v[:64])) for k, v in found.splits["train"].items()}
  fields["id"] = np.arange(len(fields["x"]), dtype=np.int32)
  keys = jax.random.split(jax.random.key(0), len(fields["id"]))
  x = np.asarray(jax.vmap(found.transform)(keys, fields)["x"])
  where = f"{found.name}, after its transform: field 'x'"
  if x.shape[1:] != tuple(found.spec.shape):
    raise UserError(f"{where} is {x.shape[1:]}; expected {tuple(found.spec.shape)}.")
  _x(found.spec, x, where, transform=False)
