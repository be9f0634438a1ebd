"""Model comparison: what a VAE, an autoencoder and a GAN with the same decoder are good at."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax import asking
from vae_jax.applications.model_comparison import _asked, _showing, _tuning
from vae_jax.baselines import pca, pca_gmm
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Task
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.metrics import image
from vae_jax.run import Run
from vae_jax.studies import distribution_scores as distribution
from vae_jax.studies import pairs, symbols
from vae_jax.types import UserError

QUESTION = "With the same decoder: what is a VAE good at, an autoencoder, a GAN?"
COMPARES_MEMBERS = True
FAMILIES = True  # points of the whole space are searched under any prior
SETTINGS = {
  **COMMON,
  "limit": 500,  # samples, and held-out images that they are compared with
  "tune": 500,  # of both, on validation
  "components": 10,  # of the mixture over the codes, and of the one over PCA's
  "weighed": 100,  # images whose likelihood is bounded
  "importance": 200,  # K of that bound
  "searched": 50,  # images whose code is searched for
  "starts": 4,  # draws of N(0, I) that the search begins at
  "steps": 100,  # of the search
  "rate": 0.1,  # its first step size, in units of z
  "probed": 2000,  # training codes that the linear probe learns from
  "mask_seed": 1,  # of the classifier that counts classes
  **distribution.SETTINGS,
}
ONCE, SEARCH, PROBE = _showing.ONCE, _showing.SEARCH, _showing.PROBE
PRIOR, MIXTURE, REBUILT = _asked.PRIOR, _asked.MIXTURE, "reconstructions"
TRAIN, MIDDLE, FADE = _showing.TRAIN, _showing.MIDDLE, _showing.FADE
REFERENCES = (REBUILT, MIDDLE, FADE, TRAIN)
CODES, LIKE = "What does the code keep?", distribution.LIKE
METRICS = {
  **{k: m for k, m in distribution.METRICS.items() if m.table == LIKE},
  "sharpness": Metric("Sharpness ÷ data's", better=0, table=LIKE),
  "classes": Metric(
    "Classes", better=0, digits=1, reduce=lambda rows: _asked.classes(rows), table=LIKE
  ),
  "mse": Metric("Squared error", better=-1, digits=4, table=CODES),
  "probe": Metric("Linear probe", "%", digits=1, table=CODES),
  "nll": Metric("NLL (K={importance})", "nats", -1, 1, table=CODES),
}
HEADLINE = "frechet"
CONTRASTS = ((PRIOR, MIXTURE),)
NOTE = (
  distribution.NOTE.split(" Median to train")[0]
  + " The prior is N(0, I), which an autoencoder did not train for, or what the model learned."
  " Sharpness: the mean square of the Laplacian over that of held-out images; 1 is theirs,"
  " below is blurred. Classes: how many a classifier of train finds in at least 2 % of the"
  " samples. Midpoints: half way between the codes of two held-out images, mostly of two classes,"
  " along a great circle, and of a GAN between two draws of the prior; beside the average of the"
  " two images. Search for z: the best code that {steps} steps from {starts} draws of N(0, I) find"
  " for the first {searched} images; the only way to one of a GAN, whose encoder is not trained."
  " Linear probe: a logistic regression on codes of train. NLL: an importance-weighted bound of"
  " the first {weighed} images, where the model has a likelihood and a q(z|x); others have none."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what is no labelled image, one setting alone, and data that differ."""
  for run in runs:
    labelled = len(run.spec.classes) > 1 and "label" in run.dataset.splits["train"]
    if run.spec.kind != "image" or not labelled or run.vae.given is not None:
      raise UserError(
        "model_comparison needs labelled images and models without a condition: its scores are"
        " in the features of a classifier."
      )
    symbols.require_real(run, "model_comparison searches for a code by its gradient")
  pairs.check(runs)
  if len({one.setting for one in of_members.of(runs, [0] * len(runs))}) < 2:
    raise UserError(
      "model_comparison compares settings, and this run has one: sweep objective.name, as"
      " configs/model_comparison.py does."
    )


def prepare(source: Source, split: str, limit: int) -> Task:
  """Held-out images, evenly spaced in the split; `truth` is what samples are compared with."""
  examples = source.spread(split, limit)
  held = distribution.held(source, source.inputs(examples))
  return Task(source, split, examples, truth=held)


def encodes(run: Run) -> bool:
  """Whether the objective trains the encoder: a GAN does not."""
  return run.config["objective"]["name"] != "gan"


def model(task: Task, run: Run) -> dict[str, Any]:
  """Samples, reconstructions, codes that are found, and what a linear probe reads."""
  source, s = task.source, task.settings
  found = {}
  for name, x in _asked.samples(task, run, encodes(run)).items():
    found[name] = {"like": x[:, None]}
  if task.split != s["split"]:  # nothing else is chosen by
    return found
  few = {name: values[: s["searched"]] for name, values in task.examples.items()}
  found[MIDDLE] = {"like": _asked.midpoints(task, run, encodes(run))[:, None]}
  found[SEARCH] = {"x": _asked.searched(run, few, s, source.key)[:, None]}
  if not encodes(run):
    return found
  codes = source.posterior(run, task.examples).mean
  x = pictures.decoded(run, codes, source.key)
  found[ONCE], found[REBUILT] = {"x": x[:, None]}, {"like": x[:, None]}
  if run.stochastic and run.likelihood.proper:
    some = {name: values[: s["weighed"]] for name, values in task.examples.items()}
    weighed = asking.evidence(run, some, source.key, s["importance"], 50)
    found[ONCE]["nll"] = -np.asarray(weighed.log_evidence, np.float64)[:, None]
  known = source.posterior(run, source.spread("train", s["probed"])).mean
  right = [
    _asked.probe(source, *pair, task.examples) for pair in zip(known, codes, strict=True)
  ]
  found[PROBE] = {"probe": np.stack(right)[:, None]}
  return found


def baselines(task: Task) -> dict[str, Callable[[int], Any]]:
  """PCA with as many numbers, and a mixture over its codes; images of train, and cross-fades."""
  source, s = task.source, task.settings
  latents, seed = max(r.vae.latents for r in source.runs), distribution.seed_of(source)
  mixed = source.once(
    "mixed", lambda: pca_gmm.fit(source.train, latents, s["components"], seed)
  )
  code = lambda x: pca.encode(mixed.code, x)
  known = lambda: source.inputs(source.spread("train", s["probed"]))
  probe = lambda: _asked.probe(source, code(known()), code(task.truth.x), task.examples)
  count, other = len(task.truth.x), _asked.partners(task.examples["label"])
  return {
    TRAIN: lambda c: {"like": task.truth.some},
    FADE: lambda c: {"like": 0.5 * (task.truth.x + task.truth.x[other])},
    _showing.PCA_MIXTURE: lambda c: {"like": pca_gmm.sample(mixed, count, seed)},
    _showing.PCA: lambda c: {"x": pca.rebuild(mixed.code, task.truth.x), "probe": probe()},
  }


def score(task: Task, answer: dict[str, np.ndarray], condition: int) -> dict:
  """The scores of one answer, [n] each.

  Args:
    task: `truth` are the held-out images and what goes with them.
    answer: "like", samples; "x", rebuilt images of the first n; "probe" and "nll", numbers.
    condition: not read.
  """
  del condition
  found = {k: np.asarray(answer[k], float) for k in ("nll", "probe") if k in answer}
  if "x" in answer:
    x = np.clip(answer["x"], 0, 1)
    found["mse"] = image.squared_error(task.truth.x[: len(x)], x)
  if "like" in answer:
    x = np.clip(answer["like"], 0, 1)
    found |= distribution.like(task.truth, x)
    found["sharpness"] = distribution.sharpness(x, task.truth.x)
    found["classes"] = np.eye(len(task.source.spec.classes))[task.source.judge(x)]
  return found


def further(outcome: Outcome) -> Extra:
  """How stable each setting is over its seeds, what it costs, samples side by side."""
  said = [
    f"{name} has no likelihood of images: its NLL is a dash."
    for name in _showing.without_likelihood(outcome)
  ]
  if any(not encodes(m.run) for m in outcome.members):
    said.append(
      "The GAN has no encoder: its codes are searched for, and its reconstructions are flagged"
      f" as {SEARCH!r}; the linear probe has no row of it."
    )
  tuned = _tuning.tables(outcome)  # rates are compared there, and not yet the contestants
  tables = [*(tuned or [_showing.side_by_side(outcome)])]
  tables.append(_showing.stability(outcome, PRIOR))
  drawn = {"samples": PRIOR, "mixture": MIXTURE}
  figures = [_showing.samples(outcome, *one) for one in drawn.items()]
  return Extra(tables, figures, said)
