"""Early stopping of single members, by the least validation loss so far.

A member stops at the first evaluation at which its least loss is `patience` evaluations old.
Prechelt (1998), "Early stopping - but when?", the criterion UP in its simplest form. The loss is
the member's own, with its β in it: at β = 1 it is the negative ELBO. Where the losses of two steps
measure different things, the negative ELBO takes its place.
"""

from types import ModuleType
from typing import NamedTuple

import numpy as np


class Waiting(NamedTuple):
  """How long each member of a part has waited for a better validation."""

  least: np.ndarray  # [M] float64, the least score so far; inf before the first one
  waited: np.ndarray  # [M] int, evaluations since then
  stopped: np.ndarray  # [M] int, the step at which it stopped; -1: it has not

  def after(self, live: np.ndarray, score: np.ndarray, at: int, patience: int) -> "Waiting":
    """What it is after an evaluation.

    Args:
      live: [m] the members that were evaluated; those that have stopped stay as they are.
      score: [m] lower is better; one that is no number is no better.
      at: the step.
      patience: evaluations without a better one; 0: no member stops early.
    """
    found = Waiting(*(np.array(part) for part in self))
    going = found.stopped[live] < 0
    better = going & (score < found.least[live])
    found.least[live[better]] = score[better]
    found.waited[live[going]] += 1
    found.waited[live[better]] = 0
    if patience:
      found.stopped[live[going & (found.waited[live] >= patience)]] = at
    return found

  def over(self, live: np.ndarray, died: np.ndarray) -> bool:
    """Whether none of some members [m] is to be trained on; `died` [M] is -1 for the living."""
    return bool(((died[live] >= 0) | (self.stopped[live] >= 0)).all())

  def saved(self) -> dict[str, list]:
    """It as JSON, bit for bit; a score that is not finite is null."""
    least = [float(v) if np.isfinite(v) else None for v in self.least]
    return {
      "least": least,
      "waited": self.waited.tolist(),
      "stopped": self.stopped.tolist(),
    }


def start(members: int) -> Waiting:
  """Before the first evaluation."""
  zero = np.zeros(members, np.int64)
  return Waiting(np.full(members, np.inf), zero, zero - 1)


def restored(found: dict[str, list]) -> Waiting:
  """What `saved` gave."""
  least = [np.inf if v is None else v for v in found["least"]]
  counts = (np.array(found[name], np.int64) for name in ("waited", "stopped"))
  return Waiting(np.array(least, np.float64), *counts)


def comparable(objective: ModuleType) -> bool:
  """Whether the validation losses of two steps measure the same.

  A batch-level loss is of a batch and not of a split, and one with a multiplier that moves
  (COMPARABLE = False) is another at each step.
  """
  return getattr(objective, "COMPARABLE", not hasattr(objective, "batch_loss"))


def sentence(at: int, patience: int, numbers: list[int], left: int) -> str:
  """Of members that have just stopped, by their numbers in the sweep."""
  return (
    f"Step {at}: no better validation in {patience} evaluations; stopped early: member(s)"
    f" {', '.join(map(str, numbers))}. {left} go on."
  )
