"""Classic recommenders: popularity, ItemKNN, PureSVD, EASE and RP3beta.

Each is fitted on `Train` and gives a function from the rows of any users, sparse [n, I], to
scores [n, I]. So all of them also score users that are not in train. GRID has the values that
they are tuned over.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse

from vae_jax.metrics import ranking

Sparse = scipy.sparse.csr_array
Scorer = Callable[[Sparse], np.ndarray]
ROWS = 500  # users scored at once: memory, not the result


class Tuned(NamedTuple):
  """A recommender with the numbers that were best on validation users."""

  scorer: Scorer
  numbers: dict[str, Any]
  score: float  # their mean NDCG


class Train:
  """The users x [N, I] of train, and what several recommenders need of them, made once."""

  def __init__(self, x: Sparse):
    self.x = x
    self.size = np.asarray(x.sum(0)).ravel()  # users of each item, [I]

  @functools.cached_property
  def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
    """The squared singular values [R] of x, the largest first, and its right vectors [R, I]."""
    users, items = self.x.shape
    smaller = self.x @ self.x.T if users < items else self.x.T @ self.x
    square, vectors = scipy.linalg.eigh(smaller.toarray().astype(np.float64))
    kept = np.flatnonzero(square > 1e-8 * square[-1])[::-1]
    square, vectors = square[kept], vectors[:, kept].T
    if users < items:
      vectors = (vectors @ self.x) / np.sqrt(square)[:, None]
    return square, vectors

  @functools.cached_property
  def together(self) -> Sparse:
    """How many users have both of two different items, [I, I]."""
    both = (self.x.T @ self.x).tocsr()
    both.setdiag(0)
    both.eliminate_zeros()
    return both


def popularity(train: Train) -> Scorer:
  """Every user the same: how many users have the item."""
  return lambda rows: np.broadcast_to(train.size, rows.shape)


def item_knn(train: Train, neighbours: int, shrink: float) -> Scorer:
  """The cosine of items with the user's own, of the nearest `neighbours` of each item.

    s_ij = |U_i and U_j| / (sqrt(|U_i| |U_j|) + shrink)

  Sarwar et al. (2001); the shrinkage is that of Bell & Koren (2007).
  """
  cosine, size = train.together.copy(), np.sqrt(train.size)
  row, column = cosine.nonzero()
  cosine.data = cosine.data / (size[row] * size[column] + shrink).astype(np.float32)
  weights = _nearest(cosine, neighbours)
  return lambda rows: (rows @ weights.T).toarray()


def pure_svd(train: Train, factors: int) -> Scorer:
  """Scores x V V' with the first right singular vectors V of the users of train.

  Cremonesi et al. (2010), eq. 11.
  """
  right = train.spectrum[1][:factors]
  return lambda rows: (rows @ right.T) @ right


def ease(train: Train, ridge: float) -> Scorer:
  """Scores x B, with B of a diagonal of 0 that minimises |x - x B|^2 + ridge |B|^2.

    P = (x'x + ridge I)^-1,   B_ij = -P_ij / P_jj,   B_jj = 0

  Steck (2019), eq. 8. With the singular values s and vectors V of x, ridge P is
  I - V diag(s^2 / (s^2 + ridge)) V', so that one decomposition serves every ridge.
  """
  square, right = train.spectrum
  kept = square / (square + ridge)
  diagonal = 1 - kept @ np.square(right)  # of ridge P, [I]

  def score(rows: Sparse) -> np.ndarray:
    explained = ((rows @ right.T) * kept) @ right  # x - ridge x P
    dense = rows.toarray()
    return (explained - dense) / diagonal + dense  # the last term takes the diagonal out

  return score


def rp3beta(train: Train, neighbours: int, alpha: float, beta: float) -> Scorer:
  """A walk from the user's items to users and to their items, less for popular ones.

    w_ij = sum_u P_iu^alpha P_uj^alpha / |U_j|^beta,  P the steps item to user to item

  Paudel et al. (2017), eq. 4, with the nearest `neighbours` of each item as in Ferrari Dacrema
  et al. (2019).
  """
  to_item, to_user = _rows_to_one(train.x), _rows_to_one(train.x.T.tocsr())
  to_item.data, to_user.data = to_item.data**alpha, to_user.data**alpha
  walk = (to_user @ to_item).tocsr()
  walk.setdiag(0)
  walk.eliminate_zeros()
  size = np.maximum(train.size, 1)
  walk.data = walk.data / size[walk.nonzero()[1]] ** np.float32(beta)
  weights = _nearest(walk, neighbours)
  return lambda rows: (rows @ weights).toarray()


GRID: dict[str, tuple[Callable[..., Scorer], dict[str, tuple]]] = {
  "popularity": (popularity, {}),
  "ItemKNN": (
    item_knn,
    {"neighbours": (50, 100, 200, 500), "shrink": (0.0, 10.0, 30.0)},
  ),
  "PureSVD": (pure_svd, {"factors": (5, 10, 20, 30, 50, 70, 100, 150, 200)}),
  "EASE": (ease, {"ridge": (10.0, 30.0, 60.0, 100.0, 200.0, 400.0, 1000.0)}),
  "RP3β": (
    rp3beta,
    {"neighbours": (100, 500), "alpha": (0.4, 0.7, 1.0), "beta": (0.3, 0.6)},
  ),
}


def lists(scorer: Scorer, seen: Sparse, count: int) -> np.ndarray:
  """The best items of each user that the user does not have yet, int32 [n, count]."""
  starts = range(0, seen.shape[0], ROWS)
  parts = [seen[start : start + ROWS] for start in starts]
  return np.concatenate([ranking.top(scorer(part), part, count) for part in parts])


def tuned(name: str, train: Train, seen: Sparse, targets: Sparse, count: int) -> Tuned:
  """A recommender of GRID with the numbers whose NDCG@count on validation users is best.

  Args:
    name: in GRID.
    train: the users it is fitted on.
    seen: [n, I] what validation users show.
    targets: [n, I] what they hide.
    count: the length of the lists.
  """
  fit, grid = GRID[name]
  relevant, best = np.diff(targets.indptr), None
  for values in itertools.product(*grid.values()):
    numbers = dict(zip(grid, values, strict=True))
    scorer = fit(train, **numbers)
    hit = ranking.hits(lists(scorer, seen, count), targets)
    score = float(ranking.ndcg(hit, relevant, count).mean())
    if best is None or score > best.score:
      best = Tuned(scorer, numbers, score)
  return best


def _nearest(weights: Sparse, count: int) -> Sparse:
  """The largest `count` weights of each row; the others are 0."""
  row = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
  order = np.lexsort((weights.indices, -weights.data, row))
  rank = np.arange(len(row)) - weights.indptr[row]
  kept = order[rank < count]
  pairs = (row[kept], weights.indices[kept])
  return scipy.sparse.csr_array((weights.data[kept], pairs), weights.shape)


def _rows_to_one(x: Sparse) -> Sparse:
  total = np.asarray(x.sum(1)).ravel()
  found = x.astype(np.float32).copy()
  found.data = found.data / np.repeat(total, np.diff(x.indptr))
  return found
