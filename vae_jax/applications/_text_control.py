"""Sentences of a conditional model under a label that is not their own."""

from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.applications import _members
from vae_jax.applications._text_scores import Source
from vae_jax.asking import apply
from vae_jax.types import Array, Example, Hyper, Params


class Controlled(NamedTuple):
  """What the M members of a conditional model write of R sentences, [M, R, T] each."""

  own: np.ndarray  # from the code of the sentence and its label
  other: np.ndarray  # from the same code and the other label
  drawn: (
    np.ndarray
  )  # from a code and words drawn from the prior and p(x|z), the other label


NAMES = {
  "own": "conditional model, own label",
  "other": "conditional model, other label",
  "drawn": "conditional model, from the prior",
}


def controlled(source: Source, target: np.ndarray) -> Controlled | None:
  """Sentences written under the target labels [R]; None where no model is conditional.

  z = E[z | x, y] and x' = the greedy sentence of p(x | z, y') with y' the other label.
  """
  run = source.control
  if run is None:
    return None
  vae = run.vae

  def ask(params: Params, hyper: Hyper, example: Example, key: Array) -> Any:
    del hyper
    first, second = jax.random.split(key)
    z, other = vae.posterior(params, example).mean, vae.given(example["target"])
    return Controlled(
      own=vae.given(example["label"]).mode(params, z),
      other=other.mode(params, z),
      drawn=other.sample(params, vae.prior.sample(first), second),
    )

  fields = {**source.examples, "target": target.astype(np.int32)}
  return apply(run, ask, fields, source.key, source.settings["batch"])


def names(source: Source) -> list[list[Any]]:
  """The first cells of each member's rows: of the run itself, or blanks and a number."""
  run = source.run
  if source.control is run:
    return [_members.cells(run, m) for m in range(len(run.members))]
  return [[None] * len(_members.columns(run)) for _ in source.control.members]
