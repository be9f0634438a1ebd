"""How far two sounds lie apart, by their spectra: in decibels, frame by frame."""

import functools
from collections.abc import Callable

import jax
import numpy as np

from vae_jax import spectra
from vae_jax.spectra import Frames

SOUNDING = 60.0  # dB below full scale: a frame whose every bin is quieter is not counted


def sounding(x: np.ndarray) -> np.ndarray:
  """Which frames of pictures [N, F, T, 1] are counted, [N, T]; of silence all of them."""
  loud = x[..., 0].max(1) > 1 - SOUNDING / spectra.FLOOR
  return loud | ~loud.any(1, keepdims=True)


def log_spectral_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """The mean over frames of the root mean square over bins, in dB, [N].

    LSD = mean_t sqrt( mean_f (L_x(f, t) - L_y(f, t))^2 ),  L in dB cut at -80

  over the frames in which x sounds. Gray & Markel (1976), section II, of banded spectra.

  Args:
    x: the true pictures [N, F, T, 1] in [0, 1].
    y: others.
  """
  apart = np.sqrt(np.square(spectra.FLOOR * (x - y)[..., 0]).mean(1))
  return _over_frames(apart, x)


def mel_cepstral_distortion(x: np.ndarray, y: np.ndarray, frames: Frames) -> np.ndarray:
  """10 / ln 10 sqrt(2 sum_d (c_d - c'_d)^2) of the coefficients 1 ... 13, mean over frames, [N].

  In dB; the loudness of a frame, c_0, is left out. `spectra.cepstra` has the coefficients.
  Kubichek (1993), eq. 1, without warping of time: the frames stand beside one another already.
  """
  of = _cepstra(frames)
  apart = np.square(np.asarray(of(x)) - np.asarray(of(y))).sum(1)
  return _over_frames(10 / np.log(10) * np.sqrt(2 * apart), x)


@functools.cache
def _cepstra(frames: Frames) -> Callable:
  return jax.jit(jax.vmap(lambda x: spectra.cepstra(x, frames)))


def _over_frames(each: np.ndarray, x: np.ndarray) -> np.ndarray:
  counted = sounding(x)
  return (each * counted).sum(1) / counted.sum(1)


def never_falls(probability: np.ndarray, slack: float = 0.01) -> np.ndarray:
  """1 where a path [N, S] never falls by more than `slack` below what it had reached, else 0."""
  reached = np.maximum.accumulate(probability, 1)
  return (probability >= reached - slack).all(1).astype(np.float64)
