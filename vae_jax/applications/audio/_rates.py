"""The bit rate of a code: its nats as bits a second, beside MP3 and Opus at their lowest."""

import io

import numpy as np

from vae_jax.applications.audio import _sounds
from vae_jax.data import sounds
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Task
from vae_jax.metrics import sound as metrics
from vae_jax.types import Table

CODERS = {"MP3": ("MP3", "MPEG_LAYER_III"), "Opus": ("OGG", "OPUS")}
LEVELS = (1.0, 0.5)  # of soundfile's `compression_level`: 1 is the smallest file
NOTE = (
  "Rate of the model: the mean KL divergence in bits, what a bits-back coder would need for the"
  " code; no file was written. MP3 and Opus are real files (libsndfile) of all scored sounds one"
  " after the other, so that headers do not count much; they are given the waves of the true"
  " spectrograms by Griffin-Lim. Log-spectral distance to the true spectrograms, as sound. The two"
  " cannot go as low as the model, so that no row is at the same rate."
)


def part(outcome: Outcome) -> Extra:
  """A row for each member's mean rate, and for each coder's file; none without the extra audio."""
  task = outcome.task
  seconds = sounds.frames_of(task.source.run.config["data"]).seconds
  rows = []
  for member in outcome.members:
    if not np.isfinite(member.rate):
      continue
    mine = [
      r
      for r in outcome.results
      if r.member is not None and r.member.number == member.number
      and r.condition == task.conditions[-1]
    ]  # fmt: skip
    name = of_members.title(member, outcome.members) or "VAE"
    bits = member.rate / np.log(2) / seconds
    rows.append([name, bits, float(mine[0].scores["lsd"].mean())])
  try:
    rows += coded(task, _sounds.waves(task.source, task.truth))
  except ImportError:
    return Extra()
  columns = ("method", "bits per second", "log-spectral distance, dB")
  return Extra([Table("What a second costs", columns, rows, NOTE)])


def coded(task: Task, waves: np.ndarray) -> list[list]:
  """(name, bits per second, log-spectral distance) of each coder and level.

  Args:
    task: `truth` are the spectrograms that are compared with.
    waves: [N, T hop], coded one after the other.
  """
  import soundfile

  frames, found = sounds.frames_of(task.source.run.config["data"]), []
  loud = 0.9 * waves / np.maximum(np.abs(waves).max(-1, keepdims=True), 1e-6)
  flat = loud.reshape(-1)
  for name, (form, kind) in CODERS.items():
    for level in LEVELS:
      file = io.BytesIO()
      try:
        soundfile.write(
          file, flat, frames.rate, format=form, subtype=kind, compression_level=level
        )
      except (
        soundfile.LibsndfileError,
        ValueError,
      ):  # a rate that this coder does not know
        continue
      bits = 8 * file.getbuffer().nbytes / (len(flat) / frames.rate)
      file.seek(0)
      back, _ = soundfile.read(file, dtype="float32")
      back = aligned(back, flat).reshape(waves.shape)
      back *= np.abs(waves).max(-1, keepdims=True) / 0.9
      x = sounds.pictures(list(back), frames)
      lsd = metrics.log_spectral_distance(task.truth, x).mean()
      found.append([f"{name}, level {level:g}", bits, float(lsd)])
  return found


def aligned(wave: np.ndarray, to: np.ndarray) -> np.ndarray:
  """A decoded wave moved by the lag at which it is most alike `to`, in the length of that."""
  size = 1 << (len(wave) + len(to)).bit_length()
  product = np.fft.rfft(wave, size) * np.conj(np.fft.rfft(to, size))
  lag = int(np.argmax(np.fft.irfft(product, size)))
  lag = lag - size if lag > size // 2 else lag
  found = np.zeros(len(to), np.float32)
  start, begin = max(lag, 0), max(-lag, 0)
  part = wave[start : start + len(to) - begin]
  found[begin : begin + len(part)] = part
  return found
