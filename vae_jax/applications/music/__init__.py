"""Music: what the code keeps of a melody, and moving from one melody to another."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, distributions
from vae_jax.applications.music import _moving, _showing
from vae_jax.baselines import kneser_ney
from vae_jax.data import melodies as data
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.members import has_code
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.metrics import midi
from vae_jax.metrics import music as metrics
from vae_jax.run import Run
from vae_jax.studies import language, sections
from vae_jax.types import Array, Example, Hyper, Params, UserError

QUESTION = "What does the code keep of a melody, and can one move from one to another?"
SETTINGS = {
  **COMMON,
  "limit": 500,  # windows that are scored, evenly spaced in the split
  "samples": 100,  # K of the importance-weighted NLL
  "chunk": 10,  # of the K samples at once: memory, not the result
  "batch": 100,  # windows at once: memory, not the result
  "order": 4,  # n of the Kneser-Ney model that judges paths
  "steps": 9,  # melodies of a path, both ends among them
  "paths": 30,  # that the curves of a path average over
  "language_model": "",  # a run of the objective language_model on the same data
  "input": "",  # a MIDI file of one's own
  "towards": "",  # another one, to go to from the first
}
METRICS = {
  "nll": Metric("NLL", "nats", -1),
  "kl": Metric("KL", "bits", 0, 1),
  "forced": Metric("Accuracy, teacher-forced", digits=3),
  "forced_onset": Metric("Onsets, teacher-forced", digits=3),
  "free": Metric("Accuracy, free-running", digits=3),
  "onset": Metric("Onsets, free-running", digits=3),
  "drawn": Metric("Accuracy, drawn", digits=3),
  "exact": Metric("Exact, free-running", digits=3),
  "stranger": Metric("Another's code", "nats", 0, 1),
}
ELBO, LM, HOLD, NEAREST = "VAE, ELBO", "language model", "always hold", "nearest in train"
REFERENCES = (ELBO,)
ORDERS = (2, 4, 8)  # n of the n-grams
NOTE = (
  "NLL: −log p of a window with its end, importance-weighted with K = {samples} draws of z for the"
  " VAE. Accuracy: the share of steps of a sixteenth that are right. Onsets: the same of the steps"
  " at which a note begins, because most steps are held. Teacher-forced: the likeliest symbol after"
  " the true ones before it, given the mean code; free-running: the greedy decode of the mean"
  " code, which reads what it wrote itself; drawn: one draw of p(x|z). Another's code: −log"
  " p(x|z) at another window's code less that at its own; 0 is a code that is not used."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no melodies, a missing extra, and files that cannot be read."""
  midi.require()
  for run in runs:
    if run.config["data"]["name"] != "melodies":
      raise UserError(
        f"music reads runs on the data 'melodies', not on {run.dataset.name!r}; train with"
        " --config=configs/music.py."
      )
  if settings["towards"] and not settings["input"]:
    raise UserError("The setting towards needs the setting input, to go from there.")
  for name in ("input", "towards"):
    if settings[name]:
      _moving.read(settings[name], runs[0])


def prepare(source: Source, split: str, limit: int) -> Task:
  """Evenly spaced windows of a split; the language model is opened first."""
  path = source.settings["language_model"]
  beside = source.once("language", lambda: language.opened(source.run, path))
  examples = source.spread(split, limit)
  return Task(source, split, examples, truth=examples["x"], own=beside)


def model(task: Task, run: Run) -> dict[str, Any]:
  """The bounds on −log p(x), and what is written from the code in three ways."""
  s, x, key, m = task.settings, task.examples, task.source.key, len(run.members)
  if not has_code(run):
    answers = {LM: _spoken(run, x, key, s["batch"])}
  else:
    terms = asking.elbo(run, x, s["batch"])
    found = {"nll": -asking.evidence(run, x, key, s["samples"], s["chunk"]).log_evidence}
    found["kl"] = terms["rate"] / np.log(2)
    found |= asking.apply(run, _write(run), x, key, s["batch"])
    found["stranger"] = language.worth(run, x, key, s["batch"])
    answers = {"VAE": found, ELBO: {"nll": -terms["elbo"]}}
  one = lambda values: np.asarray(values).reshape(m, 1, *np.shape(values)[1:])
  return {method: {k: one(v) for k, v in a.items()} for method, a in answers.items()}


def likeliest(theta: Array) -> Array:
  """The likeliest symbol of theta [T, V] at each step, padding barred: [T]."""
  return 1 + jnp.argmax(theta[:, 1:], -1).astype(jnp.int32)


def _write(run: Run) -> Callable:
  def fn(params: Params, hyper: Hyper, example: Example, key: Array) -> dict[str, Array]:
    del hyper
    q = run.vae.posterior(params, example)
    first, second = jax.random.split(key)
    drawn = run.vae.sample(params, distributions.sample(q, first), second)
    forced = likeliest(run.vae.forced(params, q.mean, example))
    return {
      "x_forced": forced,
      "x_free": run.vae.mode(params, q.mean),
      "x_drawn": drawn,
    }

  return fn


def _spoken(run: Run, x: dict[str, np.ndarray], key: Array, batch: int) -> dict[str, Any]:
  """What a language model, a decoder at z = 0, says of windows."""

  def fn(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper, key
    return likeliest(run.vae.forced(params, jnp.zeros(run.vae.latents), example))

  nats = asking.terms(run, x, batch)["distortion"]
  return {"nll": nats, "x_forced": asking.apply(run, fn, x, key, batch)}


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """Holding, n-grams, the language model, and the nearest window of train."""
  source, x = task.source, task.truth
  train, size = source.data.splits["train"]["x"], source.spec.categories
  found: dict[str, Callable[[int], Any]] = {}
  found[HOLD] = lambda c: {"x_forced": np.full_like(x, data.HOLD)}
  for n in ORDERS:
    fit = lambda n=n: source.once(f"gram {n}", lambda: kneser_ney.fit(train, n, size))
    found[f"Kneser-Ney {n}-gram"] = lambda c, fit=fit: {
      "nll": -kneser_ney.log_prob(fit(), x),
      "x_forced": _guesses(fit(), x),
    }
  if task.own is not None:
    asked = task.own, task.examples, source.key, task.settings["batch"]
    found[LM] = lambda c: {k: v[0] for k, v in _spoken(*asked).items()}
  found[NEAREST] = lambda c: {"x_free": _nearest(train, x)}
  return found


def score(task: Task, answer: dict[str, Any], condition: int) -> dict[str, np.ndarray]:
  """Numbers of each window."""
  del condition
  x, found = task.truth, {k: answer[k] for k in ("nll", "kl", "stranger") if k in answer}
  if "x_forced" in answer:
    y = answer["x_forced"]
    found |= {"forced": metrics.accuracy(x, y), "forced_onset": metrics.onsets(x, y)}
  if "x_free" in answer:
    y = answer["x_free"]
    found |= {"free": metrics.accuracy(x, y), "onset": metrics.onsets(x, y)}
    found["exact"] = metrics.exact(x, y)
  if "x_drawn" in answer:
    found["drawn"] = metrics.accuracy(x, answer["x_drawn"])
  return found


def further(outcome: Outcome) -> Extra:
  """Piano rolls, sound, paths, attributes, and a user's own files."""
  parts = [_showing.rebuilt, _showing.samples, _moving.path, _moving.attributes]
  if outcome.settings["input"]:
    parts.append(_moving.own)
  return sections.joined(outcome, parts)


def _guesses(model: kneser_ney.Model, x: np.ndarray) -> np.ndarray:
  """The likeliest symbol at each step after the true ones before it, rows [N, T]."""
  known: dict[tuple, int] = {}
  y = np.zeros_like(x)
  for row, to in zip(x.tolist(), y, strict=True):
    for t in range(len(row)):
      context = tuple(row[max(0, t - model.order + 1) : t])
      padded = (0,) * (model.order - 1 - len(context)) + context
      if padded not in known:
        known[padded] = int(kneser_ney.probs(model, padded).argmax())
      to[t] = known[padded]
  return y


def _nearest(train: np.ndarray, x: np.ndarray) -> np.ndarray:
  """The training window with the most steps in common, for each of rows [N, T]."""
  return np.stack([train[(train == row).sum(1).argmax()] for row in x])
