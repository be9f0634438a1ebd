"""Style transfer without a model of sentences: the words typical of a class are replaced."""

import collections
import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from vae_jax.baselines import kneser_ney
from vae_jax.metrics import text

UNKNOWN = 2  # the symbol of all rare words, which is typical of no class


def turn(
  x: np.ndarray,
  targets: np.ndarray,
  train: np.ndarray,
  labels: np.ndarray,
  model: kneser_ney.Model,
) -> np.ndarray:
  """Sentences [N, T] turned into their target classes [N], word for word: [N, T].

  Args:
    x: rows of symbols.
    targets: 0 or 1.
    train: rows of symbols that words are counted in.
    labels: their classes.
    model: an n-gram model, which says what reads best.
  """
  weights = salience([text.words(row) for row in train], labels)
  weights.pop(UNKNOWN, None)
  reads = lambda words, place: kneser_ney.around(model, (*words, 1), place)
  turned = np.array(x)
  for row, target in zip(turned, targets, strict=True):
    words = text.words(row)
    row[: len(words)] = transfer(words, weights, int(target), reads)
  return turned


def salience(
  sentences: Sequence[Sequence[Hashable]], labels: Sequence[int]
) -> dict[Any, float]:
  """How typical a word is of class 1 against class 0: (n1 - n0) / sqrt(n1 + n0 + 4).

  n is its count in a class. From the counts alone, so that a judge of the result is not asked
  to agree with its own weights.
  """
  counts = collections.Counter(
    (word, int(label)) for row, label in zip(sentences, labels, strict=True) for word in row
  )
  words = dict.fromkeys(
    word for word, _ in counts
  )  # in order: ties are the same every time
  difference = lambda word: counts[word, 1] - counts[word, 0]
  total = lambda word: counts[word, 1] + counts[word, 0]
  return {w: difference(w) / math.sqrt(total(w) + 4) for w in words}


def transfer(
  sentence: Sequence[Hashable],
  weights: dict[Any, float],
  target: int,
  fluency: Callable[[list, int], float],
  most: int = 3,
  candidates: int = 40,
) -> list:
  """Replaces up to `most` words that are typical of the other class by words of the target.

  A word is marked if its weight for the target is below minus the threshold, a fifth of the
  strongest weight. Each marked word is replaced by one of the target's strongest words: by the
  one that is likeliest in its place.

  Args:
    sentence: words.
    weights: word -> weight for class 1; below 0 it is typical of class 0.
    target: 0 or 1.
    fluency: (words, place) -> log-probability around the place; higher reads better.
    most: words replaced at most.
    candidates: words tried in each place.

  Returns:
    The new words; the same where none is marked.

  After Li et al. (2018), section 3: their deletion by salience, with a word for a word in
  place of retrieval.
  """
  sign = 1 if target == 1 else -1
  towards = lambda word: sign * weights.get(word, 0.0)
  strongest = sorted(weights, key=towards, reverse=True)[:candidates]
  if not strongest:
    return list(sentence)
  threshold = 0.2 * max(towards(strongest[0]), 1e-9)
  marked = sorted(range(len(sentence)), key=lambda i: towards(sentence[i]))[:most]
  words = list(sentence)
  for place in sorted(i for i in marked if towards(sentence[i]) < -threshold):
    tried = [[*words[:place], word, *words[place + 1 :]] for word in strongest]
    words = max(tried, key=lambda option: fluency(option, place))
  return words
