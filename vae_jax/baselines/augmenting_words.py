"""More sentences from few without a model, and a classifier of the words in them.

A sentence is a row of symbols [T]: words, 1 at the end, 0 as padding. Pools are those of
`baselines.augmenting`, so that every arm has as many rows and the classes in equal shares.
"""

from collections.abc import Callable

import numpy as np

from vae_jax.baselines import augmenting, few_labels
from vae_jax.baselines.augmenting import Fold, Pool
from vae_jax.metrics import text

SHARE = 0.1  # of the words of a sentence, dropped or swapped; Wei & Zou (2019), their alpha
UNKNOWN = 2  # the symbol of all rare words, which speaks for nothing
GRAMS = (1, 2)  # words alone, or pairs of neighbours too
C = (1.0, 3.0, 10.0, 30.0)  # of the regression: rows weigh as many as the fold has


def classical(fold: Fold, size: int, rng: np.random.Generator) -> Pool:
  """Half of the rows sentences that lost words or had words swapped."""
  x, target = augmenting.balanced(fold, size, rng)
  return moved(x, rng), target


METHODS: dict[str, Callable[[Fold, int, np.random.Generator], Pool]] = {
  "nothing": augmenting.nothing,
  "class weights": augmenting.balanced,
  "classical": classical,
}


def moved(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Every other one, by chance, of sentences [N, T] as `changed` has them."""
  found = x.copy()
  some = np.flatnonzero(rng.random(len(x)) < 0.5)
  found[some] = changed(x[some], rng)
  return found


def changed(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Sentences with words dropped or swapped.

  Random deletion and random swap of Wei & Zou (2019), section 2, one of the two by chance, each of
  a share SHARE of the words and of one at least. Their replacements by synonyms take a thesaurus.

  Args:
    x: rows of symbols [N, T]; one with less than two words stays.
    rng: how.
  """
  found = x.copy()
  for row in found:
    words = np.array(text.words(row.astype(int)))
    if len(words) < 2:
      continue
    count = max(1, round(SHARE * len(words)))
    if rng.random() < 0.5:
      words = np.delete(words, rng.choice(len(words), count, replace=False))
    else:
      for _ in range(count):
        a, b = rng.choice(len(words), 2, replace=False)
        words[[a, b]] = words[[b, a]]
    row[:] = 0
    row[: len(words)] = words
    row[len(words) : len(words) + 1] = 1  # a made one may fill its row without an end
  return found


def fit(fold: Fold, pool: Pool) -> Callable[[np.ndarray], np.ndarray]:
  """`log q(class|x) [N, C]` of TF-IDF weights of words and a logistic regression.

  C and whether pairs of words are read are those of the least log loss in cross-validation within
  the fold: real sentences are held out, and with them every row of the pool that was made near
  one of them. A row that a pool has several times counts as often, and is read once.
  """
  every = np.column_stack([_origin(fold, pool[0]), pool[1].argmax(1), pool[0].astype(int)])
  every, copies = np.unique(every, axis=0, return_counts=True)
  origin, label, words = every[:, 0], every[:, 1], _words(every[:, 2:])
  weight = copies * len(fold.label) / copies.sum()
  real, parts = _words(fold.x), few_labels.folds(fold.label)
  losses = np.zeros((len(GRAMS), len(C)))
  for part, held_out in parts:
    rows = np.flatnonzero(np.isin(origin, part))
    known = [words[i] for i in rows], label[rows], weight[rows]
    for i, grams in enumerate(GRAMS):
      scores = _fitted(grams, C, *known)([real[row] for row in held_out])
      right = scores[:, np.arange(len(held_out)), fold.label[held_out]]
      losses[i] -= right.sum(1)
  i, j = np.unravel_index(losses.argmin(), losses.shape)
  best = _fitted(GRAMS[i], (C[j],), words, label, weight)
  return lambda x: best(_words(x))[0]


def _origin(fold: Fold, x: np.ndarray) -> np.ndarray:
  """The sentence of the fold that each row of a pool is, or was made near.

  Row i of both halves is made near the sentence `cycle(fold, size / 2)[i]`.
  """
  found = np.tile(augmenting.cycle(fold, len(x) // 2), 2)
  known = {row.tobytes(): place for place, row in enumerate(fold.x.astype(int))}
  own = (known.get(row.tobytes(), -1) for row in x.astype(int))
  return np.array([at if same < 0 else same for at, same in zip(found, own, strict=True)])


def _words(x: np.ndarray) -> list[str]:
  """The known words of each row of symbols, by their numbers."""
  return [" ".join(str(w) for w in text.words(row) if w > UNKNOWN) for row in x.astype(int)]


def _fitted(
  grams: int,
  numbers: tuple[float, ...],
  words: list[str],
  label: np.ndarray,
  weight: np.ndarray,
) -> Callable[[list[str]], np.ndarray]:
  """Scores [C's, N, classes] of sentences, by a regression with each of several C."""
  from sklearn.feature_extraction.text import TfidfVectorizer
  from sklearn.linear_model import LogisticRegression

  features = TfidfVectorizer(
    ngram_range=(1, grams), sublinear_tf=True, token_pattern=r"\S+"
  )
  x = features.fit_transform(words)
  ways = [LogisticRegression(C=c, max_iter=1000).fit(x, label, weight) for c in numbers]

  def scores(rows: list[str]) -> np.ndarray:
    seen = features.transform(rows)
    return np.stack([one.predict_log_proba(seen) for one in ways])

  return scores
