"""Sounds of the report: originals beside reconstructions, blends, and samples."""

import numpy as np

from vae_jax import asking
from vae_jax.applications.audio import _blending, _sounds, _synthesis
from vae_jax.baselines import pca
from vae_jax.data import sounds
from vae_jax.evaluation import pictures
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Task
from vae_jax.inputs import sounds as given
from vae_jax.types import Figure, Sound

COUNT = 4  # sounds that come back
PEAK = 0.9  # of every sound that is played


def part(outcome: Outcome) -> Extra:
  """Sounds of the lead member, each by Griffin-Lim: the true ones too, so that all compare."""
  lead = outcome.lead
  task = outcome.tasks[lead.part]
  found = _rebuilt(outcome, lead, task)
  ends = _blending.pairs(task, "label")[:1]
  if len(ends):
    codes = _blending.along(task, lead.run, ends)[lead.place, 0]
    spectra = _blending.averages(task, task.truth, ends)[0]
    a, b = pictures.names(task.examples, task.source.spec, ends[0])
    for name, path in (("codes", codes), ("spectra", spectra)):
      rows = pictures.spread(len(path), 5)
      told = [f"{100 * r / (len(path) - 1):.0f} % of the way" for r in rows]
      group = f"From {a} to {b}, by {name}"
      found += _played(task, path[rows], f"blend_{name}", told, group)
  if _sounds.judge(task.source, "label") is not None:
    x = _synthesis.made(task, lead.run)[_synthesis.BY_CLASS][lead.place]
    rows = pictures.chosen(task.examples, task.source.spec, 10)
    told = pictures.names(task.examples, task.source.spec, rows)
    found += _played(task, x[rows], "made_up", told, "Made up, by class")
  return Extra(sounds=found)


def own(outcome: Outcome) -> Extra:
  """The two sounds of the settings blended, by codes, as files and in the page."""
  lead, settings = outcome.lead, outcome.settings
  task = outcome.tasks[lead.part]
  x = np.stack([given.read(settings[name], lead.run) for name in ("input", "towards")])
  examples = {k: v[:1].repeat(2, 0) for k, v in task.examples.items()}
  examples |= {"x": x, "id": np.arange(2, dtype=np.int32)}
  encode = lambda params, hyper, example, key: lead.run.vae.posterior(params, example).mean
  codes = asking.apply(lead.run, encode, examples, task.source.key)
  path = _blending.between(task, lead.run, codes[:, :1], codes[:, 1:])[lead.place, 0]
  share = [round(100 * k / (len(path) - 1)) for k in range(len(path))]
  told = [f"{one} % of the way" for one in share]
  group = f"From {settings['input']} to {settings['towards']}"
  found = _played(task, path, "yours", told, group, [f"{one:03d}" for one in share])
  data = {"images": path[None, :, ::-1], "columns": [f"{one} %" for one in share]}
  data |= pictures.style(task.source.data, settings)
  said = (
    f"The blend {group[0].lower()}{group[1:]} is in yours_000.wav to yours_100.wav beside this"
    f" report, {len(path)} sounds of {_frames(task).seconds:.2f} s."
  )
  return Extra(
    figures=[Figure("yours", "image_grid", data, group)], findings=[said], sounds=found
  )


def _rebuilt(outcome: Outcome, lead: Member, task: Task) -> list[Sound]:
  rows = pictures.chosen(task.examples, task.source.spec, 10)[:COUNT]
  mine = lambda r: r.member is not None and r.member.number == lead.number
  answer = next(r.answer for r in outcome.results if mine(r))[rows]
  linear = pca.rebuild(_sounds.linear(task.source, lead.run.vae.latents), task.truth[rows])
  names = pictures.names(task.examples, task.source.spec, rows)
  found = []
  for i, name in enumerate(names):
    each = np.stack([task.truth[rows][i], answer[i], linear[i]])
    told = ["the true spectrogram", _sounds.REBUILT, "PCA, as many numbers"]
    group = f"{name}: how it comes back"
    found += _played(task, np.clip(each, 0, 1), f"rebuilt_{i}", told, group)
  return found


def _played(
  task: Task,
  x: np.ndarray,
  name: str,
  captions: list[str],
  group: str,
  endings: list[str] | None = None,
) -> list[Sound]:
  """Sounds of spectrograms [n, F, T, 1] that are named `name`_<ending>."""
  waves, endings = _sounds.waves(task.source, x), endings or [str(i) for i in range(len(x))]
  loud = [PEAK * wave / max(float(np.abs(wave).max()), 1e-6) for wave in waves]
  return [
    Sound(f"{name}_{ending}", wave, _frames(task).rate, caption, group)
    for ending, wave, caption in zip(endings, loud, captions, strict=True)
  ]


def _frames(task: Task) -> sounds.Frames:
  return sounds.frames_of(task.source.run.config["data"])
