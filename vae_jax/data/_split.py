"""Holding examples out of a split."""

import math
from typing import Any

import numpy as np

from vae_jax.types import UserError

Fields = dict[str, np.ndarray]


def count(held_out: float, rows: int, option: str) -> int:
  """How many of `rows` an option holds out: below 1 a fraction (at least one), else a count.

  Raises:
    UserError: it would hold out nothing or everything.
  """
  if not math.isfinite(held_out):
    raise UserError(f"data.{option} is {held_out}; expected a fraction or a whole number.")
  wanted = max(1, round(held_out * rows)) if 0 < held_out < 1 else held_out
  if wanted != int(wanted) or not 1 <= wanted < rows:
    raise UserError(
      f"data.{option} is {held_out:g} of {rows} examples; expected a fraction in (0, 1) or "
      f"a whole number from 1 to {rows - 1}."
    )
  return int(wanted)


def take(fields: Fields, rows: np.ndarray | slice) -> Fields:
  """The given rows of every field."""
  return {name: values[rows] for name, values in fields.items()}


def last(fields: Fields, held_out: float, option: str) -> tuple[Fields, Fields]:
  """Splits off the last examples: (kept, held out)."""
  rows = len(fields["x"])
  border = rows - count(held_out, rows, option)
  return take(fields, slice(None, border)), take(fields, slice(border, None))


def shuffled(
  fields: Fields, held_out: float, option: str, seed: int
) -> tuple[Fields, Fields]:
  """Splits off examples drawn with a seed: (kept, held out), both in the order of the file."""
  rows = len(fields["x"])
  drawn = np.random.default_rng(seed).permutation(rows)[: count(held_out, rows, option)]
  out = np.zeros(rows, bool)
  out[drawn] = True
  return take(fields, ~out), take(fields, out)


def divided(fields: Fields, split: np.ndarray, config: dict[str, Any]) -> dict[str, Fields]:
  """train, valid and test: as they are named, or held out of train.

  With `hold_out` "classes" whole classes are held out, at least one.

  Raises:
    UserError: nothing is left, or there are no classes to hold out.
  """
  parts = {}
  rest = take(fields, np.flatnonzero((split == "train") | (split == "")))
  for name in ("test", "valid"):
    if (split == name).any():
      parts[name] = take(fields, np.flatnonzero(split == name))
    elif config["hold_out"] == "classes":
      rest, parts[name] = _classes(rest, config[name], name, config["seed"])
    else:
      rest, parts[name] = shuffled(rest, config[name], name, config["seed"])
  return {"train": rest, "valid": parts["valid"], "test": parts["test"]}


def _classes(
  fields: Fields, held_out: float, option: str, seed: int
) -> tuple[Fields, Fields]:
  """Splits off whole classes: (kept, held out)."""
  if "label" not in fields:
    raise UserError(
      "data.hold_out is 'classes', and the pictures have none: put each class in a subfolder"
      " of its name, or set data.hold_out=examples."
    )
  known = np.unique(fields["label"])
  drawn = np.random.default_rng(seed).permutation(known)
  out = np.isin(fields["label"], drawn[: count(held_out, len(known), option)])
  return take(fields, ~out), take(fields, out)
