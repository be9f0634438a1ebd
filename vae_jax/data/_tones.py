"""Generated tones of simple instruments, used where there are no recordings."""

import numpy as np

SEED = 0
# Each has the strengths of its partials, their ratios, and how fast each decays (1/s).
INSTRUMENTS = {
  "bell": ((1.0, 0.7, 0.5, 0.3), (1.0, 2.76, 5.40, 8.93), (2.0, 4.0, 6.0, 9.0)),
  "flute": ((1.0, 0.1, 0.03), (1.0, 2.0, 3.0), (0.3, 0.3, 0.3)),
  "organ": ((1.0, 0.5, 0.5, 0.25), (1.0, 2.0, 4.0, 8.0), (0.0, 0.0, 0.0, 0.0)),
  "reed": ((1.0, 0.6, 0.4, 0.3), (1.0, 3.0, 5.0, 7.0), (0.5, 0.5, 0.5, 0.5)),
  "string": ((1.0, 0.5, 0.33, 0.25), (1.0, 2.0, 3.0, 4.0), (3.0, 5.0, 7.0, 9.0)),
}
REGISTERS = {"low": (110, 220), "middle": (220, 440), "high": (440, 880)}  # hertz


def make(count: int, samples: int, rate: int) -> list[tuple[np.ndarray, str, str]]:
  """`count` tones (wave [samples], instrument, register), the same at every call.

  Pitch, attack, brightness and length are drawn; partials above half the rate are left out.
  """
  rng, t = np.random.RandomState(SEED), np.arange(samples) / rate
  names, found = list(INSTRUMENTS), []
  for i in range(count):
    name = names[i % len(names)]
    register = list(REGISTERS)[(i // len(names)) % len(REGISTERS)]
    low, high = REGISTERS[register]
    pitch = low * (high / low) ** rng.rand()
    attack, bright, end = 0.005 + 0.05 * rng.rand(), 0.6 + 0.4 * rng.rand(), rng.rand()
    wave = np.zeros(samples)
    for k, (strength, ratio, decay) in enumerate(zip(*INSTRUMENTS[name], strict=True)):
      hertz, phase = pitch * ratio, 2 * np.pi * rng.rand()
      if hertz < rate / 2:
        partial = np.sin(2 * np.pi * hertz * t + phase) * np.exp(-decay * t)
        wave += strength * bright**k * partial
    length = t[-1] * (0.5 + 0.5 * end)
    wave *= np.minimum(1, t / attack) * np.clip((length - t) / 0.03, 0, 1)
    found.append(((wave / np.abs(wave).max()).astype(np.float32), name, register))
  return found
