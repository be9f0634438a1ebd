"""What the parts of this application share: judges, linear codes, waves of spectrograms."""

import functools

import jax
import numpy as np

from vae_jax import spectra
from vae_jax.baselines import classifier, pca
from vae_jax.data import sounds
from vae_jax.evaluation.source import Source
from vae_jax.spectra import Frames
from vae_jax.types import Array

REBUILT, CEILING = "encode and decode", "true spectrogram"
CHUNK = 50  # sounds that Griffin-Lim works on at once: memory, not the result


def judge(source: Source, field: str) -> classifier.Classifier | None:
  """A classifier of the spectrograms of train by `label` or `source`; None without several."""
  return source.once(f"judge of {field}", lambda: _judge(source, field))


def _judge(source: Source, field: str) -> classifier.Classifier | None:
  train = source.data.splits["train"]
  known = np.unique(train[field]) if field in train else ()
  if len(known) < 2 or len(known) > len(train["x"]) // 4:  # each file a source of its own
    return None
  settings = source.settings
  key = jax.random.key(settings["mask_seed"])
  count, width = int(max(known)) + 1, settings["features"]
  return classifier.fit_whole(
    source.train, train[field], count, key, settings["epochs"], width
  )


def linear(source: Source, numbers: int) -> pca.Pca:
  """PCA of the training spectrograms."""
  return source.once(f"PCA {numbers}", lambda: pca.fit(source.train, numbers))


def waves(source: Source, x: np.ndarray) -> np.ndarray:
  """Waves [N, T hop] of spectrograms [N, F, T, 1]; phases depend on `mask_seed` and the row."""
  frames = sounds.frames_of(source.run.config["data"])
  key, found = jax.random.key(source.settings["mask_seed"]), []
  for start in range(0, len(x), CHUNK):
    rows = np.minimum(np.arange(start, start + CHUNK), len(x) - 1)
    keys = jax.vmap(functools.partial(jax.random.fold_in, key))(rows)
    found.append(np.asarray(_griffin_lim(frames)(x[rows], keys)))
  return np.concatenate(found)[: len(x)]


def heard(source: Source, x: np.ndarray) -> np.ndarray:
  """The spectrograms [N, F, T, 1] of the waves that Griffin-Lim makes of spectrograms."""
  frames = sounds.frames_of(source.run.config["data"])
  return sounds.pictures(list(waves(source, x)), frames)


@functools.cache
def _griffin_lim(frames: Frames) -> Array:
  return jax.jit(jax.vmap(lambda x, key: spectra.wave(x, frames, key)))
