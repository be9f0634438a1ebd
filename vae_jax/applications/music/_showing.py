"""Melodies as piano rolls, as a MIDI file and as sound."""

import jax
import numpy as np

from vae_jax import asking
from vae_jax.data import melodies as data
from vae_jax.evaluation.members import has_code
from vae_jax.evaluation.protocol import Extra
from vae_jax.metrics import midi
from vae_jax.metrics import music as metrics
from vae_jax.run import select
from vae_jax.studies.sections import Part
from vae_jax.types import Figure, Spec

SHOWN = 6  # piano rolls in a row
HEARD = 3  # samples that are played


def rolls(rows: np.ndarray, spec: Spec) -> np.ndarray:
  """Rows of symbols [..., T] as piano rolls [..., P, T - 1, 1] over the pitches of train."""
  pitches = [int(name) for name in spec.symbols[metrics.FIRST :]]
  one = lambda row: metrics.piano_roll(data.steps(row, spec), min(pitches), max(pitches))
  flat = np.stack([one(row) for row in rows.reshape(-1, rows.shape[-1])])
  return flat.reshape(*rows.shape[:-1], *flat.shape[1:])


def rebuilt(part: Part) -> Extra:
  """Windows above what the code gives back."""
  if not has_code(part.lead.run):
    return Extra()
  x, y = part.task.truth[:SHOWN], part.first[part.lead.number].answer["x_free"][:SHOWN]
  images = rolls(np.stack([x, y]), part.source.spec)
  caption = (
    "Windows of held-out pieces above the greedy decode of their mean code: a sixteenth a column,"
    " a semitone a row, bright where a note begins."
  )
  data_ = {"images": images, "rows": ["melody", "from its\ncode"]}
  return Extra(figures=[Figure("rebuilt", "image_grid", data_, caption)])


def samples(part: Part) -> Extra:
  """Melodies out of the prior, drawn symbol by symbol: seen, heard, and as a MIDI file."""
  run, spec = select(part.lead.run, part.lead.place), part.source.spec
  keys = jax.random.split(part.source.key, 2 * SHOWN)
  z = np.asarray(jax.vmap(run.vae.prior.sample)(keys)) * np.float32(has_code(run))
  sample = lambda vae, params, z, key: vae.sample(params, z, key)
  x = asking.write(run, sample, z, None, part.source.key, 2 * SHOWN)[0]
  steps = [data.steps(row, spec) for row in x]
  arrays = {"samples.mid": file_of(steps)}
  for i, one in enumerate(steps[:HEARD], 1):
    arrays[f"sample_{i}.wav"] = np.frombuffer(midi.sound(one), np.uint8)
  images = rolls(x.reshape(2, SHOWN, -1), spec)
  caption = f"Melodies drawn from the model; {HEARD} can be heard, all are in samples.mid."
  figure = Figure("samples", "image_grid", {"images": images}, caption)
  return Extra(figures=[figure], arrays=arrays)


def file_of(melodies: list[list[int]]) -> np.ndarray:
  """The bytes of a MIDI file of melodies one after the other."""
  return np.frombuffer(midi.content(melodies), np.uint8)
