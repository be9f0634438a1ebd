"""Melodies without a file: a few traditional tunes, and GENERATED ones over common chords."""

import numpy as np

# Steps of a sixteenth; a letter is a pitch (capitals: the octave from middle C, small letters the
# one above), a number its length in eighths, "z" a rest. All are traditional, in 4/4.
TUNES = {
  "Twinkle, twinkle": "C2C2G2G2A2A2G4F2F2E2E2D2D2C4G2G2F2F2E2E2D4G2G2F2F2E2E2D4",
  "Frère Jacques": "C2D2E2C2C2D2E2C2E2F2G4E2F2G4G1A1G1F1E2C2G1A1G1F1E2C2C2G2C4C2G2C4",
  "Ode to Joy": "E2E2F2G2G2F2E2D2C2C2D2E2E3D1D4E2E2F2G2G2F2E2D2C2C2D2E2D3C1C4",
  "Au clair de la lune": "C2C2C2D2E4D4C2E2D2D2C8C2C2C2D2E4D4C2E2D2D2C8",
  "Mary had a little lamb": "E3D1C2D2E2E2E4D2D2D4E2G2G4E3D1C2D2E2E2E2E2D2D2E2D2C8",
  "London Bridge": "G3A1G2F2E2F2G4D2E2F4E2F2G4G3A1G2F2E2F2G4D4G4E2C2z4",
  "Hänschen klein": "G2E2E4F2D2D4C2D2E2F2G2G2G4G2E2E4F2D2D4C2E2G2G2C8",
  "Alle meine Entchen": "C2D2E2F2G4G4A2A2A2A2G8A2A2A2A2G8F2F2F2F2E4E4D2D2D2D2C8",
}
PITCHES = (60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79, 81, 83)
KEYS = dict(zip("CDEFGABcdefgab", PITCHES, strict=True))
CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16))  # of C major, above middle C
SCALE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17)
RHYTHMS = (
  (4, 4, 4, 4),
  (8, 4, 4),
  (4, 4, 8),
  (6, 2, 4, 4),
  (4, 2, 2, 8),
  (2, 2, 4, 4, 4),
  (8, 8),
)


def tune(text: str) -> list[int]:
  """The pitch at each sixteenth with 0 for a held one, -1 for a rest."""
  steps: list[int] = []
  for letter, length in zip(text[::2], text[1::2], strict=True):
    steps += [KEYS.get(letter, -1), *[0] * (2 * int(length) - 1)]
  return steps


def generated(count: int, bars: int, rng: np.random.Generator) -> list[list[int]]:
  """Melodies of `bars` bars: chord notes on long notes, steps of the scale between them."""
  return [_one(bars, rng) for _ in range(count)]


def _one(bars: int, rng: np.random.Generator) -> list[int]:
  key, place, steps = 60 + int(rng.integers(-3, 6)), int(rng.integers(3, 7)), []
  for bar in range(bars):
    chord = CHORDS[0] if bar in (0, bars - 1) else CHORDS[rng.integers(len(CHORDS))]
    for length in RHYTHMS[rng.integers(len(RHYTHMS))]:
      place = int(np.clip(place + rng.integers(-2, 3), 0, len(SCALE) - 1))
      pitch = SCALE[place]
      if length >= 4:
        pitch = min(chord, key=lambda note: (abs(note - pitch), note))
        place = int(np.argmin(np.abs(np.array(SCALE) - pitch)))
      rest = rng.random() < 0.05
      steps += [-1 if rest else key + pitch, *[0] * (length - 1)]
  return steps
