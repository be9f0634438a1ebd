"""Style from some examples and content from a label, without a network."""

from typing import NamedTuple

import numpy as np

from vae_jax.metrics import neighbours


class Shown(NamedTuple):
  """What each answer may look at: K examples of one style, and the content that is asked for."""

  x: np.ndarray  # [N, K, D]
  label: np.ndarray  # [N, K]
  target: np.ndarray  # [N]


class Bilinear(NamedTuple):
  """x_sc = mean_c + sum_j a_sj B_jc: a style s is its numbers a_s, a content c its pictures B_c."""

  mean: np.ndarray  # [C, D]
  basis: np.ndarray  # [J, C, D], orthonormal over C and D together, the largest first


def class_means(x: np.ndarray, label: np.ndarray, classes: int) -> np.ndarray:
  """The mean of x [N, D] of each class, [C, D]; of all of x where a class has none."""
  means = np.broadcast_to(x.mean(0, dtype=np.float64), (classes, x.shape[1])).copy()
  for c in np.unique(label):
    means[c] = x[label == c].mean(0, dtype=np.float64)
  return means


def moved(means: np.ndarray, shown: Shown) -> np.ndarray:
  """mean_target + mean_k (x_k - mean_label_k), within [0, 1]: what makes them special, moved."""
  special = (shown.x - means[shown.label]).mean(1)
  return np.clip(means[shown.target] + special, 0, 1)


def averaged(means: np.ndarray, shown: Shown) -> np.ndarray:
  """The pixel average of what is shown and of the class that is asked for."""
  return 0.5 * shown.x.mean(1) + 0.5 * means[shown.target]


def nearest_item(x: np.ndarray, label: np.ndarray, shown: Shown) -> np.ndarray:
  """The training example of the class that is asked for which is nearest to what is shown."""
  found = np.zeros((len(shown.target), x.shape[1]))
  middle = shown.x.mean(1)
  for c in np.unique(shown.target):
    rows, items = np.flatnonzero(shown.target == c), x[label == c]
    found[rows] = items[neighbours.nearest(middle[rows], items).index]
  return found


def nearest_style(bank: np.ndarray, seen: np.ndarray, shown: Shown) -> np.ndarray:
  """The character that is asked for, of the known style whose own examples are nearest.

  Args:
    bank: [S, C, D] examples of known styles.
    seen: [S, C] whether there is one.
    shown: of which a style is known by those labels that both have.
  """
  found = np.zeros((len(shown.target), bank.shape[2]))
  for i, (x, label, target) in enumerate(zip(*shown, strict=True)):
    there = seen[:, label]  # [S, K]
    gap = np.square(bank[:, label] - x[None]).sum(-1) * there
    far = np.where(
      there.any(1) & seen[:, target], gap.sum(1) / there.sum(1).clip(1), np.inf
    )
    found[i] = bank[far.argmin(), target]
  return found


def fit_bilinear(
  bank: np.ndarray, seen: np.ndarray, means: np.ndarray, rounds: int = 10
) -> Bilinear:
  """The principal components of whole styles, what is missing filled in from them.

  The model of Tenenbaum & Freeman (2000), eq. 6, by singular values; a missing example is its
  class mean at first, and what the components say of it in each further round.

  Args:
    bank: [S, C, D] examples of styles; not read where `seen` is False.
    seen: [S, C].
    means: [C, D].
    rounds: of filling in.
  """
  gap = np.where(seen[..., None], bank - means[None], 0.0).reshape(len(bank), -1)
  missing = np.repeat(~seen, bank.shape[2], axis=1)
  for _ in range(rounds if missing.any() else 1):
    left, size, right = np.linalg.svd(gap, full_matrices=False)
    kept = max(1, len(size) // 2)
    gap = np.where(missing, (left[:, :kept] * size[:kept]) @ right[:kept], gap)
  return Bilinear(means, right.reshape(-1, *bank.shape[1:]))


def bilinear(model: Bilinear, shown: Shown, numbers: int, ridge: float) -> np.ndarray:
  """Examples [N, D] in the style that explains what is shown best, by ridge regression.

    a = argmin sum_k |x_k - mean_k - a B_k|^2 + ridge |a|^2

  Args:
    model: of the training styles.
    shown: what a is fitted to.
    numbers: J, of the first ones.
    ridge: in squared grey levels.
  """
  basis = model.basis[:numbers]
  found = np.zeros((len(shown.target), basis.shape[2]))
  for i, (x, label, target) in enumerate(zip(*shown, strict=True)):
    part = basis[:, label].reshape(len(basis), -1)
    gap = (x - model.mean[label]).ravel()
    a = np.linalg.solve(part @ part.T + ridge * np.eye(len(basis)), part @ gap)
    found[i] = model.mean[target] + a @ basis[:, target]
  return np.clip(found, 0, 1)
