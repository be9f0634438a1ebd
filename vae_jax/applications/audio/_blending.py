"""Blends of two sounds: straight lines between codes, against averages of spectra."""

from collections.abc import Callable

import numpy as np

from vae_jax.applications.audio import _sounds
from vae_jax.baselines import pca
from vae_jax.evaluation import pictures, reporting
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Metric, Result, Task
from vae_jax.inference import walks
from vae_jax.metrics import frechet, sound
from vae_jax.run import Run
from vae_jax.types import Figure

CODES, PCA, AVERAGE = "line between codes", "line between PCA codes", "average of spectra"
KINDS = {"class to class": "label", "source to source": "source"}
METRICS = {
  "monotone": Metric("Blends whose probability of the end never falls", digits=3),
  "kept": Metric("Probability that stays with what is blended", digits=3),
  "frechet": Metric("Fréchet distance of the middle", better=-1, digits=3),
}


def part(outcome: Outcome) -> Extra:
  """The tables and the figure of blends; nothing where there are no classes.

  Class to class: two sounds of different classes. Source to source: of one class, from two
  speakers or instruments that train knows. The probability is that of the end's class, or
  source, by a classifier; falls below 0.01 are not counted. What stays: of class to class the
  probability of both classes, of source to source that of the class, mean along the path.
  """
  results, conditions = [], []
  for condition, field in KINDS.items():
    ends = pairs(outcome.task, field)
    if not len(ends):
      continue
    conditions.append(condition)
    for task in outcome.tasks:
      results += _results(outcome, task, condition, field, ends)
  if not results:
    return Extra()
  found = reporting.part(outcome, "Blends", METRICS, tuple(conditions), results)
  return found._replace(figures=[_figure(outcome, conditions[0])])


def pairs(task: Task, field: str) -> np.ndarray:
  """Rows [P, 2] of the task's examples: other classes, or one class of two known sources.

  None without a judge of the field.
  """
  if _sounds.judge(task.source, "label") is None:
    return np.zeros((0, 2), int)
  label, source = task.examples["label"], task.examples["source"]
  known = np.unique(task.source.data.splits["train"]["source"])
  if field == "source" and (
    _sounds.judge(task.source, "source") is None or not np.isin(source, known).all()
  ):
    return np.zeros((0, 2), int)
  rng = np.random.default_rng(task.settings["mask_seed"])
  drawn = rng.integers(len(label), size=(200 * task.settings["blends"], 2))
  a, b = drawn.T
  fits = label[a] != label[b]
  if field == "source":
    fits = (label[a] == label[b]) & (source[a] != source[b])
  return drawn[fits][: task.settings["blends"]]


def along(task: Task, run: Run, ends: np.ndarray) -> np.ndarray:
  """Spectrograms [M, P, S, F, T, 1] at evenly spaced codes between the codes of two sounds."""
  codes = task.source.posterior(run, task.examples).mean
  return between(task, run, codes[:, ends[:, 0]], codes[:, ends[:, 1]])


def between(task: Task, run: Run, a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """The same from codes [M, P, L]."""
  z = walks.linear(a, b, task.settings["steps"])
  return np.clip(pictures.decoded(run, z, task.source.key), 0, 1)


def averages(task: Task, x: np.ndarray, ends: np.ndarray) -> np.ndarray:
  """Weighted means [P, S, F, T, 1] of the two spectrograms themselves, in decibels."""
  share = np.linspace(0, 1, task.settings["steps"], dtype=np.float32)
  share = share[None, :, None, None, None]
  return (1 - share) * x[ends[:, 0], None] + share * x[ends[:, 1], None]


def score(
  task: Task, paths: np.ndarray, ends: np.ndarray, field: str
) -> dict[str, np.ndarray]:
  """The metrics [P] of blends [P, S, F, T, 1] between the examples `ends` [P, 2]."""
  words, judge = _sounds.judge(task.source, "label"), _sounds.judge(task.source, field)
  flat = paths.reshape(-1, *paths.shape[2:])
  ask = lambda one: one.probabilities(flat).reshape(*paths.shape[:2], -1)
  rows, of = np.arange(len(paths)), task.examples
  said = ask(words)
  kept = said[rows, :, of["label"][ends[:, 1]]]
  if field == "label":
    kept = kept + said[rows, :, of["label"][ends[:, 0]]]
  towards = ask(judge)[rows, :, of[field][ends[:, 1]]]
  middle, real = paths[:, paths.shape[1] // 2], task.truth[ends[:, 0]]
  apart = frechet.influence(words.features(real), words.features(middle))
  return {
    "monotone": sound.never_falls(towards), "kept": kept.mean(-1), "frechet": apart
  }  # fmt: skip


def _results(
  outcome: Outcome, task: Task, condition: str, field: str, ends: np.ndarray
) -> list[Result]:
  part, found = outcome.tasks.index(task), []
  add: Callable = lambda member, method, paths: found.append(
    Result(
      member, method, condition, score(task, paths, ends, field), part=part, answer=None
    )
  )
  for run in {id(m.run): m.run for m in outcome.members if m.part == part}.values():
    paths = along(task, run, ends)
    for member in outcome.members:
      if member.run is run:
        add(member, CODES, paths[member.place])
  latents = max(run.vae.latents for run in task.source.runs)
  x, rebuilt = task.truth, pca.rebuild(_sounds.linear(task.source, latents), task.truth)
  add(None, AVERAGE, averages(task, x, ends))
  add(None, PCA, np.clip(averages(task, rebuilt, ends), 0, 1))
  return found


def _figure(outcome: Outcome, condition: str) -> Figure:
  """Two blends, of codes above and of spectra below."""
  lead = outcome.lead
  task = outcome.tasks[lead.part]
  ends = pairs(task, KINDS[condition])[:2]
  codes = along(task, lead.run, ends)[lead.place]
  spectra = averages(task, task.truth, ends)
  images = np.concatenate(
    [row for pair in zip(codes, spectra, strict=True) for row in pair]
  )
  images = images.reshape(2 * len(ends), *codes.shape[1:])[:, :, ::-1]
  share = np.linspace(0, 100, codes.shape[1])
  data = {"images": images, "rows": ["codes", "spectra"] * len(ends)}
  data |= {"columns": [f"{one:.0f} %" for one in share]}
  data |= pictures.style(task.source.data, outcome.settings)
  caption = (
    f"Blends, {condition}: on the line between two codes, and averages of two spectra."
  )
  return Figure("blends", "image_grid", data, caption)
