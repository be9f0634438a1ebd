"""How generated molecules are scored: what is new among them, how varied, how like others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from vae_jax.metrics import chemistry, frechet

COMPONENTS = 32  # of the fingerprints, in the features of the Fréchet distance


def numbered(canonical: Sequence[str], known: frozenset[str]) -> np.ndarray:
  """Molecules as numbers, [N, 2]: which one it is, -1 of an invalid one, and 1 where known.

  Args:
    canonical: canonical SMILES, empty where invalid.
    known: those of the training set.
  """
  place: dict[str, int] = {}
  rows = [
    (place.setdefault(one, len(place)) if one else -1, float(one in known))
    for one in canonical
  ]
  return np.asarray(rows, float).reshape(-1, 2)


def unique(rows: np.ndarray) -> float:
  """Distinct valid molecules / valid ones, of rows of `numbered`; NaN without a valid one."""
  valid = rows[rows[:, 0] >= 0, 0]
  return len(np.unique(valid)) / len(valid) if len(valid) else float("nan")


def novel(rows: np.ndarray) -> float:
  """Distinct valid molecules that are not known / distinct valid ones; NaN without one."""
  distinct = np.unique(rows[rows[:, 0] >= 0], axis=0)
  return float(1 - distinct[:, 1].mean()) if len(distinct) else float("nan")


def tanimoto(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """|a and b| / |a or b| of fingerprints [N, F] and [P, F]: [N, P]; 0 of two empty ones."""
  a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
  both = a @ b.T
  either = a.sum(1)[:, None] + b.sum(1) - both
  return both / np.maximum(either, 1)


def diversity(prints: np.ndarray) -> float:
  """1 - the mean similarity of all pairs, itself with itself too: IntDiv of MOSES.

  Polykovskiy et al. (2020), eq. 4 with p = 1.
  """
  return float(1 - tanimoto(prints, prints).mean())


def nearest(prints: np.ndarray, others: np.ndarray) -> float:
  """The mean similarity to the nearest of others: SNN of MOSES."""
  return float(tanimoto(prints, others).max(1).mean())


class Space(NamedTuple):
  """Features of a reference set, in which two sets are compared."""

  mean: np.ndarray  # [4] of the descriptors
  std: np.ndarray  # [4]
  centre: np.ndarray  # [BITS] of the fingerprints
  axes: np.ndarray  # [BITS, COMPONENTS]


def space(smiles: Sequence[str]) -> Space:
  """Fits `Space` to valid SMILES [N]."""
  numbers, prints = chemistry.descriptors(smiles), chemistry.fingerprints(smiles)
  centre = prints.mean(0)
  axes = np.linalg.svd(prints - centre, full_matrices=False)[2][:COMPONENTS].T
  return Space(numbers.mean(0), np.maximum(numbers.std(0), 1e-6), centre, axes)


def features(fitted: Space, numbers: np.ndarray, prints: np.ndarray) -> np.ndarray:
  """Standardised descriptors beside components of the fingerprints, [N, 4 + COMPONENTS]."""
  return np.c_[(numbers - fitted.mean) / fitted.std, (prints - fitted.centre) @ fitted.axes]


def likeness(fitted: Space, smiles: Sequence[str], held: Sequence[str]) -> dict[str, float]:
  """How like held-out molecules a set is; valid SMILES both.

  "diversity" and "nearest" are of their fingerprints. Each descriptor has its Wasserstein-1
  distance in its own unit. "frechet" is the Fréchet distance in `features`. It is not the FCD of
  a network and cannot be compared with one.
  """
  prints, others = chemistry.fingerprints(smiles), chemistry.fingerprints(held)
  numbers, theirs = chemistry.descriptors(smiles), chemistry.descriptors(held)
  found = {"diversity": diversity(prints), "nearest": nearest(prints, others)}
  for i, name in enumerate(chemistry.DESCRIPTORS):
    found[name] = float(stats.wasserstein_distance(numbers[:, i], theirs[:, i]))
  of = features(fitted, numbers, prints), features(fitted, theirs, others)
  return {**found, "frechet": frechet.distance(*of)}
