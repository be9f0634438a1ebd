"""How good an ordered list of items is: NDCG, recall, popularity, novelty, coverage.

Lists are [n, K] int, the best item first, for users whose relevant items are the ones of
`targets`, a sparse matrix [n, I] with a one or more in each row. Every item is ranked: none is
sampled.
"""

import numpy as np
import scipy.sparse

Sparse = scipy.sparse.csr_array


def top(scores: np.ndarray, seen: Sparse, count: int) -> np.ndarray:
  """The `count` best items of each row that the user does not have yet, int32 [n, count].

  Args:
    scores: [n, I]; of equal ones the smaller item comes first. Not changed.
    seen: [n, I], the items that are not recommended.
    count: K; where a user has fewer items left, the list ends with seen ones.
  """
  scores = np.array(scores, np.float64)
  scores[seen.nonzero()] = -np.inf
  count = min(count, scores.shape[1])
  if count < scores.shape[1]:
    found = np.argpartition(-scores, count - 1, axis=1)[:, :count]
  else:
    found = np.broadcast_to(np.arange(count), scores.shape)
  found = np.sort(found, axis=1)
  order = np.argsort(-np.take_along_axis(scores, found, 1), axis=1, kind="stable")
  return np.take_along_axis(found, order, 1).astype(np.int32)


def hits(lists: np.ndarray, targets: Sparse) -> np.ndarray:
  """1 where an item of a list is relevant, float64 [n, K]."""
  users, items = targets.shape
  row, item = targets.nonzero()
  relevant = row.astype(np.int64) * items + item
  listed = np.arange(users, dtype=np.int64)[:, None] * items + lists
  return np.isin(listed, relevant).astype(np.float64)


def ndcg(hit: np.ndarray, count: np.ndarray, k: int) -> np.ndarray:
  """NDCG@k with the ideal list cut off at k too, [n].

    sum_{r <= k} hit_r / log2(r + 1)  /  sum_{r <= min(k, n)} 1 / log2(r + 1)

  Liang et al. (2018), section 4.2. Lists shorter than k count as if nothing followed.

  Args:
    hit: [n, K] of `hits`.
    count: [n], the relevant items of each user, at least one.
    k: cut-off.
  """
  discount = 1 / np.log2(np.arange(2, k + 2))
  gain = hit[:, :k] @ discount[: hit.shape[1]]
  ideal = np.cumsum(discount)[np.minimum(count, k).astype(int) - 1]
  return gain / ideal


def recall(hit: np.ndarray, count: np.ndarray, k: int) -> np.ndarray:
  """Recall@k, hits / min(k, n), so that 1 can be reached, [n]; Liang et al. (2018), eq. 10."""
  return hit[:, :k].sum(1) / np.minimum(count, k)


def popularity(lists: np.ndarray, share: np.ndarray) -> np.ndarray:
  """The mean share [I] of users who have the items of a list, [n]."""
  return share[lists].mean(1)


def lift(lists: np.ndarray, share: np.ndarray, seen: Sparse) -> np.ndarray:
  """How much more popular a list is than what the user has, as a ratio less 1, [n].

  0: as popular as the user's own items; 1: twice as popular. A user without items has NaN.
  After Abdollahpouri et al. (2019), who take it of groups of users.
  """
  with np.errstate(invalid="ignore", divide="ignore"):
    own = (seen @ share) / np.diff(seen.indptr)
    return popularity(lists, share) / own - 1


def novelty(lists: np.ndarray, share: np.ndarray) -> np.ndarray:
  """The mean of -log2 share over a list, in bits, [n]; Zhou et al. (2010), their surprisal."""
  return -np.log2(share)[lists].mean(1)


def coverage(lists: np.ndarray, items: int) -> float:
  """The share of the I items that are in any list."""
  return len(np.unique(lists)) / items
