"""How a melody is scored against another one, and what is measured of one alone.

Melodies are rows of symbols [N, T] of `data.melodies`: from FIRST on a symbol is the onset of a
pitch.
"""

import numpy as np

FIRST = 5  # the symbol of the lowest pitch
ATTRIBUTES = ("notes", "pitch range", "mean interval")


def accuracy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """The share of the T - 1 steps at which y is x, [N]; the end is no step."""
  return (np.asarray(x) == np.asarray(y))[:, :-1].mean(1)


def onsets(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """The share of the steps at which a note of x begins that y has the same pitch begin, [N]."""
  begins = np.asarray(x) >= FIRST
  hit = (np.asarray(x) == np.asarray(y)) & begins
  return hit.sum(1) / np.maximum(begins.sum(1), 1)


def exact(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """1 where all steps are the same, [N]."""
  return (np.asarray(x) == np.asarray(y))[:, :-1].all(1).astype(float)


def attributes(x: np.ndarray) -> np.ndarray:
  """Of each melody its notes, its range and the mean size of its intervals, [N, 3].

  Range and intervals in steps of the sorted pitches of train, which are semitones where these have
  no gap; 0 of a melody of one note.
  """
  found = []
  for row in np.asarray(x):
    pitch = row[row >= FIRST]
    moves = np.abs(np.diff(pitch))
    span = int(pitch.max() - pitch.min()) if len(pitch) else 0
    found.append((len(pitch), span, moves.mean() if len(moves) else 0.0))
  return np.asarray(found, float).reshape(-1, len(ATTRIBUTES))


def crossfade(
  a: np.ndarray, b: np.ndarray, t: float, rng: np.random.Generator
) -> np.ndarray:
  """Each step of rows [N, T] from b with probability t, else from a: a path without a model.

  Roberts et al. (2018), section 5.2.
  """
  return np.where(rng.random(np.shape(a)) < t, b, a)


def backwards(distance: np.ndarray) -> float:
  """The share of steps of paths [P, S] at which the distance to the first end shrinks.

  0 of a path that only goes away from where it began.
  """
  return float((np.diff(np.asarray(distance), axis=1) < 0).mean())


def piano_roll(steps: list[int], low: int, high: int) -> np.ndarray:
  """A melody as a picture [high - low + 1, T, 1]: 1 where a note begins, less where it goes on."""
  image = np.zeros((high - low + 1, len(steps), 1), np.float32)
  pitch = 0
  for t, step in enumerate(steps):
    pitch = step if step != 0 else pitch
    if low <= pitch <= high:
      image[high - pitch, t, 0] = 1.0 if step > 0 else 0.55
  return image
