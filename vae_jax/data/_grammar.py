"""A small probabilistic grammar, the probability of whose sentences is known exactly.

A subject and a mood are drawn first and decide which nouns, verbs and adjectives a sentence
uses: what a code can hold. The rest is chance: what it cannot.
"""

import math
from collections.abc import Container

import numpy as np

_NOUNS = {
  "film": "film plot actor scene script ending cast picture story director",
  "meal": "meal soup cook salad menu dessert waiter table kitchen wine",
  "journey": "journey train driver hotel map harbour road ticket bridge crossing",
  "concert": "concert song singer drum violin encore choir stage chorus band",
}
_ADJECTIVES = {
  "bad": "dull bad slow poor weak tired cold loud stale bitter",
  "good": "bright good lively fine strong fresh warm clear honest sweet",
}
_VERBS = {
  "bad": "bores fails drags stumbles annoys",
  "good": "shines charms works delights wins",
}
_OWNERS = "friend town brother family neighbour school country teacher"
_PLACES = (
  "in march,at night,by the sea,after all,once more,this time,for everyone,from the start"
)
NOUNS, ADJECTIVES, VERBS = (
  {name: words.split() for name, words in kind.items()}
  for kind in (_NOUNS, _ADJECTIVES, _VERBS)
)
OWNERS, PLACES = _OWNERS.split(), _PLACES.split(",")
MOODS = tuple(ADJECTIVES)
# A row of states; each has (probability, words it may write, the next state). "" is the end.
START = "determiner"


def states(subject: str, mood: str) -> dict[str, list[tuple[float, list[str], str]]]:
  """The automaton of one subject and one mood: from each state, what may be written."""
  nouns, adjectives, verbs = NOUNS[subject], ADJECTIVES[mood], VERBS[mood]
  return {
    "determiner": [(0.6, ["the"], "noun"), (0.4, ["this"], "noun")],
    "noun": [(0.5, nouns, "verb"), (0.5, nouns, "of")],
    "of": [(1.0, ["of"], "owner")],
    "owner": [(1.0, ["my", "our", "their"], "friend")],
    "friend": [(1.0, OWNERS, "verb")],
    "verb": [(0.6, ["is", "seems"], "degree"), (0.4, verbs, "rest")],
    "degree": [(0.5, ["very", "rather", "quite"], "adjective"), (0.5, adjectives, "rest")],
    "adjective": [(1.0, adjectives, "rest")],
    "rest": [(0.4, PLACES, "stop"), (0.5, ["and"], "more"), (0.1, ["."], "")],
    "more": [(0.5, adjectives, "stop"), (0.5, adjectives, "last")],
    "last": [(1.0, PLACES, "stop")],
    "stop": [(1.0, ["."], "")],
  }


def draw(rng: np.random.Generator) -> tuple[str, int]:
  """A sentence and its mood (0 bad, 1 good)."""
  subjects = list(NOUNS)
  mood = int(rng.integers(len(MOODS)))
  table = states(subjects[rng.integers(len(subjects))], MOODS[mood])
  words, state = [], START
  while state:
    options = table[state]
    _, choices, state = options[rng.choice(len(options), p=[p for p, _, _ in options])]
    words.append(choices[rng.integers(len(choices))])
  return " ".join(words), mood


def log_prob(sentence: str, known: Container[str] = ()) -> float:
  """log p(sentence) in nats, exact: the forward algorithm, summed over subjects and moods.

  "<unk>" stands for any word that is not `known`, and its mass is that of all of them. -inf
  for a sentence that the grammar does not write.
  """
  total = sum(
    _forward(sentence, states(subject, mood), known) for subject in NOUNS for mood in MOODS
  )
  return math.log(total / (len(NOUNS) * len(MOODS))) if total else -math.inf


def _forward(sentence: str, table: dict, known: Container[str]) -> float:
  """p(sentence) under one automaton; what a state writes may be several words."""
  words = sentence.split()
  reached: list[dict[str, float]] = [{} for _ in range(len(words) + 1)]
  reached[0][START] = 1.0
  for at, found in enumerate(reached):
    for state, mass in found.items():
      for p, choices, after in table.get(state, ()):
        for choice in choices:
          piece = choice.split()
          if _reads(words[at : at + len(piece)], piece, known):
            into = reached[at + len(piece)]
            into[after] = into.get(after, 0.0) + mass * p / len(choices)
  return reached[-1].get("", 0.0)


def _reads(words: list[str], piece: list[str], known: Container[str]) -> bool:
  return len(words) == len(piece) and all(
    word == written or (word == "<unk>" and written not in known)
    for word, written in zip(words, piece, strict=True)
  )
