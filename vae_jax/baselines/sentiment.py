"""The external judge of a sentence's class: TF-IDF of words and pairs, logistic regression."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from vae_jax.types import UserError


class Judge(NamedTuple):
  """A fitted classifier of sentences into two classes or more."""

  features: Any  # sklearn's TfidfVectorizer
  regression: Any  # sklearn's LogisticRegression


def fit(sentences: Sequence[str], labels: np.ndarray) -> Judge:
  """Fits on the training sentences; symbols are what stands between blanks.

  Raises:
    UserError: fewer than two classes.

  Salton & Buckley (1988) for the weights, with their logarithm of the counts.
  """
  from sklearn.feature_extraction.text import TfidfVectorizer
  from sklearn.linear_model import LogisticRegression

  if len(np.unique(labels)) < 2:
    raise UserError("A classifier needs sentences of two classes at least.")
  features = TfidfVectorizer(
    ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+", lowercase=False
  )
  regression = LogisticRegression(C=4.0, max_iter=1000)
  regression.fit(features.fit_transform(sentences), labels)
  return Judge(features, regression)


def predict(judge: Judge, sentences: Sequence[str]) -> np.ndarray:
  """The class of each sentence, [N]."""
  return judge.regression.predict(judge.features.transform(sentences))
