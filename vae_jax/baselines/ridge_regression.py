"""Ridge regression from one image to another, its strength chosen on validation."""

from typing import NamedTuple

import numpy as np

STRENGTHS = (1e-1, 1.0, 10.0, 100.0, 1000.0)  # of the penalty, for sums over examples


class Ridge(NamedTuple):
  """x = mean_x + (y - mean_y) W."""

  mean_y: np.ndarray  # [E]
  mean_x: np.ndarray  # [D]
  weights: np.ndarray  # [E, D]
  strength: float
  shape: tuple[int, ...]  # of one x


def fit(y: np.ndarray, x: np.ndarray, valid_y: np.ndarray, valid_x: np.ndarray) -> Ridge:
  """The linear map from damaged y to clean x of least squared error on validation.

    W = (Y'Y + strength I)^-1 Y'X on centred training images

  With y = x + noise it is the Wiener filter of the training set's own covariance.

  Args:
    y: damaged [N, ...].
    x: clean [N, *shape].
    valid_y: damaged validation images, on which the strength is chosen.
    valid_x: clean ones.

  Hoerl & Kennard (1970), eq. 2.1.
  """
  flat_y, flat_x = _flat(y), _flat(x)
  mean_y, mean_x = flat_y.mean(0), flat_x.mean(0)
  centred = flat_y - mean_y
  # One eigendecomposition serves every strength.
  values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
  projected = axes.T @ (centred.T @ (flat_x - mean_x)).astype(np.float64)

  def solved(strength: float) -> Ridge:
    weights = axes @ (projected / (np.maximum(values, 0) + strength)[:, None])
    return Ridge(mean_y, mean_x, weights.astype(np.float32), strength, x.shape[1:])

  candidates = [solved(strength) for strength in STRENGTHS]
  error = lambda c: float(np.mean(np.square(apply(c, valid_y) - valid_x)))
  return min(candidates, key=error)


def apply(ridge: Ridge, y: np.ndarray) -> np.ndarray:
  """Damaged [N, ...] -> [N, *shape], clipped to [0, 1]."""
  x = ridge.mean_x + (_flat(y) - ridge.mean_y) @ ridge.weights
  return np.clip(x, 0, 1).reshape(len(y), *ridge.shape).astype(np.float32)


def _flat(x: np.ndarray) -> np.ndarray:
  return np.asarray(x, np.float32).reshape(len(x), -1)
