"""Search for a molecule with a high property: through codes, by chance, by evolution."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.applications.molecules import _showing
from vae_jax.baselines import molecule_search
from vae_jax.baselines.molecule_search import Oracle
from vae_jax.data import molecules as data
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.numbers import plus_minus
from vae_jax.evaluation.protocol import Extra
from vae_jax.evaluation.settings import one_of
from vae_jax.evaluation.source import Source
from vae_jax.inference import gaussian_process as gp
from vae_jax.metrics import chemistry, comparison
from vae_jax.run import Run, select
from vae_jax.studies.sections import Part
from vae_jax.training import spread
from vae_jax.types import Figure, UserError

PROPERTIES = {"qed": chemistry.qed, "plogp": chemistry.plogp}
ASCENT, BAYES, CHANCE = "gradient ascent in z", "Bayesian search in z", "random search in z"
TRAINING, EVOLVED = "best of training", "genetic algorithm on SELFIES"
SHARE, ROUNDS = 0.25, 10  # of the budget on training molecules at first; rounds of the rest
CANDIDATES = 1000  # codes that the acquisition of a round is asked of


class Selfies(NamedTuple):
  """What random SELFIES and mutations draw from: of a part of the training molecules."""

  alphabet: tuple[str, ...]
  lengths: np.ndarray


class Coder:
  """One member as two functions between SMILES and codes, each compiled once.

  `width` rows at a time are shared out among all devices.
  """

  def __init__(self, run: Run, width: int):
    self.run, self.width = run, width
    mean = lambda params, x: run.vae.posterior(params, {"x": x}).mean
    self._mean, self._mode = _of_rows(mean), _of_rows(run.vae.mode)

  def encode(self, x: np.ndarray) -> np.ndarray:
    """The mean codes of rows [N, T]: [N, L]."""
    return self._batched(self._mean, x)

  def decode(self, z: np.ndarray) -> list[str]:
    """The greedy SMILES of codes [N, L]."""
    rows = self._batched(self._mode, z.astype(np.float32))
    return data.smiles(rows, self.run.spec, _showing.form(self.run))

  def _batched(self, programs: Callable, rows: np.ndarray) -> np.ndarray:
    parts, key = [], jax.random.key(0)  # not read
    for start in range(0, len(rows), self.width):
      part = rows[start : start + self.width]
      full = np.concatenate([part, np.repeat(part[-1:], self.width - len(part), 0)])
      taken = lambda at, full=full: full[at]
      ask = spread.Ask(programs, taken, self.width, self.width, 1, "The coder")
      found = spread.over_all(ask, self.run.params, key, shared=True)
      parts.append(found[0, : len(part)])
    return np.concatenate(parts)


def _of_rows(fn: Callable) -> Callable:
  """The programs of `fn(params, row)` for members and rows."""
  each = jax.vmap(jax.vmap(fn, in_axes=(None, 0)), in_axes=(0, None))
  return spread.programs(lambda params, rows, *_: each(params, rows))


def check(settings: dict[str, Any]) -> None:
  """Refuses a property that is none, and a budget that no search can be made with."""
  one_of(settings, "goal", ("high", "low"))
  if not settings["input"] and settings["property"] not in PROPERTIES:
    raise UserError(
      f"The setting property is {settings['property']!r}; expected {' or '.join(PROPERTIES)}, or"
      " a column of the csv that --set input=<file> names."
    )
  if settings["budget"] < 20:
    raise UserError(f"The setting budget is {settings['budget']}; expected at least 20.")


def oracle(source: Source) -> Oracle:
  """A fresh one, of the property that is asked for."""
  s = source.settings
  return Oracle(PROPERTIES[s["property"]], s["budget"])


def selfies(source: Source) -> Selfies:
  """The symbols and the lengths of training molecules as SELFIES."""

  def make() -> Selfies:
    found = (chemistry.symbols(chemistry.to_selfies(one)) for one in training(source))
    rows = [one for one in found if one]
    alphabet = tuple(sorted({symbol for row in rows for symbol in row}))
    return Selfies(alphabet, np.array([len(row) for row in rows]))

  return source.once("selfies", make)


def training(source: Source) -> list[str]:
  """SMILES of training molecules, the same ones for every search: at most 2,000."""

  def make() -> list[str]:
    x = source.data.splits["train"]["x"]
    rows = np.random.default_rng(1).permutation(len(x))[: _showing.SOME]
    return data.smiles(x[rows], source.spec, _showing.form(source.run))

  return source.once("training", make)


def of_codes(source: Source, run: Run) -> dict[str, dict[str, np.ndarray]]:
  """What each search in z found, by method: "best", "third" [M, repeats], "curve"."""
  if source.settings["input"]:
    return {}
  searches = {ASCENT: _guided(_ascend), BAYES: _guided(_improve), CHANCE: _chance}
  found: dict[str, list] = {name: [] for name in searches}
  for m in range(len(run.members)):
    coder = Coder(select(run, m), source.settings["batch"])
    for name, search in searches.items():
      asked = lambda one, rng, search=search, coder=coder: search(source, coder, one, rng)
      found[name].append(_repeated(source, asked))
  stack = lambda rows: {k: np.stack([row[k] for row in rows]) for k in rows[0]}
  return {name: stack(rows) for name, rows in found.items()}


def without(source: Source) -> dict[str, Callable[[], dict[str, np.ndarray]]]:
  """The searches that need no model, by method."""
  if source.settings["input"]:
    return {}
  budget = source.settings["budget"]

  def evolve(one: Oracle, rng: np.random.Generator) -> None:
    start = _start(source, budget, rng)
    molecule_search.evolve(one, start, selfies(source).alphabet, rng)

  best = lambda one, rng: molecule_search.sample(one, training(source), rng)
  searches = {TRAINING: best, EVOLVED: evolve}
  return {name: lambda s=search: _repeated(source, s) for name, search in searches.items()}


def report(part: Part) -> Extra:
  """The best molecule after each call of the oracle, structures, and who is ahead of chance."""
  asked = [r for r in part.results if isinstance(r.answer, dict) and "curve" in r.answer]
  own = [r for r in asked if r.member is None or r.member.number == part.lead.number]
  if not own:
    return Extra()
  name, count = part.settings["property"], part.settings["budget"]
  series = {r.method: r.answer["curve"].mean(0) for r in own}
  lines = {"x": np.arange(1, count + 1), "series": series, "x_label": "calls of the oracle"}
  caption = (
    f"The best {name} found after so many calls of the oracle, the mean of"
    f" {part.settings['repeats']} searches; an invalid or repeated molecule is no call."
  )
  figures = [Figure("search", "lines", {**lines, "y_label": name}, caption)]
  shown = np.stack([[chemistry.picture(s) for s in r.answer["top"][0][:3]] for r in own])
  data_ = {"images": shown, "rows": [r.method for r in own]}
  caption = f"The three molecules of the highest {name} of the first search of each kind."
  figures.append(Figure("found", "image_grid", data_, caption))
  by, said = {r.method: r.scores["third"] for r in own}, []
  for one in (ASCENT, BAYES):
    for other in (CHANCE, TRAINING, EVOLVED):
      if one in by and other in by:
        d = comparison.estimate((by[one] - by[other])[None])
        said.append(f"{one} against {other}: {plus_minus(d, 3, sign=True)}")
  text = (
    f"Mean {name} of the best three after {count} calls, {part.settings['repeats']} searches"
    f" of {of_members.title(part.lead, part.outcome.members) or 'the model'}:"
    f" {'; '.join(said)}."
  )
  return Extra(figures=figures, findings=[text] if said else [])


def _repeated(source: Source, search: Callable) -> dict[str, np.ndarray]:
  """`search(oracle, rng)` several times; the same numbers are drawn for every method."""
  best, third, curves, tops = [], [], [], []
  seed = np.asarray(jax.random.key_data(source.key))
  for i in range(source.settings["repeats"]):
    one = oracle(source)
    search(one, np.random.default_rng([*seed, 7, i]))
    top = one.best(3)
    best.append(top[0][1])
    third.append(np.mean([value for _, value in top]))
    curves.append(one.curve())
    tops.append([smiles for smiles, _ in top] + [""] * (3 - len(top)))
  found = {"best": np.array(best), "third": np.array(third), "curve": np.stack(curves)}
  return {**found, "top": np.array(tops, object)}


def _start(source: Source, budget: int, rng: np.random.Generator) -> list[str]:
  known = training(source)
  rows = rng.permutation(len(known))[: max(3, round(SHARE * budget))]
  return [known[i] for i in rows]


def _chance(source: Source, coder: Coder, one: Oracle, rng: np.random.Generator) -> None:
  """Codes of N(0, I), as many as are needed."""
  del source
  while one.left > 0:
    one.ask(coder.decode(rng.normal(size=(coder.width, coder.run.vae.latents))))


def _guided(propose: Callable) -> Callable:
  """A search that learns the property on z from what was asked, and proposes codes by it."""

  def search(source: Source, coder: Coder, one: Oracle, rng: np.random.Generator) -> None:
    one.ask(_start(source, one.budget, rng))
    batch = max(1, -(-one.left // ROUNDS))
    while one.left > 0:
      rows = {s: row for s in one.seen if (row := read(s, coder)) is not None}
      z = coder.encode(np.stack([*rows.values()]))
      y = np.array([one.seen[s] for s in rows])
      before, target = len(one.seen), min(batch, one.left)
      codes = propose(gp.fit(z, y), z, y, rng)
      for start in range(0, len(codes), coder.width):
        if len(one.seen) - before >= target:
          break
        for s in coder.decode(codes[start : start + coder.width]):
          if len(one.seen) - before < target:
            one.ask([s])
      if len(one.seen) == before:  # nothing new near the best: somewhere else
        one.ask(coder.decode(rng.normal(size=(coder.width, z.shape[1]))))

  return search


def read(smiles: str, coder: Coder) -> np.ndarray | None:
  """A molecule as the row that the encoder reads; None where it has no such symbols."""
  try:
    return data.parse(smiles, coder.run.spec, _showing.form(coder.run))
  except UserError:
    return None


def _near(z: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Codes around the best ones: half a standard deviation of the codes away."""
  top = z[np.argsort(-y)[:20]]
  picked = top[rng.integers(len(top), size=CANDIDATES)]
  scale = rng.choice([0.1, 0.25, 0.5], size=(CANDIDATES, 1))
  return picked + scale * rng.normal(size=picked.shape) * z.std(0)


def _ascend(
  fitted: gp.Process, z: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
  """Steps uphill on the mean of the process from around the best codes, the highest first."""
  codes = gp.ascend(fitted, _near(z, y, rng), steps=20, rate=0.03)
  return codes[np.argsort(-gp.predict(fitted, codes)[0])]


def _improve(
  fitted: gp.Process, z: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
  """Codes around the best ones and draws of the prior, by expected improvement."""
  both = np.r_[_near(z, y, rng), rng.normal(size=(CANDIDATES, z.shape[1]))]
  return both[np.argsort(-gp.improvement(fitted, both, y.max()))]
