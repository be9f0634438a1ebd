"""MIDI files by pretty_midi, which is optional, and melodies as sound.

This file is the one place that imports it. A melody is a row of steps of a sixteenth: the pitch
where a note begins, HOLD where it goes on, REST where there is none.
"""

import io
from typing import Any, NamedTuple

import numpy as np

from vae_jax.types import UserError

HOLD, REST = 0, -1
STEP = 0.125  # seconds of a sixteenth at 120 beats a minute
RATE = 8000  # samples a second of the sound in a page


class Piece(NamedTuple):
  """The highest voice of a file."""

  steps: list[int]
  meter: str  # "4/4" if the file has none


def _pretty_midi() -> Any:
  """The package.

  Raises:
    UserError: it is not installed.
  """
  import warnings

  try:
    with warnings.catch_warnings():
      warnings.simplefilter("ignore")  # its own dependency asks for an old module
      import pretty_midi
  except ImportError as error:
    raise UserError(
      "MIDI files need the package pretty_midi; install the extra: pip install"
      " 'vae-jax[music]'."
    ) from error
  return pretty_midi


def require() -> None:
  """Refuses to go on without pretty_midi, before anything is computed.

  Raises:
    UserError: it is not installed.
  """
  _pretty_midi()


def read(content: bytes, name: str) -> Piece:
  """The highest voice of a MIDI file, by sixteenths of its beats; percussion is left out.

  Args:
    content: of the file.
    name: for the messages.

  Raises:
    UserError: it is no MIDI file, or has no note.
  """
  import warnings

  package = _pretty_midi()
  try:
    with warnings.catch_warnings():
      warnings.simplefilter("ignore")  # of damages that are refused anyway
      midi = package.PrettyMIDI(io.BytesIO(content))
  except (OSError, ValueError, EOFError, KeyError, IndexError, AttributeError) as error:
    raise UserError(f"{name} is no MIDI file ({str(error)[:80] or 'empty'}).") from error
  notes = [n for i in midi.instruments if not i.is_drum for n in i.notes]
  if not notes:
    raise UserError(f"{name} has no note; expected a melody.")
  step = lambda time: round(4 * midi.time_to_tick(time) / midi.resolution)
  places = [(step(n.start), max(step(n.end), step(n.start) + 1), n.pitch) for n in notes]
  roll = np.full(max(end for _, end, _ in places), REST)
  owner = np.full(len(roll), -1)
  for i, (start, end, pitch) in sorted(enumerate(places), key=lambda one: one[1][2]):
    roll[start:end], owner[start:end] = pitch, i  # the highest comes last and is heard
  signs = midi.time_signature_changes
  meter = f"{signs[0].numerator}/{signs[0].denominator}" if signs else "4/4"
  again = (owner[1:] == owner[:-1]) & (roll[1:] != REST)
  rests = (roll[1:] == REST) & (roll[:-1] == REST)
  steps = [int(roll[0]), *np.where(again | rests, HOLD, roll[1:]).tolist()]
  return Piece(steps, meter)


def notes(steps: list[int]) -> list[tuple[int, int, int]]:
  """The notes (first step, step after the last, pitch) of a melody."""
  found: list[tuple[int, int, int]] = []
  for t, step in enumerate(steps):
    if step > 0:
      found.append((t, t + 1, step))
    elif step == HOLD and found and found[-1][1] == t:
      found[-1] = (found[-1][0], t + 1, found[-1][2])
  return found


def content(melodies: list[list[int]], gap: int = 8) -> bytes:
  """A MIDI file of melodies one after the other, `gap` steps of rest between them."""
  package = _pretty_midi()
  midi = package.PrettyMIDI(initial_tempo=120)
  piano, at = package.Instrument(program=0), 0
  for steps in melodies:
    for first, last, pitch in notes(steps):
      times = (at + first) * STEP, (at + last) * STEP
      piano.notes.append(package.Note(90, pitch, *times))
    at += len(steps) + gap
  midi.instruments.append(piano)
  file = io.BytesIO()
  midi.write(file)
  return file.getvalue()


def sound(steps: list[int]) -> np.ndarray:
  """A melody as samples [T] in [-1, 1], RATE a second: a decaying tone with two overtones each."""
  total = np.zeros(int((len(steps) + 2) * STEP * RATE))
  for first, last, pitch in notes(steps):
    start, count = int(first * STEP * RATE), int((last - first + 1) * STEP * RATE)
    t = np.arange(min(count, len(total) - start)) / RATE
    wave_of = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t
    tone = np.sin(wave_of) + 0.4 * np.sin(2 * wave_of) + 0.15 * np.sin(3 * wave_of)
    fade = np.exp(-3 * t) * np.minimum(1, np.minimum(t, t[-1] - t) / 0.01)
    total[start : start + len(t)] += tone * fade
  return 0.8 * total / max(1.0, np.abs(total).max())
