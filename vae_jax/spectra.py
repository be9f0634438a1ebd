"""Sounds as pictures and back: log-magnitude frames, mel bands, cepstra, Griffin-Lim.

A waveform [T hop] has T frames of `size` samples under a Hann window, the t-th centred on sample
t hop. The level of a bin is in decibels below that of a full-scale sine, cut at `FLOOR` and told
as a number in [0, 1].
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array

FLOOR = 80.0  # dB: what is quieter than that below full scale is silence
TINY = 1e-12
ITERATIONS = 32  # of Griffin and Lim, and of the inversion of the bands


class Frames(NamedTuple):
  """How a sound is cut and what a row of its picture is."""

  rate: int = 8000  # samples in a second
  size: int = 512  # of a frame
  hop: int = 96  # samples from one frame to the next
  frames: int = 64  # T
  bins: int = 64  # F: mel bands, or the lowest bins of the Fourier transform
  kind: str = "mel"  # or "stft"

  @property
  def samples(self) -> int:
    """Of a whole example."""
    return self.frames * self.hop

  @property
  def seconds(self) -> float:
    """Of a whole example."""
    return self.samples / self.rate


def hann(size: int) -> Array:
  """The periodic Hann window, [size]."""
  return 0.5 - 0.5 * jnp.cos(2 * jnp.pi * jnp.arange(size) / size)


def stft(wave: Array, size: int, hop: int) -> Array:
  """wave [T hop] -> complex [size / 2 + 1, T]; outside of the wave it is 0."""
  padded = jnp.pad(wave, size // 2)
  starts = jnp.arange(wave.shape[-1] // hop) * hop
  cut = padded[starts[:, None] + jnp.arange(size)[None]]
  return jnp.fft.rfft(cut * hann(size)[None], axis=-1).T


def istft(spectrum: Array, size: int, hop: int) -> Array:
  """The wave [T hop] whose frames are nearest to a spectrum [size / 2 + 1, T].

  Overlapping frames are added under the window and divided by the sum of its squares: Griffin &
  Lim (1984), eq. 6.
  """
  window, count = hann(size), spectrum.shape[-1]
  frames = jnp.fft.irfft(spectrum.T, size, axis=-1) * window[None]
  at = (jnp.arange(count) * hop)[:, None] + jnp.arange(size)[None]
  empty = jnp.zeros(count * hop + size)
  total = empty.at[at].add(frames)
  weight = empty.at[at].add(jnp.broadcast_to(jnp.square(window)[None], frames.shape))
  inner = slice(size // 2, size // 2 + count * hop)
  return total[inner] / jnp.maximum(weight[inner], 1e-6)


def bands(frames: Frames) -> np.ndarray:
  """Triangular filters of height 1, evenly spaced in mel: [F, size / 2 + 1].

  mel = 2595 log10(1 + hertz / 700), O'Shaughnessy (1987), from 0 to half the rate. A band that
  is narrower than a bin of the Fourier transform takes the bin nearest to its centre.
  """
  top = 2595 * np.log10(1 + frames.rate / 2 / 700)
  edges = 700 * (10 ** (np.linspace(0, top, frames.bins + 2) / 2595) - 1)
  hertz = np.arange(frames.size // 2 + 1) * frames.rate / frames.size
  rise = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
  fall = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
  found = np.maximum(0, np.minimum(rise, fall))
  empty = found.sum(1) == 0
  nearest = np.abs(hertz - edges[1:-1, None]).argmin(1)
  found[empty, nearest[empty]] = 1.0
  return found.astype(np.float32)


def picture(wave: Array, frames: Frames) -> Array:
  """wave [T hop] in [-1, 1] -> levels [F, T, 1] in [0, 1], the lowest frequency first.

  1 + max(-FLOOR, 10 log10 (power / power of a full-scale sine)) / FLOOR
  """
  power = jnp.square(jnp.abs(stft(wave, frames.size, frames.hop)))
  power = bands(frames) @ power if frames.kind == "mel" else power[: frames.bins]
  return level(power / _full(frames))[..., None]


def level(power: Array) -> Array:
  """Powers relative to full scale as numbers in [0, 1]."""
  return jnp.clip(1 + 10 * jnp.log10(jnp.maximum(power, TINY)) / FLOOR, 0, 1)


def powers(x: Array) -> Array:
  """Numbers in [0, 1] as powers relative to full scale; 0 becomes 1e-8, not silence."""
  return 10 ** (FLOOR * (jnp.clip(x, 0, 1) - 1) / 10)


def wave(x: Array, frames: Frames, key: Array) -> Array:
  """A wave [T hop] that has this picture x [F, T, 1], as far as Griffin-Lim finds one.

  First come the powers of the bins that the bands were made of, by multiplicative updates of the
  Itakura-Saito divergence of the bands (Févotte et al., 2009, with the dictionary fixed). It is
  of ratios, as decibels are. Then come phases by Griffin & Lim (1984) in the accelerated form of
  Perraudin et al. (2013), momentum 0.99, from random ones.
  """
  power = jnp.where(x[..., 0] > 0, powers(x[..., 0]), 0.0) * _full(frames)
  if frames.kind == "mel":
    power = _unbanded(power, jnp.asarray(bands(frames)))
  else:
    power = jnp.pad(power, ((0, frames.size // 2 + 1 - frames.bins), (0, 0)))
  magnitude = jnp.sqrt(power)
  angle = jax.random.uniform(key, magnitude.shape, maxval=2 * jnp.pi)
  start = magnitude * jnp.exp(1j * angle)

  def step(index: int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
    del index
    ahead, before = carry
    unit = ahead / jnp.maximum(jnp.abs(ahead), TINY)
    wave = istft(magnitude * unit, frames.size, frames.hop)
    found = stft(wave, frames.size, frames.hop)
    return found + 0.99 * (found - before), found

  ahead, _ = jax.lax.fori_loop(0, ITERATIONS, step, (start, jnp.zeros_like(start)))
  unit = ahead / jnp.maximum(jnp.abs(ahead), TINY)
  return istft(magnitude * unit, frames.size, frames.hop)


def cepstra(x: Array, frames: Frames, count: int = 13) -> Array:
  """The cepstral coefficients 1 ... count of each frame of x [F, T, 1], [count, T].

    c_d = 1/F sum_k log(power_k) cos(pi d (k + 1/2) / F)

  of the mel bands of power; of the kind "stft" those bands are made first. Davis & Mermelstein
  (1980), eq. 1, without its choice of a scale.
  """
  power = powers(x[..., 0])
  if frames.kind != "mel":
    power = bands(frames)[:, : frames.bins] @ power
  rows = (jnp.arange(frames.bins) + 0.5) / frames.bins
  basis = jnp.cos(jnp.pi * jnp.arange(1, count + 1)[:, None] * rows[None])
  return basis @ jnp.log(jnp.maximum(power, TINY)) / frames.bins


def _full(frames: Frames) -> float:
  return (frames.size / 4) ** 2  # of a sine of amplitude 1 under the window


def _unbanded(mel: Array, filters: Array) -> Array:
  """Powers [bins, T] with filters @ powers near mel [F, T], by ratios: a quiet band counts too."""
  power = filters.T @ mel / jnp.maximum(filters.sum(0), TINY)[:, None]

  def step(index: int, power: Array) -> Array:
    del index
    found = jnp.maximum(filters @ power, TINY)
    down = jnp.maximum(filters.T @ (1 / found), TINY)
    return power * (filters.T @ (mel / jnp.square(found))) / down

  return jax.lax.fori_loop(0, ITERATIONS, step, power)
