"""Successive halving: which members of a sweep are trained on, by their validation ELBO.

Jamieson & Talwalkar (2016), algorithm 1: all members are trained to a first cut, the better
1 / factor of them to a second one `factor` times as far, and so on. It saves time and is no
comparison: the members it stops were compared at an early step, on one evaluation each. A β that
learns late is stopped too early.
"""

import math

import numpy as np


def cuts(first: int, factor: float, total: int) -> list[int]:
  """The steps of the cuts: first * factor^k, below `total`; none where `first` is 0."""
  steps = []
  at = float(first)
  while 0 < at < total:
    steps.append(round(at))
    at *= factor
  return [s for s in dict.fromkeys(steps) if s < total]


def stopped(elbo: np.ndarray, factor: float) -> np.ndarray:
  """Which of the members are stopped at a cut, [M] bool.

  The ceil(M / factor) members of the highest ELBO go on; ties and members without a finite
  ELBO are decided for the lower number and against the latter.

  Args:
    elbo: [M] nats, of the members still in training, each at this step.
    factor: above 1.
  """
  keep = math.ceil(len(elbo) / factor)
  score = np.where(np.isfinite(elbo), elbo, -np.inf)
  order = np.argsort(-score, kind="stable")
  result = np.ones(len(elbo), bool)
  result[order[:keep]] = False
  return result
