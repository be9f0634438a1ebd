"""Ranking metrics on hand-made lists, and the classic recommenders on data they solve exactly."""

import numpy as np
import pytest
import scipy.sparse

from vae_jax.baselines import recommenders
from vae_jax.metrics import ranking


def sparse(rows):
  return scipy.sparse.csr_array(np.asarray(rows, np.float32))


def drawn(users=40, items=12, share=0.35):
  return sparse(np.random.default_rng(0).random((users, items)) < share)


def test_metrics_of_hand_made_lists():
  targets = sparse([[1, 0, 1, 0, 0], [0, 1, 0, 0, 0]])
  hit = ranking.hits(np.array([[2, 4, 0], [0, 2, 1]]), targets)
  assert hit.tolist() == [[1, 0, 1], [0, 0, 1]]
  count = np.array([2, 1])
  second = 1 / np.log2(3)
  np.testing.assert_allclose(ranking.ndcg(hit, count, 3), [1.5 / (1 + second), 0.5])
  # The ideal list is cut off too: one of two relevant items at place 1 is perfect at k = 1.
  np.testing.assert_allclose(ranking.ndcg(hit, count, 1), [1, 0])
  np.testing.assert_allclose(ranking.recall(hit, count, 1), [1, 0])
  np.testing.assert_allclose(ranking.recall(hit, count, 2), [0.5, 0])
  np.testing.assert_allclose(ranking.recall(hit, count, 3), [1, 1])
  # Shorter lists than k: nothing follows.
  np.testing.assert_allclose(ranking.ndcg(hit, count, 100), [1.5 / (1 + second), 0.5])


def test_popularity_novelty_and_coverage():
  share = np.array([1.0, 0.5, 0.25, 0.125])
  lists = np.array([[0, 1], [2, 3]])
  np.testing.assert_allclose(ranking.popularity(lists, share), [0.75, 0.1875])
  np.testing.assert_allclose(ranking.novelty(lists, share), [0.5, 2.5])
  seen = sparse([[0, 0, 1, 1], [0, 1, 0, 0]])
  np.testing.assert_allclose(ranking.lift(lists, share, seen), [3, 0.1875 / 0.5 - 1])
  assert np.isnan(ranking.lift(lists, share, sparse(np.zeros((2, 4))))).all()
  assert ranking.coverage(lists, 4) == 1
  assert ranking.coverage(lists[:1], 4) == 0.5


def test_the_best_items_that_are_not_seen_in_order():
  scores = np.array([[1.0, 5.0, 3.0, 3.0, 2.0]])
  assert ranking.top(scores, sparse([[0, 1, 0, 0, 0]]), 3).tolist() == [[2, 3, 4]]
  assert ranking.top(scores, sparse([[0, 0, 0, 0, 0]]), 9).tolist() == [[1, 2, 3, 4, 0]]
  assert scores[0, 1] == 5


@pytest.mark.filterwarnings("ignore:.*unsafe cast")  # numba's, inside of ranx
def test_metrics_agree_with_ranx():
  ranx = pytest.importorskip("ranx")
  draw = np.random.default_rng(1)
  targets = drawn(20, 30, 0.1)
  targets = targets[np.diff(targets.indptr) > 0]
  lists = np.stack([draw.permutation(30)[:10] for _ in range(targets.shape[0])])
  hit, count = ranking.hits(lists, targets), np.diff(targets.indptr)
  relevant = {
    f"u{u}": {f"i{i}": 1 for i in targets[[u]].indices} for u in range(len(lists))
  }
  run = {
    f"u{u}": {f"i{i}": float(10 - r) for r, i in enumerate(items)}
    for u, items in enumerate(lists)
  }
  names = ["ndcg@10", "recall@10"]
  theirs = ranx.evaluate(ranx.Qrels(relevant), ranx.Run(run), names, make_comparable=True)
  assert ranking.ndcg(hit, count, 10).mean() == pytest.approx(theirs["ndcg@10"])
  few = count <= 10  # there the two recalls are the same
  assert few.all()
  assert ranking.recall(hit, count, 10).mean() == pytest.approx(theirs["recall@10"])


@pytest.mark.parametrize("users", [40, 8])
def test_ease_has_a_diagonal_of_0_and_is_the_formula(users):
  x = drawn(users)
  gram = (x.T @ x).toarray() + 3.0 * np.eye(12)
  inverse = np.linalg.inv(gram)
  want = -inverse / np.diag(inverse)[None]
  want[np.diag_indices(12)] = 0
  weights = recommenders.ease(recommenders.Train(x), 3.0)(sparse(np.eye(12)))
  np.testing.assert_allclose(np.diag(weights), 0, atol=1e-6)
  np.testing.assert_allclose(weights, want, atol=1e-5)


@pytest.mark.parametrize("users", [40, 8])
def test_pure_svd_solves_a_low_rank_set_exactly(users):
  # Users of two kinds: each has all items of its kind, so that x has rank 2.
  kinds = np.repeat(np.eye(2), [7, 5], axis=1)
  x = sparse(kinds[np.arange(users) % 2])
  score = recommenders.pure_svd(recommenders.Train(x), 2)
  np.testing.assert_allclose(score(x), x.toarray(), atol=1e-5)
  shown = np.zeros((1, 12))
  shown[0, 8] = 1
  lists = recommenders.lists(score, sparse(shown), 4)
  assert sorted(lists[0]) == [7, 9, 10, 11]


def test_item_knn_is_the_shrunk_cosine_of_the_nearest():
  x = drawn()
  dense = x.toarray()
  size = np.sqrt(dense.sum(0))
  want = dense.T @ dense / (np.outer(size, size) + 2.0)
  np.fill_diagonal(want, 0)
  score = recommenders.item_knn(recommenders.Train(x), 12, 2.0)
  np.testing.assert_allclose(score(x), dense @ want.T, rtol=1e-5)
  nearest = recommenders.item_knn(recommenders.Train(x), 1, 2.0)(sparse(np.eye(12)))
  assert ((nearest > 0).sum(0) == 1).all()  # each item scores by its one neighbour
  np.testing.assert_allclose(nearest.max(0), want.max(1), rtol=1e-5)


def test_rp3beta_is_the_walk_by_hand():
  x = drawn()
  x = x[np.diff(x.indptr) > 0]
  dense = x.toarray()
  to_item, to_user = dense / dense.sum(1)[:, None], (dense / dense.sum(0)).T
  want = (to_user**0.7) @ (to_item**0.7)
  np.fill_diagonal(want, 0)
  want = want / dense.sum(0)[None] ** 0.4
  score = recommenders.rp3beta(recommenders.Train(x), 12, 0.7, 0.4)
  np.testing.assert_allclose(score(x), dense @ want, rtol=1e-4)


def test_popularity_counts_users():
  x = drawn()
  lists = recommenders.lists(recommenders.popularity(recommenders.Train(x)), x[:1], 3)
  left = np.where(x[[0]].toarray()[0] > 0, -1, x.sum(0))
  assert lists[0].tolist() == np.argsort(-left, kind="stable")[:3].tolist()


def test_numbers_are_chosen_where_validation_is_best():
  kinds = np.repeat(np.eye(2), [6, 6], axis=1)
  x = sparse(kinds[np.arange(30) % 2])
  shown, hidden = x.toarray()[:6], x.toarray()[:6]
  shown[:, ::2], hidden[:, 1::2] = 0, 0
  best = recommenders.tuned(
    "PureSVD", recommenders.Train(x), sparse(shown), sparse(hidden), 5
  )
  assert best.score == pytest.approx(1)
