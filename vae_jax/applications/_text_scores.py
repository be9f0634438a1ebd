"""What is measured of sentences, for all members at once."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import registry
from vae_jax.applications import _evidence, _members, _pictures
from vae_jax.data import sentences
from vae_jax.metrics import importance, information
from vae_jax.run import Run, apply, apply_latents, open_run, terms
from vae_jax.types import (
  Array,
  Dataset,
  Example,
  Figure,
  Hyper,
  Params,
  Posterior,
  Spec,
  Table,
  UserError,
)

PARTNERS = 2  # strangers whose code a sentence is scored under


class Section(NamedTuple):
  """A part of the report."""

  tables: list[Table]
  figures: list[Figure]
  findings: list[str]


class Source:
  """A run with its sentences, and the functions that every section asks."""

  def __init__(self, run: Run, data: Dataset, key: Array, settings: dict[str, Any]):
    self.run, self.data, self.key, self.settings = run, data, key, settings
    self.train = data.splits["train"]
    self.all = _members.split(data, settings["split"])
    self.rows = _pictures.spread(len(self.all["x"]), settings["limit"])
    self.examples = {name: values[self.rows] for name, values in self.all.items()}
    self.unit = run.config["data"].get("unit", "word")
    objective = registry.find("objectives", run.config["objective"]["name"])
    self.coded = getattr(objective, "LATENT", True)  # False: a language model
    # Read now: what the caller can mend is told before minutes of compute.
    self.pair = _pair(settings["pair"], run.spec, self.unit) if settings["pair"] else None
    self.language = _language_model(run, settings["language_model"])

  @functools.cached_property
  def sentences(self) -> list[str]:
    """The sentences that all perplexities are of."""
    return self.texts(self.examples["x"])

  def texts(self, rows: np.ndarray) -> list[str]:
    """The sentences of rows [N, T]."""
    between = " " if self.unit == "word" else ""
    return [sentences.text(row, self.run.spec.symbols, between) for row in rows]

  def greedy(self, z: np.ndarray) -> np.ndarray:
    """The likeliest sentence step by step of codes [M, N, L] or [N, L]: [M, N, T]."""
    write = lambda params, z, key: self.run.vae.mode(params, z)
    return apply_latents(self.run, write, z, self.key, self.settings["batch"])

  def encode(self, examples: dict[str, np.ndarray]) -> Posterior:
    """q(z|x) of every member, [M, N, L] each."""
    ask = lambda params, hyper, example, key: self.run.vae.posterior(params, example)
    return apply(self.run, ask, examples, self.key, self.settings["batch"])


class Scores(NamedTuple):
  """For M members; N sentences of the split, R of them in every perplexity."""

  rate: np.ndarray  # [M, N] nats
  distortion: np.ndarray  # [M, N] nats
  evidence: importance.Evidence | None  # [M, R] each
  codes: Posterior | None  # [M, N, L] each; None for a language model
  information: list[float]  # [M] nats
  own: np.ndarray | None  # [M, R] -log p(x|z) at the mean code, nats
  stranger: np.ndarray | None  # [M, R] the same under the codes of other sentences
  written: np.ndarray | None  # [M, R, T] greedy reconstructions
  language: np.ndarray | None  # [M', R] nats of the language model that was given


def measure(source: Source) -> Scores:
  """All scores; what needs a code is None for a language model."""
  run, settings = source.run, source.settings
  drawn = terms(run, source.all, settings["batch"])
  language = None
  if source.language is not None:
    language = terms(source.language, source.examples, settings["batch"])["distortion"]
  if not source.coded:
    return Scores(
      drawn["rate"], drawn["distortion"], None, None, [], None, None, None, language
    )
  codes = source.encode(source.all)
  evidence = _weigh(source) if run.stochastic else None
  rng = np.random.default_rng(np.asarray(jax.random.key_data(source.key)))
  shared = [
    information.mutual_information(*member, rng) if run.stochastic else float("nan")
    for member in zip(*codes, strict=True)
  ]
  own, stranger = _swapped(source)
  written = source.greedy(codes.mean[:, source.rows])
  return Scores(
    drawn["rate"],
    drawn["distortion"],
    evidence,
    codes,
    shared,
    own,
    stranger,
    written,
    language,
  )


def nll(source: Source, scores: Scores) -> np.ndarray | None:
  """-log p(x) of the R sentences, [M, R] nats: a bound for a VAE; None without noise."""
  if not source.coded:
    return scores.distortion[:, source.rows]
  return None if scores.evidence is None else -scores.evidence.log_evidence


def arrays(scores: Scores) -> dict[str, np.ndarray]:
  """What a later analysis wants."""
  found = {"rate": scores.rate, "distortion": scores.distortion}
  if scores.evidence is not None:
    found["log_evidence"] = scores.evidence.log_evidence
  if scores.codes is not None:
    found |= {"means": scores.codes.mean, "written": scores.written}
  return found


def _weigh(source: Source) -> importance.Evidence:
  settings, vae = source.settings, source.run.vae

  def weigh(params: Params, hyper: Hyper, example: Example, key: Array) -> Any:
    del hyper
    return _evidence.estimate(
      vae, params, example, key, settings["samples"], settings["chunk"]
    )

  return apply(source.run, weigh, source.examples, source.key, settings["batch"])


def _swapped(source: Source) -> tuple[np.ndarray, np.ndarray]:
  """-log p(x|z) at the sentence's own mean code, and at those of strangers."""
  vae, x = source.run.vae, source.examples["x"]
  count = len(x)
  # Sentences of one class may stand together: strangers are a third and two thirds away.
  away = [np.roll(x, max(1, count * (i + 1) // (PARTNERS + 1)), 0) for i in range(PARTNERS)]
  fields = {**source.examples, "other": np.stack(away, 1)}

  def score(params: Params, hyper: Hyper, example: Example, key: Array) -> Any:
    del hyper, key
    code = lambda x: vae.posterior(params, {"x": x}).mean
    at = lambda z: -vae.log_likelihood(params, z, example)
    return at(code(example["x"])), jnp.mean(
      jax.vmap(lambda x: at(code(x)))(example["other"])
    )

  return apply(source.run, score, fields, source.key, source.settings["batch"])


def _pair(given: str, spec: Spec, unit: str) -> tuple[list[str], np.ndarray]:
  """The two sentences of the setting `pair`, as written and as rows [2, T]."""
  both = [part.strip() for part in given.split("|")]
  if len(both) != 2:
    raise UserError(f"The setting pair is {given!r}; expected two sentences, 'a | b'.")
  return both, np.stack([sentences.parse(s, spec, unit) for s in both])


def _language_model(run: Run, path: str) -> Run | None:
  """The run of the objective language_model that the setting names, on the same data."""
  if not path:
    return None
  other = open_run(path, run.which, run.about["data_dir"])
  if other.config["objective"]["name"] != "language_model":
    raise UserError(
      f"The setting language_model names {path}, whose objective is"
      f" {other.config['objective']['name']!r}; expected a run of language_model."
    )
  same = all(
    np.array_equal(run.dataset.splits[s]["x"], other.dataset.splits[s]["x"])
    for s in run.dataset.splits
  )
  if other.spec != run.spec or not same:
    raise UserError(f"The language model {path} was trained on other sentences or symbols.")
  return other
