"""A user's own sentences, as rows of symbols."""

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
