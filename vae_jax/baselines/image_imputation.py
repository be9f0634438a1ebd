"""Missing pixels filled in without a network: the average, neighbours, a Gaussian, smoothness.

`observed` is [N, H, W, 1], 1 where a pixel is known. What is known is returned as it is.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from vae_jax.inference.damage import block_mean

RIDGES = (1e-4, 1e-3, 1e-2)  # added to each variance, in squared grey levels


class Gaussian(NamedTuple):
  """N(mean, covariance + ridge I) of whole images."""

  mean: np.ndarray  # [D]
  covariance: np.ndarray  # [D, D]
  ridge: float


def average(y: np.ndarray, observed: np.ndarray, train: np.ndarray) -> np.ndarray:
  """Each missing pixel is its mean over the training images."""
  return _fill(y, observed, train.mean(0)[None])


def neighbours(
  y: np.ndarray, observed: np.ndarray, train: np.ndarray, k: int = 5
) -> np.ndarray:
  """The mean of the k training images nearest to y on the observed pixels."""
  shape, channels = y.shape, y.shape[-1]
  seen = np.repeat(observed, channels, -1).reshape(len(y), -1).astype(np.float32)
  flat, known = train.reshape(len(train), -1), y.reshape(len(y), -1) * seen
  # |y - x|^2 over the observed = const - 2 y.x + observed.x^2
  distance = seen @ np.square(flat).T - 2 * known @ flat.T
  k = min(k, len(train))
  nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]
  return _fill(y, observed, flat[nearest].mean(1).reshape(shape))


def fit_gaussian(train: np.ndarray) -> Gaussian:
  """The moments of complete training images: what EM converges to with nothing missing."""
  flat = train.reshape(len(train), -1)
  covariance = np.atleast_2d(np.cov(flat, rowvar=False)).astype(np.float64)
  return Gaussian(flat.mean(0).astype(np.float64), covariance, RIDGES[1])


def tuned(
  gaussian: Gaussian,
  y: np.ndarray,
  observed: np.ndarray,
  x: np.ndarray,
  limits: tuple[float, float] | None = (0.0, 1.0),
) -> Gaussian:
  """The same with the ridge of least squared error on validation images x."""
  return _least(gaussian, x, lambda g: conditional(g, y, observed, limits)[0])


def tuned_for_averages(gaussian: Gaussian, x: np.ndarray, factor: int) -> Gaussian:
  """The same with the ridge of least squared error on enlarged validation images x."""
  y = np.asarray(block_mean(x, factor))
  return _least(gaussian, x, lambda g: averaged(g, y, factor)[0])


def _least(
  gaussian: Gaussian, x: np.ndarray, answer: Callable[[Gaussian], np.ndarray]
) -> Gaussian:
  candidates = [gaussian._replace(ridge=ridge) for ridge in RIDGES]
  return min(candidates, key=lambda g: float(np.mean(np.square(answer(g) - x))))


def conditional(
  gaussian: Gaussian,
  y: np.ndarray,
  observed: np.ndarray,
  limits: tuple[float, float] | None = (0.0, 1.0),
) -> tuple[np.ndarray, np.ndarray]:
  """E[missing | observed] and its standard deviation under a Gaussian, [N, H, W, C] each.

    m_u + S_uo S_oo^-1 (y_o - m_o),   S_uu - S_uo S_oo^-1 S_ou

  Images that share a mask share the solution. The mean is clipped to the limits, where there are
  some; the standard deviation is 0 where a pixel is observed.
  """
  shape, size = y.shape, len(gaussian.mean)
  seen = np.repeat(observed, shape[-1], -1).reshape(len(y), -1) > 0.5
  flat = y.reshape(len(y), -1).astype(np.float64)
  mean, std = np.where(seen, flat, gaussian.mean), np.zeros_like(flat)
  covariance = gaussian.covariance + gaussian.ridge * np.eye(size)
  masks, group = np.unique(seen, axis=0, return_inverse=True)
  for index, mask in enumerate(masks):
    rows = np.flatnonzero(group.ravel() == index)
    unseen = ~mask
    if not unseen.any():
      continue
    prior = covariance[np.ix_(unseen, unseen)]
    if not mask.any():
      std[np.ix_(rows, unseen)] = np.sqrt(np.diag(prior))
      continue
    cross = covariance[np.ix_(mask, unseen)]
    gain = cho_solve(cho_factor(covariance[np.ix_(mask, mask)], lower=True), cross)
    filled = gaussian.mean[unseen] + (flat[rows][:, mask] - gaussian.mean[mask]) @ gain
    mean[np.ix_(rows, unseen)] = filled
    variance = np.diag(prior) - np.sum(cross * gain, 0)
    std[np.ix_(rows, unseen)] = np.sqrt(np.maximum(variance, 0))
  mean = mean if limits is None else mean.clip(*limits)
  reshaped = [np.asarray(v, np.float32).reshape(shape) for v in (mean, std)]
  return reshaped[0], reshaped[1]


def averaged(
  gaussian: Gaussian, y: np.ndarray, factor: int
) -> tuple[np.ndarray, np.ndarray]:
  """E[x | block averages y] and its standard deviation under a Gaussian, [N, H, W, C] each.

    m + S A' (A S A')^-1 (y - A m),   S - S A' (A S A')^-1 A S

  with A the averaging of factor x factor blocks. The mean averages to y where it need not be
  clipped to [0, 1].

  Args:
    gaussian: of whole images.
    y: small images [N, H / factor, W / factor, C].
    factor: of each side.
  """
  height, width, channels = y.shape[1] * factor, y.shape[2] * factor, y.shape[3]
  size = len(gaussian.mean)
  every = np.eye(size, dtype=np.float32).reshape(size, height, width, channels)
  averages = np.asarray(block_mean(every, factor), np.float64).reshape(size, -1)  # A'
  covariance = gaussian.covariance + gaussian.ridge * np.eye(size)
  cross = covariance @ averages
  gain = cho_solve(cho_factor(averages.T @ cross, lower=True), cross.T)
  off = y.reshape(len(y), -1).astype(np.float64) - gaussian.mean @ averages
  mean = (gaussian.mean + off @ gain).reshape(-1, height, width, channels)
  variance = np.maximum(np.diag(covariance) - np.sum(cross * gain.T, 1), 0)
  std = np.broadcast_to(np.sqrt(variance).reshape(mean.shape[1:]), mean.shape)
  return mean.clip(0, 1).astype(np.float32), std.astype(np.float32)


def biharmonic(y: np.ndarray, observed: np.ndarray) -> np.ndarray:
  """The smoothest surface through the observed pixels: its biharmonic operator is 0.

  Damelin & Hoang (2018), as in scikit-image; one image at a time, and slow.
  """
  from skimage.restoration import inpaint_biharmonic

  filled = [
    inpaint_biharmonic(image, mask[..., 0] < 0.5, channel_axis=-1)
    for image, mask in zip(y, observed, strict=True)
  ]
  return _fill(y, observed, np.clip(np.stack(filled), 0, 1))


def _fill(y: np.ndarray, observed: np.ndarray, guess: np.ndarray) -> np.ndarray:
  return np.where(observed > 0.5, y, guess).astype(np.float32)
