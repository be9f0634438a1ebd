"""Likelihood ladder: how high log p(x) gets with richer posteriors, priors, layers and bounds."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions
from vae_jax.baselines import bernoulli_mixture
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.inference import annealing
from vae_jax.run import Run
from vae_jax.studies import distribution_scores as distribution
from vae_jax.studies import symbols
from vae_jax.types import Array, Example, Hyper, Params, UserError

QUESTION = "How high does log p(x) get with a richer posterior, prior, hierarchy or bound?"
FAMILIES = True  # of posteriors and priors: all are asked through `distributions`
SETTINGS = {
  **COMMON,
  "limit": 1000,
  "tune": 1000,
  "samples": 5000,  # K of the importance-weighted NLL
  "chunk": 250,  # of the K samples evaluated at once: memory, not the result
  "ais": "no",  # "yes": annealed importance sampling of the first `annealed` examples
  "annealed": 100,
  "chains": 16,  # of annealed importance sampling, for each example
  "temperatures": 1000,
  "components": 200,  # of the mixture of Bernoullis at most
}
METRICS = {
  "nll": Metric("NLL (K={samples})", "nats", -1),
  "whole": Metric("NLL of the whole split", "nats", -1),
  "bits": Metric("NLL", "bits per dimension", -1),
  "elbo": Metric("ELBO", "nats"),
  "gap": Metric("Gap", "nats", 0),
  "rate": Metric("Rate", "nats", 0),
  "ess": Metric("ESS", better=0, digits=1),
  "sharpness": Metric("Sharpness ÷ data's", better=0),
  "ais": Metric("NLL by AIS", "nats", -1),
  "beside": Metric("NLL of the same", "nats", -1),
  "chain_ess": Metric("ESS of chains", better=0, digits=1),
}
CHOICE = (
  "elbo"  # with as many samples as the NLL, validation would cost as much as the test
)
NOTE = (
  "NLL: the importance-weighted −log p(x) with K = {samples} samples of the posterior, an upper"
  " bound of −log p(x) that falls as K grows, of grey levels in bits per dimension too;"
  " ESS: how many of the K count; gap: what the ELBO"
  " (one sample, β = 1) loses to it. NLL of the whole split: −ELBO of all its examples less the gap"
  " of those that are scored; ± is of the gap alone, as published numbers are of the same examples."
  " AIS: annealed importance sampling from the prior, which does"
  " not read the posterior, an upper bound too, beside the importance-weighted NLL of the same"
  " examples; where it is lower, the posterior is a poor proposal. Sharpness: the mean square of"
  " the Laplacian of E[x|z] at draws of the model's own prior, as a multiple of that of images of"
  " the data. Settings are chosen by the ELBO on validation."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what has no likelihood, and an answer to `ais` that is neither yes nor no."""
  if settings["ais"] not in ("yes", "no"):
    raise UserError(f"The setting ais is {settings['ais']!r}; expected yes or no.")
  for run in runs:
    if not (run.stochastic and run.likelihood.proper):
      raise UserError(
        "likelihood_ladder compares log p(x), and this run has none: its objective is"
        f" {run.config['objective']['name']!r} and its likelihood {run.likelihood.name!r}."
        " Evaluate one with a likelihood.name such as bernoulli and an objective with a rate."
      )


def prepare(source: Source, split: str, limit: int) -> Task:
  """Examples of a split, evenly spaced: the first ones of a file need not be like the others."""
  examples = source.spread(split, limit)
  return Task(source, split, examples, truth=source.inputs(examples))


def model(task: Task, run: Run) -> dict[str, Any]:
  """ELBO, importance-weighted NLL and annealed importance sampling, [M, 1, N] each."""
  s, terms = task.settings, asking.elbo(run, task.examples)
  found = {"elbo": -(terms["rate"] + terms["distortion"]), "rate": terms["rate"]}
  if task.split == s["split"]:
    sizes = s["samples"], s["chunk"]
    weighed = asking.evidence(run, task.examples, task.source.key, *sizes)
    nll = -weighed.log_evidence
    found |= {"nll": nll, "ess": weighed.ess, "gap": -found["elbo"] - nll}
    found |= _whole(task, run, found["gap"])
    if run.likelihood.symbols and run.spec.domain == "unit":
      found["bits"] = nll / (task.source.spec.size * math.log(2))
    found |= _sharpness(task, run)
    if s["ais"] == "yes" and symbols.is_real(run):
      found |= _annealed(task, run)
      found["beside"] = nll[:, : found["ais"].shape[1]]
  return {"model": {name: values[:, None] for name, values in found.items()}}


def _whole(task: Task, run: Run, gap: np.ndarray) -> dict[str, np.ndarray]:
  """-ELBO of all examples of the split less the gap of those that are scored, [M, N].

  Its mean estimates the NLL of the split, and its spread is that of the gap alone: published
  numbers are of the same examples. None where all are scored.
  """
  rows = task.source.split(task.split)
  if len(rows["x"]) == gap.shape[1]:
    return {}
  terms = asking.elbo(run, rows)
  return {"whole": (terms["rate"] + terms["distortion"]).mean(1, keepdims=True) - gap}


def _sharpness(task: Task, run: Run) -> dict[str, np.ndarray]:
  """Of as many images of each member as there are examples, [M, N]; none of other data.

  A conditional model has no images without a label, and one that writes element by element has no
  E[x|z].
  """
  vae = run.vae
  if run.spec.kind != "image" or vae.given is not None or vae.forced is not None:
    return {}
  keys = jax.random.split(jax.random.fold_in(task.source.key, 1), len(task.truth))
  x = pictures.decoded(run, asking.prior_draws(run, keys), task.source.key)
  flat = x.reshape(-1, *x.shape[2:])
  return {"sharpness": distribution.sharpness(flat, task.truth).reshape(x.shape[:2])}


def _annealed(task: Task, run: Run) -> dict[str, np.ndarray]:
  """-log p(x) by annealed importance sampling of the first examples, [M, A]."""
  s = task.settings
  schedule = annealing.temperatures(s["temperatures"])

  def of_one(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    del hyper
    prior = run.vae.prior(params)
    log_x = lambda z: run.vae.log_likelihood(params, z, example)
    first, moves = jax.random.split(key)
    starts = distributions.draws(prior, first, s["chains"]).z
    chain = partial(annealing.anneal, partial(distributions.log_prob, prior), log_x)
    each = lambda z, index: chain(z, jax.random.fold_in(moves, index), schedule)
    log_p, ess = annealing.evidence(jax.vmap(each)(starts, jnp.arange(s["chains"])))
    return {"ais": -log_p, "chain_ess": ess}

  first = {name: values[: s["annealed"]] for name, values in task.examples.items()}
  return asking.apply(run, of_one, first, task.source.key, 20, s["chains"])


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """Of binary data a coin for each pixel, and a mixture of Bernoullis tuned on validation."""
  source, most = task.source, task.settings["components"]
  if source.spec.domain != "binary":
    return {}

  def tuned() -> bernoulli_mixture.Mixture:
    train, seed = source.train, task.source.run.config["seed"]
    valid = source.inputs(source.split("valid", task.settings["tune"]))
    sizes = sorted({min(size, most) for size in (10, 50, 200, most)})
    each = [bernoulli_mixture.fit(train, size, seed) for size in sizes]
    return max(each, key=lambda m: bernoulli_mixture.log_prob(m, valid).mean())

  coin = lambda: bernoulli_mixture.fit(source.train, 1, 0, 1)
  made = {"a coin for each pixel": coin, "mixture of Bernoullis": tuned}
  ask = lambda name: bernoulli_mixture.log_prob(source.once(name, made[name]), task.truth)
  return {name: lambda c, name=name: {"nll": -ask(name)} for name in made}


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """The nats as they are; those of a baseline are exact."""
  del task, condition
  return answer if "elbo" in answer else answer | {"elbo": -answer["nll"]}


def further(outcome: Outcome) -> Extra:
  """Where too few importance samples count, and what annealed importance sampling is of."""
  s, said = outcome.settings, []
  mine = [r.scores for r in outcome.results if r.member is not None and "ess" in r.scores]
  few = sum(np.median(scores["ess"]) < 0.01 * s["samples"] for scores in mine)
  if few:
    said.append(
      f"In {few} of {len(mine)} members fewer than 1 % of the importance samples count for the"
      " median example: their NLL would still fall with more samples."
    )
  if s["ais"] == "yes":
    said.append(
      f"Annealed importance sampling is of the first {s['annealed']} examples, {s['chains']}"
      f" chains and {s['temperatures']:,} temperatures."
    )
  return Extra(findings=said)
