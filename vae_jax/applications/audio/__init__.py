"""Sounds: how they come back from a code, what lies between two, and samples."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_jax.applications.audio import (
  _blending,
  _listening,
  _rates,
  _sounds,
  _synthesis,
)
from vae_jax.applications.audio._sounds import CEILING, REBUILT
from vae_jax.baselines import pca
from vae_jax.data import sounds
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Ask, Extra, Metric, Task
from vae_jax.evaluation.results import Line
from vae_jax.evaluation.settings import COMMON
from vae_jax.evaluation.source import Source
from vae_jax.inputs import sounds as given
from vae_jax.metrics import frechet
from vae_jax.metrics import sound as metrics
from vae_jax.run import Run
from vae_jax.studies import sections
from vae_jax.types import Array, Example, Hyper, Params, UserError

QUESTION = "How does a sound come back from its code, and what lies between two sounds?"
SETTINGS = {
  **COMMON,
  "limit": 200,  # sounds, evenly spaced in the split
  "tune": 100,
  "mask_seed": 1,  # of the judges, of phases and of pairs, apart from --seed
  "epochs": 20,  # of the judges
  "features": 64,  # of the judges' hidden layer, where Fréchet distances are taken
  "blends": 60,  # pairs of sounds of each kind
  "steps": 9,  # sounds of a blend, both ends included
  "input": "",  # a sound of one's own, and another that it is blended towards
  "towards": "",
}
PICTURE, SOUND = "spectrogram", "sound"
REFERENCES = (CEILING,)
METRICS = {
  "lsd": Metric("Log-spectral distance", "dB", -1),
  "mcd": Metric("Mel-cepstral distortion", "dB", -1),
  "accuracy": Metric("Accuracy of a fixed classifier", digits=3),
  "frechet": Metric("Fréchet distance", better=-1, digits=3),
}
NOTE = (
  "Spectrogram: what the decoder puts out. Sound: after Griffin-Lim made a wave of it and the wave"
  " was cut into frames again; the true spectrogram on that way is the ceiling, which no model"
  " passes. Distances are over the frames in which the true sound is above -60 dB. The classifier"
  " was trained on the spectrograms of train; its hidden layer is where the Fréchet distance"
  " (squared) to the true ones is taken."
)


def check(runs: list[Run], settings: dict[str, Any]) -> None:
  """Refuses what are no sounds, and files to blend that cannot be read.

  Raises:
    UserError: one of these.
  """
  for run in runs:
    if run.config["data"]["name"] != "sounds":
      raise UserError(
        f"audio needs sounds, and {run.dataset.name!r} holds none: evaluate a run on the data"
        " 'sounds'."
      )
  if settings["steps"] < 3:
    raise UserError(f"The setting steps is {settings['steps']}; a blend has 3 or more.")
  paths = [settings[name] for name in ("input", "towards")]
  if any(paths) and not all(paths):
    raise UserError(
      "A blend needs two sounds: give both --set input=a.wav and --set towards=b.wav."
    )
  for path in filter(None, paths):
    given.read(path, runs[0])


def prepare(source: Source, split: str, limit: int) -> Task:
  """Held-out sounds, evenly spaced in the split; `truth` are their spectrograms."""
  examples = source.spread(split, limit)
  truth = np.clip(source.inputs(examples), 0, 1)
  return Task(source, split, examples, (PICTURE, SOUND), truth=truth)


def model(task: Task, run: Run) -> Ask:
  """Encoded, and decoded at the posterior mean."""
  del task

  def rebuild(params: Params, hyper: Hyper, example: Example, key: Array) -> dict:
    del hyper, key
    return {REBUILT: run.vae.mean(params, run.vae.posterior(params, example).mean)}

  return Ask(rebuild)


def baselines(task: Task) -> dict[str, Callable[[int], np.ndarray]]:
  """PCA with as many numbers as the models have, the average, and the true spectrogram."""
  source, truth = task.source, task.truth
  found = {
    _pca_name(n): lambda c, n=n: pca.rebuild(_sounds.linear(source, n), truth)
    for n in sorted({run.vae.latents for run in source.runs})
  }
  average = lambda c: np.broadcast_to(source.train.mean(0), truth.shape)
  return {**found, "average sound": average, CEILING: lambda c: truth}


def rivals(line: Line, baselines: list[Line]) -> list[Line]:
  """PCA of no more numbers than a line's own, and the average."""
  latents = line.cells[PICTURE][0].member.run.vae.latents
  other = lambda one: one.method.startswith("PCA") and one.method != _pca_name(latents)
  return [one for one in baselines if not other(one)]


def score(task: Task, answer: np.ndarray, condition: int) -> dict[str, np.ndarray]:
  """Distances and the classifier's verdict of spectrograms [n, F, T, 1], [n] each."""
  source, truth = task.source, task.truth
  x, frames = np.clip(answer, 0, 1), sounds.frames_of(source.run.config["data"])
  if task.conditions[condition] == SOUND:
    x = _sounds.heard(source, x)
  found = {
    "lsd": metrics.log_spectral_distance(truth, x),
    "mcd": metrics.mel_cepstral_distortion(truth, x, frames),
  }
  judge = _sounds.judge(source, "label")
  if judge is not None:
    said = judge.probabilities(x).argmax(-1)
    found["accuracy"] = (said == task.examples["label"]).astype(np.float64)
    found["frechet"] = frechet.influence(judge.features(truth), judge.features(x))
  return found


def pictures(task: Task, condition: int) -> dict[str, np.ndarray]:
  """The true spectrograms, low frequencies below; of sounds also what Griffin-Lim makes of them."""
  found = {"original": task.truth[:, ::-1]}
  if task.conditions[condition] == SOUND:
    found["Griffin-Lim of\nthe original"] = shown(task, task.truth, condition)
  return found


def shown(task: Task, answer: np.ndarray, condition: int) -> np.ndarray:
  """An answer as a spectrogram; of sounds that of the wave."""
  x = np.clip(answer, 0, 1)
  x = _sounds.heard(task.source, x) if task.conditions[condition] == SOUND else x
  return x[:, ::-1]


def further(outcome: Outcome) -> Extra:
  """Blends, synthesis by class, sounds to listen to, and a blend of the user's own sounds."""
  each = (_blending, _synthesis, _rates, _listening)
  parts = [one.part(outcome) for one in each]
  if outcome.settings["input"]:
    parts.append(_listening.own(outcome))
  return sections.gathered(parts)


def _pca_name(numbers: int) -> str:
  return f"PCA, {numbers} numbers"
