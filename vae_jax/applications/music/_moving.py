"""Paths between melodies, attributes that are turned up and down, and a user's own files."""

import itertools
import pathlib

import numpy as np

from vae_jax import asking
from vae_jax.applications.music import _showing
from vae_jax.baselines import kneser_ney
from vae_jax.data import melodies as data
from vae_jax.evaluation.pictures import spread
from vae_jax.evaluation.protocol import Extra
from vae_jax.inference import walks
from vae_jax.metrics import midi
from vae_jax.metrics import music as metrics
from vae_jax.run import Run, select
from vae_jax.studies.sections import Part
from vae_jax.types import Figure, Table, UserError

TRAIN = 4000  # windows of train that attribute vectors are read from
TIMES = (-1.0, -0.5, 0.5, 1.0)  # of the vector, added to the codes


def read(path: str, run: Run) -> np.ndarray:
  """The first window of a MIDI file as a row [T], moved by octaves to the pitches of train.

  Raises:
    UserError: no such file, no MIDI, too short, or a pitch that no octave makes known.
  """
  file = pathlib.Path(path)
  if not file.is_file():
    raise UserError(f"There is no file {path!r}; expected a MIDI file.")
  length, spec = run.spec.shape[0] - 1, run.spec
  found = data.windows(midi.read(file.read_bytes(), file.name).steps, length, length)
  if not found:
    raise UserError(
      f"{file.name} has no {length} sixteenths with a note; the model reads windows of that length."
    )
  known = {int(name) for name in spec.symbols[metrics.FIRST :]}
  for octave in (0, -12, 12, -24, 24):
    moved = [step + octave if step > 0 else step for step in found[0]]
    if all(step <= 0 or step in known for step in moved):
      return data.encode(moved, spec, file.name)
  return data.encode(found[0], spec, file.name)


def path(part: Part) -> Extra:
  """How melodies change between two: distance to both ends, and what a language model says."""
  if not part.coded:
    return Extra()
  s, run, spec = part.settings, select(part.lead.run, part.lead.place), part.source.spec
  x = part.task.truth
  count = min(s["paths"], len(x) // 2)
  a, b = x[:count], x[-count:]
  rows = _between(part, run, a, b)
  t, rng = np.linspace(0, 1, s["steps"]), np.random.default_rng(0)
  faded = np.stack([metrics.crossfade(a, b, one, rng) for one in t], 1)
  model = part.source.once(
    f"gram {s['order']}",
    lambda: kneser_ney.fit(
      part.source.data.splits["train"]["x"], s["order"], spec.categories
    ),
  )
  reads = lambda found: kneser_ney.fluency(model, found)
  series = {"codes": reads(rows), "cross-fade of the steps": reads(faded)}
  lines = {"x": t, "series": series, "x_label": "way along the path"}
  lines["y_label"] = f"nats per symbol ({s['order']}-gram)"
  caption = (
    f"How likely the melodies between two are, the mean of {count} paths, by an n-gram model of the"
    " training melodies; the cross-fade takes each step from either end by chance."
  )
  figures = [Figure("path", "lines", lines, caption)]
  far = lambda found, end: 1 - (found == end[:, None])[..., :-1].mean(-1)
  apart = {"to the first": far(rows, a), "to the last": far(rows, b)}
  lines = {"x": t, "series": {k: v.mean(0) for k, v in apart.items()}}
  lines |= {"x_label": "way along the path", "y_label": "share of steps that differ"}
  caption = "How far the melodies on a path are from its two ends."
  figures.append(Figure("distance", "lines", lines, caption))
  images = _showing.rolls(rows[:3], spec)
  caption = "Three paths: greedy decodes on the line between the codes of two windows."
  data_ = {"images": images, "columns": [f"{one:.2f}" for one in t]}
  figures.append(Figure("paths", "image_grid", data_, caption))
  half = len(t) // 2
  steps = [data.steps(row, spec) for row in rows[0]]
  back = metrics.backwards(apart["to the first"])
  told = (
    f"Halfway between two windows a melody costs {series['codes'][half]:.2f} nats per symbol under"
    f" a {s['order']}-gram model, the cross-fade {series['cross-fade of the steps'][half]:.2f};"
    f" {100 * back:.0f} % of the steps go back towards where the path began. The first path is in"
    " path.mid."
  )
  heard = np.frombuffer(midi.sound([*itertools.chain(*steps[:: max(1, half)])]), np.uint8)
  arrays = {"path.mid": _showing.file_of(steps), "path.wav": heard}
  return Extra(figures=figures, findings=[told], arrays=arrays)


def attributes(part: Part) -> Extra:
  """Each attribute's vector added to codes: what it changes, and what it changes besides.

  The vector goes from the mean code of the quarter of train with the least of it to that of the
  quarter with the most. Roberts et al. (2018), section 5.3.
  """
  if not part.coded:
    return Extra()
  run, source = select(part.lead.run, part.lead.place), part.source
  whole = source.split("train")
  rows = spread(len(whole["x"]), TRAIN)
  train = {name: values[rows] for name, values in whole.items()}
  codes, own = source.posterior(run, train).mean[0], metrics.attributes(train["x"])
  scale = np.maximum(own.std(0), 1e-9)
  z = source.posterior(run, part.task.examples).mean[0]
  asked = [z]
  for i in range(len(metrics.ATTRIBUTES)):
    low, high = np.quantile(own[:, i], (0.25, 0.75))
    vector = codes[own[:, i] >= high].mean(0) - codes[own[:, i] <= low].mean(0)
    asked += [z + times * vector for times in TIMES]
  flat = np.concatenate(asked)[None]
  written = asking.greedy(run, flat, None, source.key, part.settings["batch"])[0]
  found = metrics.attributes(written).reshape(len(asked), len(z), -1)
  table = []
  for i, name in enumerate(metrics.ATTRIBUTES):
    for j, times in enumerate(TIMES):
      moved = (found[1 + i * len(TIMES) + j] - found[0]).mean(0) / scale
      table.append([name, times, *moved])
  note = (
    "The mean change of each attribute of the decoded melody, in its standard deviations over"
    " train, where so many times the vector of the named one is added to the code. A vector"
    " that moves its own attribute alone would have zeros elsewhere."
  )
  columns = ("vector", "times", *metrics.ATTRIBUTES)
  return Extra([Table("Attributes turned down and up", columns, table, note)])


def own(part: Part) -> Extra:
  """A user's melody rebuilt, and the way to another one, as MIDI and as sound."""
  if not part.coded:
    return Extra(findings=["A language model has no code of a melody."])
  s, run, spec = part.settings, select(part.lead.run, part.lead.place), part.source.spec
  first = read(s["input"], run)
  last = read(s["towards"], run) if s["towards"] else first
  rows = _between(part, run, first[None], last[None])[0]
  rows = rows if s["towards"] else rows[:1]
  shown = np.stack([first, *rows, last] if s["towards"] else [first, *rows])
  names = ["from", *(f"{t:.2f}" for t in np.linspace(0, 1, len(rows))), "to"]
  steps = [data.steps(row, spec) for row in shown]
  data_ = {"images": _showing.rolls(shown[None], spec), "columns": names[: len(shown)]}
  caption = "Your melody, and what the model makes of it on the way."
  arrays = {"morph.mid": _showing.file_of(steps)}
  arrays["morph.wav"] = np.frombuffer(midi.sound([*itertools.chain(*steps)]), np.uint8)
  share = float(metrics.accuracy(first[None], rows[:1])[0])
  told = (
    f"The way is in morph.mid beside this report, with its two ends. {100 * share:.0f} % of the"
    " steps of the first melody come back from its code."
  )
  return Extra(
    figures=[Figure("morph", "image_grid", data_, caption)], findings=[told], arrays=arrays
  )


def _between(part: Part, run: Run, a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Greedy decodes on the lines between the codes of rows [P, T] and [P, T]: [P, S, T]."""
  both = {"x": np.concatenate([a, b]), "id": np.arange(2 * len(a), dtype=np.int32)}
  first, last = np.split(part.source.posterior(run, both).mean, 2, 1)
  z = walks.linear(first, last, part.settings["steps"])[0]
  flat = z.reshape(1, -1, z.shape[-1])
  rows = asking.greedy(run, flat, None, part.source.key, part.settings["batch"])[0]
  return rows.reshape(*z.shape[:2], -1)
