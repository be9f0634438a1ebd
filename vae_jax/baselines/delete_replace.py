"""Style transfer without a model of sentences: swap the words that give the class away."""

import collections
import math
from collections.abc import Callable, Sequence


def salience(sentences: Sequence[Sequence[str]], labels: Sequence[int]) -> dict[str, float]:
  """How much a word speaks for class 1 against class 0: (n1 - n0) / sqrt(n1 + n0 + 4).

  n is its count in a class. From the counts alone, so that a judge of the result is not asked
  to agree with its own weights.
  """
  counts = collections.Counter(
    (word, int(label)) for row, label in zip(sentences, labels, strict=True) for word in row
  )
  words = {word for word, _ in counts}
  difference = lambda word: counts[word, 1] - counts[word, 0]
  total = lambda word: counts[word, 1] + counts[word, 0]
  return {w: difference(w) / math.sqrt(total(w) + 4) for w in words}


def transfer(
  sentence: Sequence[str],
  weights: dict[str, float],
  target: int,
  fluency: Callable[[list[str], int], float],
  most: int = 3,
  candidates: int = 40,
) -> list[str]:
  """Replaces up to `most` words that speak for the other class by words of the target.

  A word is marked when its weight for the target is below minus the threshold, a fifth of the
  strongest weight; each is replaced by that one of the target's strongest words that reads
  best in its place.

  Args:
    sentence: words.
    weights: word -> weight for class 1; below 0 it speaks for class 0.
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
