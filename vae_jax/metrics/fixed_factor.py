"""Disentanglement scores that fix one factor and ask which one it was.

Batches are drawn from a table of codes [N, L] and factors [N, F], with replacement, among the
rows in which the fixed factor has one value. So no generator of examples is needed. The rarest
value should have as many rows as a batch.
"""

from typing import NamedTuple

import numpy as np

from vae_jax.metrics._factor_codes import checked, classes

BATCH = 64  # examples, or pairs of them, behind one vote
VOTES = 10_000  # to learn from
TEST_VOTES = 5_000
STD = 0.05  # of a latent over all rows, below which it cannot vote
BLOCK = 1000  # votes at once: memory, not the result


class _Group(NamedTuple):
  """The rows of each value of one factor."""

  value: np.ndarray  # [N] of each row
  rows: np.ndarray  # [N], sorted by value
  start: np.ndarray  # [V] in rows
  count: np.ndarray  # [V]

  def draw(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A row for each value, of its rows alike."""
    place = (rng.random(values.shape) * self.count[values]).astype(int)
    return self.rows[self.start[values] + place]


def factor_vae_score(
  codes: np.ndarray,
  factors: np.ndarray,
  rng: np.random.Generator,
  batch: int = BATCH,
  votes: int = VOTES,
  test_votes: int = TEST_VOTES,
) -> float:
  """Accuracy with which the latent that moves least names the factor that was fixed.

  For a vote a factor and a value of it are drawn, then `batch` rows with that value. The latent
  of least variance in the batch over its variance in all rows votes for the factor. Each
  latent's answer is the majority of `votes`; the score is the share of right answers among
  `test_votes`. Latents with a standard deviation below 0.05 do not vote; 0 where none does.

  Kim & Mnih (2018), section 4, with the numbers of Locatello et al. (2019).

  Args:
    codes: [N, L].
    factors: integers [N, F].
    rng: of the batches.
    batch: examples behind a vote.
    votes: that the majority is taken of.
    test_votes: that are scored.

  Raises:
    UserError: shapes that do not fit, or a factor that takes one value only.
  """
  codes, factors = checked(codes, factors)
  spread = codes.std(0)
  alive = spread >= STD
  if not alive.any():
    return 0.0
  scaled, groups = codes[:, alive] / spread[alive], _groups(factors)

  def cast(count: int) -> np.ndarray:
    table = np.zeros((scaled.shape[1], len(groups)), int)
    for asked in _blocks(rng.integers(len(groups), size=count)):
      for f, group in enumerate(groups):
        value = rng.integers(len(group.count), size=int((asked == f).sum()))
        rows = group.draw(np.repeat(value[:, None], batch, 1), rng)
        still = scaled[rows].var(1).argmin(1)
        table[:, f] += np.bincount(still, minlength=len(table))
    return table

  answer, test = cast(votes).argmax(1), cast(test_votes)
  return float(test[np.arange(len(test)), answer].sum() / test.sum())


def beta_vae_score(
  codes: np.ndarray,
  factors: np.ndarray,
  rng: np.random.Generator,
  batch: int = BATCH,
  votes: int = VOTES,
  test_votes: int = TEST_VOTES,
) -> float:
  """Accuracy with which a linear classifier names the factor that pairs of examples share.

  A vote: a factor is drawn, then `batch` pairs of rows that share their value of it; its
  feature is the mean over the pairs of |code - code'|, [L]. A logistic regression learns the
  factor from `votes` of them and is scored on `test_votes`.

  Higgins et al. (2017), section 3, with the numbers of Locatello et al. (2019) and, as there,
  scikit-learn's regression at its defaults on features as they are: a latent that hardly moves
  hardly counts.

  Args:
    codes: [N, L].
    factors: integers [N, F].
    rng: of the pairs.
    batch: pairs behind a vote.
    votes: that the classifier learns from.
    test_votes: that are scored.

  Raises:
    UserError: shapes that do not fit, or a factor that takes one value only.
  """
  from sklearn.linear_model import LogisticRegression

  codes, factors = checked(codes, factors)
  groups = _groups(factors)

  def cast(count: int) -> tuple[np.ndarray, np.ndarray]:
    features, answers = [], []
    for asked in _blocks(rng.integers(len(groups), size=count)):
      for f, group in enumerate(groups):
        first = rng.integers(len(codes), size=(int((asked == f).sum()), batch))
        second = group.draw(group.value[first], rng)
        features.append(np.abs(codes[first] - codes[second]).mean(1))
        answers.append(np.full(len(first), f))
    return np.concatenate(features), np.concatenate(answers)

  (x, f), (test_x, test_f) = cast(votes), cast(test_votes)
  centre = x.mean(0)  # the intercept's work, which the optimiser is spared
  model = LogisticRegression(max_iter=1000).fit(x - centre, f)
  return float(model.score(test_x - centre, test_f))


def _groups(factors: np.ndarray) -> list[_Group]:
  found = []
  for value in classes(factors):
    count = np.bincount(value)
    start = np.cumsum(count) - count
    found.append(_Group(value, np.argsort(value, kind="stable"), start, count))
  return found


def _blocks(asked: np.ndarray) -> list[np.ndarray]:
  return [asked[i : i + BLOCK] for i in range(0, len(asked), BLOCK)]
