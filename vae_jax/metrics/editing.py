"""Scores of an edit: whether it worked, what else changed, and whether identity is kept."""

from typing import NamedTuple

import numpy as np

from vae_jax.metrics import manifold


def flip_rate(rows: np.ndarray) -> float:
  """The share of flips among rows (flipped, counted) [n, 2]; NaN where nothing counts."""
  counted = rows[:, 1] > 0
  return float(rows[counted, 0].mean()) if counted.any() else np.nan


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """The cosine of the angle between vectors [..., F] of the same place, [...]."""
  lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
  return np.sum(a * b, -1) / np.maximum(lengths, 1e-12)


def recognised(edited: np.ndarray, own: np.ndarray) -> np.ndarray:
  """1 where an edit [n, F] is nearer, by cosine, to its own row of [n, F] than to all others."""
  norm = lambda x: x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
  return (np.argmax(norm(edited) @ norm(own).T, -1) == np.arange(len(own))).astype(float)


def path_length(features: np.ndarray) -> np.ndarray:
  """How much longer a path [..., S, F] is than the straight line between its ends, [...].

    sum_t |f_{t+1} - f_t| / |f_S - f_1|

  1 is the straight line at any speed; NaN where both ends are the same point.
  """
  steps = np.linalg.norm(np.diff(features, axis=-2), axis=-1).sum(-1)
  across = np.linalg.norm(features[..., -1, :] - features[..., 0, :], axis=-1)
  return np.where(across > 1e-9, steps / np.maximum(across, 1e-9), np.nan)


def jump(features: np.ndarray) -> np.ndarray:
  """The largest step of a path [..., S, F] as a multiple of an even one, [...]; 1 is even."""
  steps = np.linalg.norm(np.diff(features, axis=-2), axis=-1)
  return steps.max(-1) / np.maximum(steps.mean(-1), 1e-9)


class Region(NamedTuple):
  """Balls around real examples that reach to their k-th neighbours."""

  points: np.ndarray  # [N, F]
  reach: np.ndarray  # [N]


def region(real: np.ndarray, k: int = 5) -> Region:
  """Where real examples [N, F] lie; Kynkäänniemi et al. (2019), eq. 1."""
  return Region(np.asarray(real), manifold.radii(real, k))


def inside(where: Region, x: np.ndarray) -> np.ndarray:
  """1 where [..., F] is within some ball, [...]; a NaN is in none."""
  flat = np.asarray(x).reshape(-1, x.shape[-1])
  found = []
  for start in range(0, len(flat), manifold.BLOCK):
    gaps = manifold.distances(flat[start : start + manifold.BLOCK], where.points)
    found.append((gaps <= where.reach).any(1))
  return np.concatenate(found).reshape(x.shape[:-1]).astype(float)
