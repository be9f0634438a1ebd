"""Around one molecule: what its code's surroundings decode to, and better ones that resemble it."""

from collections.abc import Callable

import numpy as np

from vae_jax.applications.molecules import _search, _showing
from vae_jax.baselines import molecule_search
from vae_jax.baselines.molecule_search import Oracle
from vae_jax.data import molecules as data
from vae_jax.evaluation.numbers import plus_minus
from vae_jax.evaluation.protocol import Extra
from vae_jax.metrics import chemistry, comparison
from vae_jax.metrics.molecules import tanimoto
from vae_jax.run import select
from vae_jax.studies.sections import Part
from vae_jax.types import Figure, Table

ALIKE = 0.4  # Tanimoto similarity that an improved molecule must keep: Jin et al. (2018)
PARENTS, CHILDREN, TRIES = 5, 20, 30  # of a generation; generations at most
SPREADS = (0.1, 0.25, 0.5)  # of a child's code, in deviations of all codes
NEIGHBOURS, LEADS = 9, 4  # decodes around a molecule, and molecules that are shown
CODE, SYMBOLS, KNOWN = "around its code", "mutated SELFIES", "training molecules alike"
Propose = Callable[[list[str], np.random.Generator], list[str]]


def neighbours(part: Part) -> Extra:
  """Distinct valid decodes around a few held-out molecules, the nearest code first."""
  if not part.coded:
    return Extra()
  run = select(part.lead.run, part.lead.place)
  coder = _search.Coder(run, part.settings["batch"])
  x = part.task.examples["x"][:LEADS]
  starts = data.smiles(x, part.source.spec, _showing.form(run))
  spread = coder.encode(part.task.examples["x"]).std(0)
  rng, rows, pictures = np.random.default_rng(0), [], []
  for smiles, z in zip(starts, coder.encode(x), strict=True):
    found = _around(coder, z, spread, rng)
    found.pop(chemistry.canonical(smiles), None)
    near = sorted(found, key=found.get)[:NEIGHBOURS]
    like = _likeness(smiles, near)
    rows += [[smiles, one, found[one], s] for one, s in zip(near, like, strict=True)]
    shown = [smiles, *near, *[""] * (NEIGHBOURS - len(near))]
    pictures.append(np.stack([chemistry.picture(one) for one in shown]))
  note = (
    "Draws at 0.1 to 0.5 standard deviations of all codes around a molecule's own, decoded"
    " greedily; each valid molecule once, without the molecule itself."
  )
  columns = ("molecule", "neighbour", "distance of the codes", "Tanimoto similarity")
  figure = Figure(
    "neighbours", "image_grid",
    {"images": np.stack(pictures), "columns": ["molecule", *[""] * NEIGHBOURS]},
    "Held-out molecules, and what the surroundings of their codes decode to, the nearest first.",
  )  # fmt: skip
  return Extra([Table("Around a molecule", columns, rows, note)], [figure])


def _around(
  coder: _search.Coder, z: np.ndarray, spread: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
  """Canonical SMILES of decodes around z with their least distance in deviations."""
  scale = np.repeat(SPREADS, 32)[:, None]
  noise = scale * rng.normal(size=(len(scale), len(z)))
  found: dict[str, float] = {}
  for one, far in zip(
    coder.decode(z + noise * spread), np.linalg.norm(noise, axis=1), strict=True
  ):
    if form := chemistry.canonical(one):
      found[form] = min(float(far), found.get(form, np.inf))
  return found


def improved(part: Part) -> Extra:
  """Better molecules that resemble a given one, at the same number of oracle calls each.

  The start molecules are the held-out ones of the lowest property. Jin et al. (2018), section
  3.3, with an oracle that is counted in the place of a property network.
  """
  s = part.settings
  if not part.coded or s["input"]:
    return Extra()
  run, fn = select(part.lead.run, part.lead.place), _search.PROPERTIES[s["property"]]
  coder = _search.Coder(run, s["batch"])
  ways = _ways(part, coder)
  found = {name: [] for name in ways}
  for place, smiles in enumerate(_starts(part, fn, s["starts"])):
    for name, propose in ways.items():
      rng = np.random.default_rng([3, place])
      found[name].append(_climb(smiles, fn, s["calls"], propose, rng))
  rows = []
  for name, each in found.items():
    gain, like = np.array([[one[0], one[1]] for one in each]).T
    known = comparison.estimate(gain[None])
    better = gain > 0
    alike = float(like[better].mean()) if better.any() else None
    rows.append([name, float(better.mean()), known.mean, known.half, alike])
  name = s["property"]
  columns = ("proposals", "improved", f"{name}, gain", f"± {name}, gain", "similarity")
  note = (
    f"The {s['starts']} held-out molecules of the lowest {name}, each improved with {s['calls']}"
    f" calls of the oracle at a Tanimoto similarity of {ALIKE} or more to itself. Gain: of the best"
    " one found, 0 where none is better; ± half the width of a 95 % interval over molecules."
    " Similarity: of the improved ones. Calls are spent on valid, distinct molecules that are alike"
    " enough; looking at similarity is free for all."
  )
  return Extra([Table("Improved and alike", columns, rows, note)], [], [_said(found, name)])


def _said(found: dict[str, list], name: str) -> str:
  gain = {way: np.array([one[0] for one in each]) for way, each in found.items()}
  rival = max((way for way in gain if way != CODE), key=lambda way: gain[way].mean())
  off = comparison.estimate((gain[CODE] - gain[rival])[None])
  word = "level with"
  if off.half < abs(off.mean):
    word = "ahead of" if off.mean > 0 else "behind"
  return (
    f"Improved and alike: proposals {CODE} are {word} {rival}; the gains in {name} differ by"
    f" {plus_minus(off, 3, sign=True)}."
  )


def _starts(part: Part, fn: Callable[[str], float], count: int) -> list[str]:
  written = data.smiles(
    part.task.examples["x"], part.source.spec, _showing.form(part.lead.run)
  )
  forms = map(chemistry.canonical, written)
  valid = [one for one in dict.fromkeys(forms) if one]
  return sorted(valid, key=fn)[:count]


def _ways(part: Part, coder: _search.Coder) -> dict[str, Propose]:
  """How a generation of candidates is made of its parents: by the code, or without it."""
  train, source = _search.training(part.source), part.source
  alphabet = _search.selfies(source).alphabet
  rows = [row for one in train if (row := _search.read(one, coder)) is not None]
  spread = coder.encode(np.stack(rows)).std(0)
  marks = chemistry.fingerprints(train)

  def by_code(parents: list[str], rng: np.random.Generator) -> list[str]:
    read = [row for one in parents if (row := _search.read(one, coder)) is not None]
    if not read:
      return []
    z = coder.encode(np.stack(read))[rng.integers(len(read), size=CHILDREN)]
    scale = rng.choice(SPREADS, size=(CHILDREN, 1))
    return coder.decode(z + scale * rng.normal(size=z.shape) * spread)

  def by_symbols(parents: list[str], rng: np.random.Generator) -> list[str]:
    known = [chemistry.symbols(chemistry.to_selfies(one)) for one in parents]
    known = [one for one in known if one]
    made = [
      molecule_search.child(known, alphabet, rng) for _ in range(CHILDREN * bool(known))
    ]
    return [chemistry.from_selfies("".join(one)) for one in made]

  def by_train(parents: list[str], rng: np.random.Generator) -> list[str]:
    del rng
    like = tanimoto(chemistry.fingerprints(parents[:1]), marks)[0]
    return [train[i] for i in np.argsort(-like)[: PARENTS * CHILDREN]]

  return {CODE: by_code, SYMBOLS: by_symbols, KNOWN: by_train}


def _climb(
  start: str, fn: Callable, calls: int, propose: Propose, rng: np.random.Generator
) -> tuple[float, float]:
  """The gain and the similarity of the best molecule alike enough; (0, 1) where none is better."""
  oracle, base = Oracle(fn, calls), float(fn(start))
  for _ in range(TRIES):
    if oracle.left < 1:
      break
    best = [one for one, value in oracle.best(PARENTS) if value > base]
    made = [one for one in map(chemistry.canonical, propose([start, *best], rng)) if one]
    fresh = [one for one in dict.fromkeys(made) if one != start and one not in oracle.seen]
    like = _likeness(start, fresh)
    oracle.ask([one for one, s in zip(fresh, like, strict=True) if s >= ALIKE])
  top, value = next(iter(oracle.best(1)), (start, base))
  if value <= base:
    return 0.0, 1.0
  return value - base, _likeness(start, [top])[0]


def _likeness(start: str, others: list[str]) -> list[float]:
  if not others:
    return []
  both = chemistry.fingerprints(others), chemistry.fingerprints([start])
  return [float(s) for s in tanimoto(*both)[:, 0]]
