"""Molecules: what the code keeps of one, what is drawn from it, and searching through it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions
from vae_jax.applications.molecules import _nearby, _own, _search, _showing
from vae_jax.baselines import kneser_ney, molecule_search
from vae_jax.data import molecules as data
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.members import has_code
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.metrics import chemistry
from vae_jax.metrics import molecules as metrics
from vae_jax.models.sentence import END
from vae_jax.run import Run
from vae_jax.studies import language, sections
from vae_jax.types import Array, Example, Hyper, Params, UserError

QUESTION = (
  "Which molecules does the model know, and does its code help to find better ones?"
)
SETTINGS = {
  **COMMON,
  "limit": 500,  # molecules that are scored, evenly spaced in the split
  "draws": 1000,  # molecules drawn from each model and baseline
  "times": 10,  # stochastic encodes and decodes of each molecule
  "samples": 100,  # K of the importance-weighted NLL
  "chunk": 10,  # of the K samples at once: memory, not the result
  "batch": 100,  # molecules at once: memory, not the result
  "steps": 7,  # molecules of a path
  "pair": "",  # two molecules to go between, "aspirin | CCO"; empty: two of the split
  "language_model": "",  # a run of the objective language_model on the same data
  "property": "qed",  # that is searched for: "qed", "plogp", or a column of `input`
  "budget": 200,  # calls of the property's oracle that each search has
  "repeats": 10,  # searches of each kind
  "starts": 20,  # molecules that are improved within a similarity
  "calls": 50,  # of the oracle, for each of them
  "input": "",  # a csv of SMILES and a column of numbers of one's own
  "goal": "high",  # or "low", of that column
  "top": 20,  # proposals for it
}
METRICS = {
  "nll": Metric("NLL", "nats", -1),
  "kl": Metric("KL", "nats", 0, 1),
  "exact": Metric("Exact, drawn"),
  "greedy": Metric("Exact, greedy"),
  "stranger": Metric("Another's code", "nats", 0, 1),
  "valid": Metric("Valid", digits=3),
  "unique": Metric("Unique", better=0, digits=3, reduce=metrics.unique),
  "novel": Metric("Novel", better=0, digits=3, reduce=metrics.novel),
  "best": Metric("Best", digits=3, table="Search"),
  "third": Metric("Mean of the best three", digits=3, table="Search"),
}
ELBO, COPIES, LM = "VAE, ELBO", "training molecules", "language model"
REFERENCES = (ELBO, COPIES)
ORDERS = (3, 5, 8)  # n of the n-grams
NOTE = (
  "NLL: −log p of a molecule's symbols with their end, importance-weighted with K = {samples}"
  " draws of z for the VAE. Exact: the share of {times} stochastic encodes and decodes of each"
  " molecule that give it back symbol by symbol, and that of the greedy decode of the mean code."
  " Another's code: −log p(x|z) at the code of another molecule less that at its own; 0 is a code"
  " that is not used. Of {draws} draws: valid, what RDKit parses and sanitises; unique, distinct"
  " over valid; novel, not in train over distinct, all in canonical form. Novelty alone is no"
  " merit: random SELFIES have most of it."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no molecules, a missing extra, and settings that cannot be meant."""
  chemistry.require()
  for run in runs:
    if run.config["data"]["name"] != "molecules":
      raise UserError(
        f"molecules reads runs on the data 'molecules', not on {run.dataset.name!r}; train with"
        " --config=configs/molecules.py."
      )
  run = runs[0]
  _showing.pair(settings["pair"], run)
  _search.check(settings)
  if settings["input"]:
    _own.read(settings, run)


def prepare(source: Source, split: str, limit: int) -> Task:
  """Evenly spaced molecules of a split; the language model is opened first."""
  path = source.settings["language_model"]
  beside = source.once("language", lambda: language.opened(source.run, path))
  examples = source.spread(split, limit)
  return Task(source, split, examples, own=beside)


def model(task: Task, run: Run) -> dict[str, Any]:
  """The bounds on −log p(x), what comes back from the code, draws, and searches in z."""
  s, x, key, m = task.settings, task.examples, task.source.key, len(run.members)
  searched = task.split == s["split"]  # nothing is chosen by draws and searches
  found, answers = {}, {}
  if not has_code(run):
    found["nll"] = asking.terms(run, x, s["batch"])["distortion"]
    answers = {LM: found}
  else:
    found["nll"] = -asking.evidence(run, x, key, s["samples"], s["chunk"]).log_evidence
    terms = asking.elbo(run, x, s["batch"])
    found["kl"] = terms["rate"]
    answers = {"VAE": found, ELBO: {"nll": -terms["elbo"]}}
    if searched:
      rebuilt = asking.apply(run, _rebuild(run, s["times"]), x, key, s["batch"])
      found |= {**rebuilt, "stranger": language.worth(run, x, key, s["batch"])}
      answers |= _search.of_codes(task.source, run)
  if searched:
    found["drawn"] = _showing.drawn(task.source, run)
  one = lambda values: np.asarray(values).reshape(m, 1, *np.shape(values)[1:])
  return {method: {k: one(v) for k, v in a.items()} for method, a in answers.items()}


def _rebuild(run: Run, times: int) -> Callable:
  def fn(params: Params, hyper: Hyper, example: Example, key: Array) -> dict[str, Array]:
    del hyper
    q, x = run.vae.posterior(params, example), example["x"]

    def once(key: Array) -> Array:
      first, second = jax.random.split(key)
      z = distributions.sample(q, first)
      return jnp.all(run.vae.sample(params, z, second) == x)

    hits = jax.vmap(once)(jax.random.split(key, times))
    greedy = jnp.all(run.vae.mode(params, q.mean) == x)
    return {
      "exact": jnp.mean(hits.astype(jnp.float32)),
      "greedy": greedy.astype(jnp.float32),
    }

  return fn


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """n-grams, the language model, random SELFIES, copies, and searches without a model."""
  source, s, found = task.source, task.settings, {}
  train, x = source.data.splits["train"]["x"], task.examples["x"]
  spec, form = source.spec, source.run.config["data"]["format"]
  rng = lambda i: np.random.default_rng([*np.asarray(jax.random.key_data(source.key)), i])
  text = lambda rows: np.array(data.smiles(rows, spec, form), object)

  def gram(n: int) -> dict[str, np.ndarray]:
    fitted = kneser_ney.fit(train, n, spec.categories)
    rows = kneser_ney.draw(fitted, s["draws"], spec.shape[0], END, rng(n))
    return {"nll": -kneser_ney.log_prob(fitted, x), "drawn": text(rows)}

  def spoken() -> dict[str, np.ndarray]:
    nats = asking.terms(task.own, task.examples, s["batch"])["distortion"][0]
    return {"nll": nats, "drawn": _showing.drawn(source, task.own)[0]}

  def random() -> dict[str, np.ndarray]:
    of = _search.selfies(source)
    made = molecule_search.random_selfies(s["draws"], of.lengths, of.alphabet, rng(100))
    return {"drawn": np.array(made, object)}

  for n in ORDERS:
    found[f"Kneser-Ney {n}-gram"] = lambda c, n=n: gram(n)
  if task.own is not None:
    found[LM] = lambda c: spoken()
  found["random SELFIES"] = lambda c: random()
  some = rng(101).choice(len(train), min(s["draws"], len(train)), replace=False)
  found[COPIES] = lambda c: {"drawn": text(train[some])}
  return found | {k: lambda c, v=v: v() for k, v in _search.without(source).items()}


def score(task: Task, answer: dict[str, Any], condition: int) -> dict[str, np.ndarray]:
  """Numbers of each molecule, of each draw, and of each search."""
  del condition
  found = {name: answer[name] for name in METRICS if name in answer}
  if "drawn" in answer:
    forms = [chemistry.canonical(one) for one in answer["drawn"]]
    rows = metrics.numbered(forms, _showing.known(task.source))
    found |= {"valid": (rows[:, 0] >= 0).astype(float), "unique": rows, "novel": rows}
  return found


def further(outcome: Outcome) -> Extra:
  """Draws beside held-out molecules, structures, a path, searches, and a user's own file."""
  parts = [_showing.likeness, _showing.structures, _showing.path, _search.report]
  parts += [_nearby.neighbours, _nearby.improved]
  if outcome.settings["input"]:
    parts.append(_own.proposals)
  return sections.joined(outcome, parts)
