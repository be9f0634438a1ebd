"""Text: what the code says of a sentence, and moving from one sentence to another."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax import asking
from vae_jax.applications.text import _near, _turned, _written
from vae_jax.baselines import kneser_ney
from vae_jax.data import sentences
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.members import has_code
from vae_jax.evaluation.pictures import spread
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.inference import strangers
from vae_jax.metrics import text
from vae_jax.run import Run
from vae_jax.studies import rates, sections
from vae_jax.types import UserError

QUESTION = "Does the code say something of a sentence, and can one move through it?"
FAMILIES = True  # of posteriors and priors; paths are of codes that have directions
SETTINGS = {
  **COMMON,
  "limit": 200,  # sentences that are scored, evenly spaced in the split, and written
  "tune": 100,  # validation sentences that a setting is chosen on
  "samples": 500,  # K of the importance-weighted NLL
  "chunk": 10,  # of the K samples at once: memory, not the result
  "batch": 20,  # sentences at once: memory, not the result
  "order": 3,  # n of the Kneser-Ney model that judges what is written
  "steps": 7,  # sentences of an interpolation
  "pair": "",  # two sentences to go between, "a | b"; empty: a few of the split
  "pairs": "",  # a file of lines "a<tab>b": the same said in the first class and in the second
  "language_model": "",  # a run of the objective language_model on the same data
  "conditional": "",  # a run with model.condition=label on the same data
}
METRICS = {
  "nll": Metric("NLL", "nats", -1),
  "ppl": Metric("Perplexity", better=-1, reduce=text.perplexity_of),
  "ess": Metric("ESS", better=0, digits=1),
  "kl": Metric("KL", "nats", 0, 1),
  "mi": Metric("Mutual information", "nats", 0, 1),
  "own": Metric("Own code", "nats", 0, 1),
  "stranger": Metric("Another's code", "nats", 0, 1),
}
GRAMMAR = "the grammar itself"
REFERENCES = ("VAE, ELBO", "conditional VAE, ELBO", GRAMMAR)
NOTE = (
  "NLL: −log p of a sentence with its end. IW and ELBO are upper bounds, importance-weighted"
  " with K draws of z and with one; all others are exact. ESS: how many of the K draws count."
  " Perplexity is exp(Σ nats / Σ symbols). KL and mutual information are of the N sentences of"
  " the split, of about 10,000 of a larger one, which show at most log N of the latter. Own"
  " code, another's code: −log p(x|z) at the mean code of the sentence, and of others; no"
  " difference means the code is not used. A conditional model is given the label: its NLL and"
  " perplexity count −log p(label) too, and so bound those of the sentence alone."
)
ORDERS = (1, 2, 3, 5)  # n of the n-grams
WHOLE = 10_000  # sentences, evenly spaced, that stand for a split that has more


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no sentences."""
  for run in runs:
    if len(run.spec.shape) != 1 or not run.spec.symbols:
      raise UserError(
        f"The application text reads rows of symbols, and {run.dataset.name} has none; train"
        " with --config=configs/text.py."
      )


def prepare(source: Source, split: str, limit: int) -> Task:
  """Evenly spaced sentences of a split; what the settings name is opened first."""
  whole = source.split(split)
  rows = spread(len(whole["x"]), limit)
  if len(whole["x"]) > WHOLE:
    kept = np.union1d(spread(len(whole["x"]), WHOLE), rows)
    whole = {name: values[kept] for name, values in whole.items()}
    rows = np.searchsorted(kept, rows)
  examples = {name: values[rows] for name, values in whole.items()}
  given = source.once("given", lambda: _written.given(source))
  return Task(source, split, examples, own=_written.Own(rows, *given), whole=whole)


def model(task: Task, run: Run) -> dict[str, Any]:
  """The bounds on −log p(x), what the code tells, and the sentence written from it."""
  s, own, key, x = task.settings, task.own, task.source.key, task.examples
  name = "VAE" if run.stochastic else "autoencoder" if has_code(run) else "language model"
  name = name if run.vae.given is None else f"conditional {name}"
  terms = (asking.elbo if run.stochastic else asking.terms)(run, task.whole, s["batch"])
  paid, found = asking.label_nats(run, x), {k: terms[k] for k in ("rate", "distortion")}
  loss, answers = (terms["rate"] + terms["distortion"])[:, own.rows] + paid, {name: found}
  if has_code(run):
    swap = lambda params, hyper, example, key: strangers.nats(run.vae, params, example)
    found |= asking.apply(run, swap, strangers.beside(x), key, s["batch"])
    codes = task.source.posterior(run, task.whole)
    found |= {"means": codes.mean, "charged": rates.of_latents(run, codes)}
    found["written"] = asking.greedy(
      run, codes.mean[:, own.rows], x.get("label"), key, s["batch"]
    )
  else:
    found["nll"] = loss
  if has_code(run) and run.stochastic:
    weighed = asking.evidence(run, x, key, s["samples"], s["chunk"])
    found |= {"nll": paid - weighed.log_evidence, "ess": weighed.ess, "kl": found["rate"]}
    found |= rates.information(run, codes, key)
    answers = {f"{name}, IW K = {s['samples']}": found, f"{name}, ELBO": {"nll": loss}}
  one = lambda found: {k: v[:, None] for k, v in found.items()}  # of the one condition
  return {method: one(found) for method, found in answers.items()}


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """n-grams, the language models that are given, and the grammar where it is known."""
  source, x, found = task.source, task.examples["x"], {}
  for n in ORDERS:
    gram = kneser_ney.fit(source.data.splits["train"]["x"], n, source.spec.categories)
    found[f"Kneser-Ney {n}-gram"] = lambda c, gram=gram: -kneser_ney.log_prob(gram, x)
  if (run := task.own.language) is not None:
    nats = asking.terms(run, task.examples, task.settings["batch"])["distortion"]
    for m, one in enumerate(nats + asking.label_nats(run, task.examples)):
      name = f"language model {m}" if len(nats) > 1 else "language model"
      found[name] = lambda c, one=one: one
  if source.data.name == "grammar" and sentences.unit(source.run.config) == "word":
    found[GRAMMAR] = lambda c: -sentences.truth(source.data, x)
  return {name: lambda c, fn=fn: {"nll": fn(c)} for name, fn in found.items()}


def score(task: Task, answer: dict[str, Any], condition: int) -> dict[str, np.ndarray]:
  """Nats of each sentence; for the perplexity with its symbols."""
  found = {name: answer[name] for name in METRICS if name in answer}
  if "nll" in found:
    counts = text.symbols(task.examples["x"])
    found["ppl"] = np.stack([found["nll"], counts], -1)
  return found


def further(outcome: Outcome) -> Extra:
  """The use of the code, what is written from it, mood and bits."""
  written = _written.use, _written.reconstruction, _written.interpolation, _written.samples
  parts = (*written, _near.paraphrases, _turned.sentiment, _turned.referred)
  return sections.joined(outcome, (*parts, _written.compression), _written.Sentences)
