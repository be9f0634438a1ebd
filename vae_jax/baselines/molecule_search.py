"""Search for a molecule with a high property, without a model: by chance, and by evolution."""

from collections.abc import Callable, Sequence

import numpy as np

from vae_jax.metrics import chemistry

KEPT = 20  # parents of the next generation at most
TRIES = 50  # proposals for each call that is left: a search that finds nothing new ends


class Oracle:
  """A property that counts how often it is asked, once for each distinct valid molecule.

  What is asked again is remembered and free; an invalid molecule is refused before.
  """

  def __init__(self, fn: Callable[[str], float], budget: int):
    self._fn, self.budget = fn, budget
    self.seen: dict[str, float] = {}  # canonical SMILES, in the order of asking
    self.proposals = 0

  @property
  def left(self) -> int:
    """Calls that are left; 0 too when far too many proposals were no new molecules."""
    spent = len(self.seen)
    return 0 if self.proposals > TRIES * self.budget else self.budget - spent

  def ask(self, smiles: Sequence[str]) -> None:
    """Scores what is valid and new, as long as calls are left."""
    for one in smiles:
      self.proposals += 1
      form = chemistry.canonical(one)
      if form and form not in self.seen and self.left > 0:
        self.seen[form] = float(self._fn(form))

  def best(self, count: int) -> list[tuple[str, float]]:
    """The molecules of the highest values, the highest first."""
    return sorted(self.seen.items(), key=lambda pair: -pair[1])[:count]

  def curve(self) -> np.ndarray:
    """The best value after each call, [budget]; the last one where calls are left over."""
    values = np.maximum.accumulate(list(self.seen.values()))
    return np.r_[values, np.full(self.budget - len(values), values[-1])]


def sample(oracle: Oracle, smiles: Sequence[str], rng: np.random.Generator) -> None:
  """Asks for molecules of a set, drawn without replacement: the best of training."""
  oracle.ask([smiles[i] for i in rng.permutation(len(smiles))[: oracle.budget]])


def random_selfies(
  count: int, lengths: np.ndarray, alphabet: Sequence[str], rng: np.random.Generator
) -> list[str]:
  """SMILES of SELFIES whose symbols are drawn evenly: always valid, and of any kind.

  Args:
    count: of them.
    lengths: in symbols, of which each one's is drawn.
    alphabet: the symbols.
    rng: what is drawn with.
  """
  draw = lambda: rng.choice(alphabet, rng.choice(lengths))
  return [chemistry.from_selfies("".join(draw())) for _ in range(count)]


def evolve(
  oracle: Oracle, start: Sequence[str], alphabet: Sequence[str], rng: np.random.Generator
) -> None:
  """A genetic algorithm over SELFIES, until the oracle's calls are spent.

  The best molecules are parents; a child is a parent with one symbol replaced, inserted or
  removed, or the head of one with the tail of another. Nigam et al. (2020), section 3, without
  their adaptive penalty.
  """
  oracle.ask(start)
  while oracle.left > 0:
    parents = [chemistry.symbols(chemistry.to_selfies(s)) for s, _ in oracle.best(KEPT)]
    parents = [one for one in parents if one]
    if not parents:
      return
    children = (child(parents, alphabet, rng) for _ in range(KEPT))
    oracle.ask([chemistry.from_selfies("".join(one)) for one in children])


def child(parents: list, alphabet: Sequence[str], rng: np.random.Generator) -> list[str]:
  """A parent with a symbol replaced, inserted or removed, or with the tail of another one."""
  one = list(parents[rng.integers(len(parents))])
  place, symbol = rng.integers(len(one)), str(rng.choice(alphabet))
  kind = rng.integers(4)
  if kind == 0:
    one[place] = symbol
  elif kind == 1:
    one.insert(place, symbol)
  elif kind == 2 and len(one) > 1:
    del one[place]
  else:
    other = parents[rng.integers(len(parents))]
    one = one[:place] + list(other[rng.integers(len(other)) :])
  return one
