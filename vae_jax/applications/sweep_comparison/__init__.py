"""Comparing the settings of a sweep: what each costs and keeps, and whether one is better."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vae_jax import asking
from vae_jax.applications.sweep_comparison import _figures
from vae_jax.evaluation import figures, members, pictures, results, settings
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Application, Extra, Metric, Task
from vae_jax.evaluation.source import Source
from vae_jax.metrics import aggregate
from vae_jax.run import Run
from vae_jax.studies import pairs, rates, symbols, thumbnails
from vae_jax.types import UserError

QUESTION = "What does each setting cost and keep, and is one better than another?"
COMPARES_MEMBERS = True
FAMILIES = True  # of posteriors and priors; `studies.rates` leaves out what a family lacks
SETTINGS = {
  **settings.COMMON,
  "limit": 500,  # examples of the importance-weighted NLL; everything else is on all
  "score": "nll",  # what settings are compared on
  "axis": "",  # the name that the figures are over; empty: beta, or the first that is swept
  "pairs": "",  # values of the axis to compare, "4:2, 8:1"; empty: see the page
  "samples": 50,  # K of the importance-weighted NLL
  "chunk": 50,  # of the K samples evaluated at once: memory, not the result
  "codes": 500,  # draws of z that the mutual information is averaged over
}
METRICS = {
  "nll": Metric("nll", "nats", -1),
  "elbo": Metric("−ELBO", "nats", -1),
  "rate": Metric("rate", "nats", 0),
  "distortion": Metric("distortion", "nats", 0),
  "active": Metric("active latents", "", 0, 1),
  "information": Metric("mutual information", "nats", 0),
  "aggregate": Metric("KL(q(z) ‖ p(z))", "nats", 0),
  "total_correlation": Metric("total correlation", "nats", 0),
  "dimension_wise": Metric("dimension-wise KL", "nats", 0),
  "ess": Metric("effective samples", "", 0, 1),
}
COST = {"seconds": Metric("training", "s a member", 0, 0)}  # with several programs
NEAR = 0.5  # nats below the ceiling from which the information is called cut off


def check(runs: list[Run], given: dict[str, Any]) -> None:
  """Refuses what has no rate, what does not compare, and pairs that are none."""
  for run in runs:
    if not run.stochastic:
      raise UserError(
        f"The objective {run.config['objective']['name']} has no rate and no ELBO to compare:"
        " use the application reconstruction."
      )
  pairs.check(runs)
  found = list(dict.fromkeys(one.setting for one in members.of(runs, [0] * len(runs))))
  if len(found) < 2:
    sweep = "sweep a number, as in --config.sweep.beta='[1.0,4.0]'."
    raise UserError(f"sweep_comparison compares settings, and this run has one: {sweep}")
  pairs.asked(found, given["axis"] or figures.axis_of(found), given["pairs"])


def adapted(application: Application, runs: list[Run], given: dict) -> Application:
  """The headline is the score asked for; a loss that is no likelihood has its own name."""
  proper = runs[0].likelihood.proper
  names = ("nll", "−ELBO") if proper else ("iw loss", "cross-entropy + KL")
  titles = {"nll": f"{names[0]} (K={given['samples']})", "elbo": names[1]}
  note = (
    f"Nats per example. {names[1]} is rate + distortion of one sample, whatever β was trained"
    f" with. {names[0]} is an upper bound from K samples on at most {given['limit']:,} examples;"
    " effective samples are of the K. Active latents and the parts of the rate are one number a"
    " model: their ± is of the seeds alone."
  )
  if not proper:
    note += " A cross-entropy on grey levels is no likelihood: compare the same loss only."
  if any(run.config["corruption"]["name"] != "none" for run in runs):
    note += " Rate, distortion and −ELBO are of corrupted examples, as in training."
  metrics = {k: m._replace(title=titles.get(k, m.title)) for k, m in METRICS.items()}
  if len(runs) > 1:
    metrics |= COST
    note += " Training: the seconds of a program divided by its members, on the clock."
  headline = settings.one_of(given, "score", tuple(METRICS))
  return application._replace(metrics=metrics, headline=headline, note=note)


def prepare(source: Source, split: str, limit: int) -> Task:
  """All examples of the scored split, and which are weighed; of another split those alone."""
  examples = source.split(split)
  rows = pictures.spread(len(examples["id"]), limit)
  if split != source.settings["split"]:
    examples = {name: values[rows] for name, values in examples.items()}
    rows = np.arange(len(rows))
  return Task(source, split, examples, own=rows)


def model(task: Task, run: Run) -> dict[str, Any]:
  """Every score of every member, on the same examples and with the same noise."""
  given, key = task.settings, task.source.key
  some = {name: values[task.own] for name, values in task.examples.items()}
  terms, q = asking.elbo(run, task.examples), task.source.posterior(run, task.examples)
  weighed = asking.evidence(run, some, key, given["samples"], given["chunk"])
  each = rates.parts(run, q, given["codes"], jax.random.fold_in(key, 1))
  each |= {name: terms[name] for name in ("rate", "distortion")} | {"elbo": -terms["elbo"]}
  each |= {"nll": -weighed.log_evidence, "ess": weighed.ess}
  each |= rates.described(run, q) | {"codes": q.mean[:, task.own]}
  if len(task.source.runs) > 1 and (seconds := run.about["seconds_a_member"]):
    each["seconds"] = np.full(len(run.members), seconds)
  return {"model": {name: np.asarray(values)[:, None] for name, values in each.items()}}


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """None: settings are compared with one another."""
  return {}


def score(task: Task, answer: dict[str, np.ndarray], condition: int) -> dict:
  """The numbers of one member, one for each example or one in all."""
  return {k: np.asarray(answer[k], np.float64) for k in {**METRICS, **COST} if k in answer}


def further(outcome: Outcome) -> Extra:
  """Which setting is better, what each costs over the axis, pictures for the sweep's page."""
  axis = outcome.settings["axis"] or figures.axis_of([m.setting for m in outcome.members])
  found = pairs.compare(outcome, axis, outcome.settings["pairs"])
  most = aggregate.ceiling(len(outcome.task.examples["id"]))
  width = max(result.member.run.vae.latents for result in outcome.results)
  pad = lambda x: np.pad(x, (0, width - len(x)), constant_values=np.nan)
  kl = np.stack([pad(-np.sort(-result.answer["latents"])) for result in outcome.results])
  arrays = {"latents": kl, "at_least_above": np.asarray(most - NEAR)}  # of the information
  arrays["member"] = np.asarray([result.member.number for result in outcome.results])
  mean = lambda line: results.mean(line, "information", METRICS["information"], "")
  full = [line for line in outcome.ours if mean(line) > most - NEAR]
  said, words = pairs.findings(outcome, found), results.setting_words
  said += rates.absent(outcome.members) + symbols.sentences(outcome)
  if full:
    said.append(
      f"The mutual information of {'; '.join(words(line, outcome.ours) for line in full)} is"
      f" within {NEAR:g} nats of {most:.2f}, the log of the number of examples: it is at least"
      " that, and KL(q(z) ‖ p(z)) and the total correlation are at most what the tables say."
    )
  return Extra(
    [pairs.table(outcome, found)] if found else [],
    _figures.all_of(outcome, axis, most, kl),
    said,
    arrays | thumbnails.arrays(outcome),
    pairs.block(outcome, found),
  )
