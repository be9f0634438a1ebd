"""Reconstruction: how well an example is rebuilt from its code, and what the code costs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import asking
from vae_jax.baselines import pca
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.results import Line
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.metrics import fidelity, latent
from vae_jax.metrics.summary import ratio
from vae_jax.run import Run
from vae_jax.studies import advice, codes, symbols

QUESTION = "How much of an example survives the code, and what does the code cost?"
FAMILIES = True  # of posteriors and priors: all are asked through `distributions`
SETTINGS = {
  **COMMON,  # limit: examples of the importance-weighted NLL; all else is of the whole split
  "tune": 1000,
  "samples": 100,  # K of the importance-weighted NLL
  "chunk": 50,  # of the K samples evaluated at once: memory, not the result
}
VARIES = ("mask_seed",)
_ERRORS, _SIZE = "Squared error beside the linear code", "Size of the code"
METRICS = {
  "elbo": Metric("ELBO", "nats"),
  "nll": Metric("NLL (K={samples})", "nats", -1),
  "iw": Metric("IW loss (K={samples})", "nats", -1),
  "rate": Metric("Rate", "nats", 0),
  "distortion": Metric("Distortion", "nats", -1),
  "bits": Metric("Bits/dim", better=-1, digits=3, reduce=ratio),
  "gap": Metric("Gap", "nats", 0),
  "ess": Metric("ESS", better=0, digits=1),
  "mse": Metric("Squared error", better=-1, digits=4, reduce=ratio, table=_ERRORS),
  "psnr": Metric("PSNR", "dB", reduce=ratio, table=_ERRORS),
  "other": Metric("Another's code", "", 0, 4, ratio, _ERRORS),
  "numbers": Metric("Numbers", "", 0, 0, table=_SIZE),
  "share": Metric("Numbers, %", "", 0, 1, table=_SIZE),
  "float32": Metric("float32 bytes", "", 0, 0, table=_SIZE),
  "stored": Metric("Bytes, %", "", 0, 1, table=_SIZE),
  "bytes": Metric("Rate bytes", "", 0, 1, table=_SIZE),
  "coded": Metric("Rate, %", "", 0, 1, table=_SIZE),
}
NOTE = (
  "ELBO = −rate − distortion at β = 1, one sample of z, whatever the objective. NLL: the"
  " importance-weighted −log p(x) with K = {samples} samples of z, an upper bound that falls as K"
  " grows, on {limit} examples at most; IW loss: the same of a cross-entropy on grey levels, which"
  " is not a likelihood; gap: what the ELBO loses to it; ESS: how many of the K count. Bits/dim:"
  " −ELBO for each number that is there. A deterministic autoencoder has a distortion alone. With a"
  " corruption rate, distortion and ELBO are of corrupted inputs, all else of clean ones. Squared"
  " error: of E[x|z] at the posterior mean, for each number; PCA and the average are fitted on what"
  " is observed of train. Another's code: that of a different example; no worse would mean that the"
  " code is not used. Rate bytes: KL / (8 ln 2), what an ideal coder would need."
)


class Own(NamedTuple):
  """What squared errors and the NLL are of."""

  there: fidelity.There
  rows: np.ndarray  # [R] examples of the NLL
  peak: float  # of PSNR


def prepare(source: Source, split: str, limit: int) -> Task:
  """A whole split, or the first validation examples, and which of them the NLL is of."""
  examples = source.split(split, None if split == source.settings["split"] else limit)
  x = source.inputs(examples)
  low, high = pictures.limits(source.data)
  there = fidelity.all_comparable(source.spec, x, examples)
  own = Own(there, pictures.spread(len(x), limit), (high - low) or 1.0)
  return Task(source, split, examples, truth=x, own=own)


def model(task: Task, run: Run) -> dict[str, Any]:
  """Rate, distortion, evidence and squared errors of every member, [M, 1, N, ...] each."""
  examples, rows = task.examples, task.own.rows
  subset = {name: values[rows] for name, values in examples.items()}
  terms = (asking.elbo if run.stochastic else asking.terms)(run, examples)
  q = task.source.posterior(run, examples)
  found = {"distortion": terms["distortion"], **q._asdict()}
  if task.own.there.seen.any():
    # Half the set away, so that neighbours of one class in a sorted file are not exchanged.
    another = np.roll(q.mean[:, rows], max(1, len(rows) // 2), axis=1)
    found["mse"] = asking.squared_errors(run, examples, q.mean)
    found["other"] = asking.squared_errors(run, subset, another)
  if run.stochastic:
    found["rate"] = terms["rate"]
  if run.stochastic and task.split == task.settings["split"]:  # chosen by the ELBO alone
    sizes = task.settings["samples"], task.settings["chunk"]
    weighed = asking.evidence(run, subset, task.source.key, *sizes)
    bound = "nll" if run.likelihood.proper else "iw"
    found |= {bound: -weighed.log_evidence, "ess": weighed.ess}
  if run.stochastic and run.likelihood.proper:
    bits = np.float64(found["rate"] + found["distortion"]) / np.log(2)
    dims = np.broadcast_to(fidelity.dimensions(run.spec, examples), bits.shape)
    found["bits"] = np.stack([bits, dims], -1)
  method = "VAE" if run.stochastic else "autoencoder"
  return {method: jax.tree.map(lambda values: values[:, None], found)}


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """PCA with as many numbers as the models have latents, or active ones; the average."""
  there, source = task.own.there, task.source
  if not there.seen.any():
    return {}
  fitted, sizes, active = codes.linear(source), set(), set()
  for run in source.runs:
    units = latent.active_units(source.posterior(run, task.examples).mean)
    sizes.add(min(run.vae.latents, len(fitted.std)))
    active |= {int(count) for count in units.sum(-1)} - {0}
  sizes |= {count for count in sorted(active)[-3:] if count <= len(fitted.std)}

  def of(count: int) -> dict[str, Any]:
    rebuilt = pca.rebuild_seen(fitted, *there, count)
    return {"mse": fidelity.sums(there, rebuilt), "numbers": count}

  found = {f"PCA, {n} numbers": lambda c, n=n: of(n) for n in sorted(sizes, reverse=True)}
  return found | {"average example": lambda c: of(0)}


def rivals(line: Line, baselines: list[Line]) -> list[Line]:
  """The linear codes of no more numbers than a line's own."""
  latents = line.cells[""][0].member.run.vae.latents
  return [one for one in baselines if one.cells[""][0].answer["numbers"] <= latents]


def score(task: Task, answer: Any, condition: int) -> dict[str, np.ndarray]:
  """Nats, squared errors and sizes of a code; sums come with their counts, [n, 2]."""
  found = {name: values for name, values in answer.items() if name in METRICS}
  count = answer["mean"].shape[-1] if "mean" in answer else answer["numbers"]
  found |= fidelity.sizes(task.source.spec, count, answer.get("rate"))
  if "mse" in answer:
    found["psnr"] = fidelity.decibels(answer["mse"], task.own.peak)
  if "rate" in answer:
    found["elbo"] = -(answer["rate"] + answer["distortion"])
    bound = answer.get("nll", answer.get("iw"))
    found |= {} if bound is None else {"gap": -found["elbo"][task.own.rows] - bound}
  return found


def further(outcome: Outcome) -> Extra:
  """Rebuilt examples, what latents carry, the spread of errors, and the codes as arrays."""
  answers = {r.member.number: r.answer for r in outcome.results if r.member is not None}
  lead, task = outcome.lead, outcome.tasks[outcome.lead.part]
  there, latents, mine = task.own.there, lead.run.vae.latents, answers[lead.number]
  linear, beside = (lambda rows: {}), {}
  if there.seen.any():
    fitted = codes.linear(task.source)
    code = lambda rows: pca.rebuild_seen(fitted, there.y[rows], there.seen[rows], latents)
    linear = lambda rows: {"PCA": code(rows)}
    beside = {"PCA": fidelity.sums(there, code(slice(None)))}
  drawn = codes.drawn(outcome)
  figures = codes.rebuilt(task, drawn, answers, mine["distortion"], linear)
  figures += codes.rates(drawn, answers) + codes.plane(task, drawn, answers)
  figures += codes.errors(drawn, answers, beside)
  size = fidelity.original_bytes(lead.run.spec)
  said = [f"An example is {lead.run.spec.size} numbers and takes {size:g} bytes."]
  said += symbols.sentences(outcome) + advice.sentences(outcome)
  samples = outcome.settings["samples"]
  if np.mean(mine.get("ess", samples)) < 0.05 * samples:
    count = f"{np.mean(mine['ess']):.1f} of {samples} importance samples"
    said.append(f"Only {count} count: more of them would lower the bound.")
  return Extra((), figures, said, {"nll_id": task.own.rows} | codes.arrays(answers))
