"""A user's own sentences, as rows of symbols."""

import pathlib
from typing import NamedTuple

import numpy as np

from vae_jax.data import sentences
from vae_jax.types import Spec, UserError


class Pair(NamedTuple):
  """Two sentences to go between."""

  written: tuple[str, str]
  x: np.ndarray  # [2, T]


def pair(given: str, spec: Spec, unit: str) -> Pair:
  """The two sentences of "a | b".

  Args:
    given: as written on a command line.
    spec: of the sentences that the model was trained on.
    unit: "word" or "character".

  Raises:
    UserError: not two sentences, or one that is empty, too long or without a known symbol.
  """
  both = [part.strip() for part in given.split("|")]
  if len(both) != 2:
    raise UserError(f"The setting pair is {given!r}; expected two sentences, 'a | b'.")
  return Pair((both[0], both[1]), np.stack([sentences.parse(s, spec, unit) for s in both]))


class Pairs(NamedTuple):
  """Sentences of the first class and what the second class says in their place."""

  x: np.ndarray  # [2, N, T]
  lines: tuple[list[str], list[str]]


def pairs(path: str, spec: Spec, unit: str) -> Pairs:
  """The pairs of a file: a line is a sentence, a tab, and its partner in the other class.

  Args:
    path: of the file, UTF-8.
    spec: of the sentences that the model was trained on; of two classes.
    unit: "word" or "character".

  Raises:
    UserError: no two classes, no such file, a line without one tab, or a sentence that is empty,
      too long or without a known symbol; the line is named.
  """
  if len(spec.classes) != 2:
    raise UserError(
      f"The setting pairs takes sentences of two classes; the data have {len(spec.classes)}."
    )
  try:
    text = pathlib.Path(path).read_text("utf-8")
  except (OSError, UnicodeDecodeError) as error:
    raise UserError(
      f"The setting pairs names {path!r}, which is no text file: {error}."
    ) from None
  rows, first, second = [], *spec.classes
  for number, line in enumerate(text.splitlines(), 1):
    both = [part.strip() for part in line.split("\t")]
    if len(both) != 2:
      raise UserError(
        f"Line {number} of {path} has {len(both)} part(s); expected a sentence of {first}, a"
        f" tab, and its partner of {second}."
      )
    try:
      rows.append([sentences.parse(part, spec, unit) for part in both])
    except UserError as error:
      raise UserError(f"Line {number} of {path}: {error}") from None
  if not rows:
    raise UserError(f"{path} has no line; expected a pair of sentences a line.")
  x = np.stack(rows).swapaxes(0, 1)
  lines = tuple(sentences.lines(part, spec, unit) for part in x)
  return Pairs(x, lines)
