"""What is measured of sentences, for all members at once."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import registry
from vae_jax.applications import _members, _pictures
from vae_jax.asking import apply, apply_latents, terms
from vae_jax.data import sentences
from vae_jax.inference.importance import estimate
from vae_jax.metrics import importance, information
from vae_jax.run import Run, open_run
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
    self.coded = _coded(run)
    # Read now: what the caller can mend is told before minutes of compute.
    self.pair = _pair(settings["pair"], run.spec, self.unit) if settings["pair"] else None
    self.language = _language_model(run, settings["language_model"])
    self.control = _conditional(run, settings["conditional"], self.coded)

  @functools.cached_property
  def sentences(self) -> list[str]:
    """The sentences that all perplexities are of."""
    return self.texts(self.examples["x"])

  def texts(self, rows: np.ndarray) -> list[str]:
    """The sentences of rows [N, T]."""
    between = " " if self.unit == "word" else ""
    return [sentences.text(row, self.run.spec.symbols, between) for row in rows]

  @functools.cached_property
  def label_nats(self) -> np.ndarray:
    """-log p(label) of each sentence of the split under a conditional model; else 0: [N].

    p is the label's share of train. With it the NLL of a sentence given its label is one of
    both together, which bounds that of the sentence alone.
    """
    return _label_nats(self.run, self.train, self.all)

  def write(self, fn: Callable, z: np.ndarray, label: np.ndarray | None) -> np.ndarray:
    """`fn(vae, params, z, key) -> [T]` of codes [M, N, L] or [N, L]: [M, N, T].

    A conditional model writes under the labels [N]; the others do not read them.
    """
    run, batch = self.run, self.settings["batch"]
    if run.vae.given is None:
      ask = lambda params, z, key: fn(run.vae, params, z, key)
      return apply_latents(run, ask, z, self.key, batch)
    beside = np.broadcast_to(np.asarray(label)[:, None], (*z.shape[:-1], 1))
    both = np.concatenate([z, beside], -1).astype(np.float32)
    given = lambda code: run.vae.given(code[-1].astype(jnp.int32))
    ask = lambda params, code, key: fn(given(code), params, code[:-1], key)
    return apply_latents(run, ask, both, self.key, batch)

  def greedy(self, z: np.ndarray, label: np.ndarray | None) -> np.ndarray:
    """The likeliest sentence step by step of codes and their labels: [M, N, T]."""
    return self.write(lambda vae, params, z, key: vae.mode(params, z), z, label)

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
    language = language + _label_nats(source.language, source.train, source.examples)
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
  written = source.greedy(codes.mean[:, source.rows], source.examples.get("label"))
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
  """-log p(x) of the R sentences, [M, R] nats: a bound for a VAE; None without noise.

  Of a conditional model, of the sentence and its label.
  """
  label = source.label_nats[source.rows]
  if not source.coded:
    return scores.distortion[:, source.rows] + label
  return None if scores.evidence is None else label - scores.evidence.log_evidence


def negative_elbo(source: Source, scores: Scores) -> np.ndarray:
  """The bound of `nll` with one sample, [M, R] nats."""
  return (scores.rate + scores.distortion + source.label_nats)[:, source.rows]


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
    return estimate(vae, params, example, key, settings["samples"], settings["chunk"])

  return apply(source.run, weigh, source.examples, source.key, settings["batch"])


def _swapped(source: Source) -> tuple[np.ndarray, np.ndarray]:
  """-log p(x|z) at the sentence's own mean code, and at those of strangers."""
  vae, names = source.run.vae, [name for name in source.examples if name != "id"]
  count = len(source.rows)
  # Sentences of one class may stand together: strangers are a third and two thirds away.
  steps = [max(1, count * (i + 1) // (PARTNERS + 1)) for i in range(PARTNERS)]
  away = lambda values: np.stack([np.roll(values, step, 0) for step in steps], 1)
  fields = {f"other_{name}": away(source.examples[name]) for name in names}

  def score(params: Params, hyper: Hyper, example: Example, key: Array) -> Any:
    del hyper, key
    code = lambda sentence: vae.posterior(params, sentence).mean
    at = lambda z: -vae.log_likelihood(params, z, example)
    others = {name: example[f"other_{name}"] for name in names}
    return at(code(example)), jnp.mean(jax.vmap(lambda other: at(code(other)))(others))

  fields |= source.examples
  return apply(source.run, score, fields, source.key, source.settings["batch"])


def _label_nats(run: Run, train: Example, examples: Example) -> np.ndarray:
  """-log p(label) where the model is conditional, 0 where it is not: [N]."""
  if run.vae.given is None:
    return np.zeros(len(examples["x"]))
  share = np.bincount(train["label"]) / len(train["label"])
  return -np.log(share[examples["label"]])


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
  _check_same(run, other, f"The language model {path}")
  return other


def _conditional(run: Run, path: str, coded: bool) -> Run | None:
  """The conditional model that turns sentences over: the run itself, or that of the setting."""
  if not path:
    return run if coded and run.vae.given is not None else None
  if not coded or run.vae.given is not None or len(run.spec.classes) != 2:
    raise UserError(
      f"The setting conditional names {path}, to be compared with the code of a VAE that is not"
      " conditional, on sentences of two classes; evaluate it alone, or beside such a run."
    )
  other = open_run(path, run.which, run.about["data_dir"])
  if other.vae.given is None or not _coded(other):
    raise UserError(
      f"The setting conditional names {path}, which is no conditional VAE; expected a run with"
      " model.condition=label."
    )
  _check_same(run, other, f"The conditional model {path}")
  return other


def _coded(run: Run) -> bool:
  """False for a language model."""
  objective = registry.find("objectives", run.config["objective"]["name"])
  return getattr(objective, "LATENT", True)


def _check_same(run: Run, other: Run, name: str) -> None:
  """Refuses another run that was trained on other data."""
  same = all(
    np.array_equal(values, other.dataset.splits[split].get(field))
    for split, fields in run.dataset.splits.items()
    for field, values in fields.items()
  )
  if other.spec != run.spec or not same:
    raise UserError(f"{name} was trained on other sentences or symbols.")
