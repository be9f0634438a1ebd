"""The mass that a logistic density puts on each grey level."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit

from vae_jax.likelihoods._base import Cumulative, Likelihood, check_scale, total
from vae_jax.likelihoods._logistic import log_mass, mean_level, rounded
from vae_jax.types import Array, Spec


def discretised_logistic(
  spec: Spec, scale: str = "shared", levels: int = 256, std: float = 0.1
) -> Likelihood:
  """The mass a logistic density puts on each grey level k / (levels - 1) of [0, 1].

  P(x) = F((x + h - mean) / s) - F((x - h - mean) / s), h = 1 / (2 (levels - 1)), with F the
  logistic sigmoid. The lowest and the highest level take the tails. Kingma et al. (2016),
  eq. 14 of the IAF paper's appendix; Salimans et al. (2017), eq. 2.

  Args:
    spec: of the data.
    scale: of s, "shared" (one learned number) or "predicted" (per element, on the log scale).
    levels: how many grey levels the data has; 256 for 8-bit images.
    std: the standard deviation that the scale starts at, in units of x.
  """
  del spec
  check_scale("discretised_logistic", scale, ("shared", "predicted"))
  start = math.log(std * 3**0.5 / math.pi)  # a logistic has std = s pi / sqrt(3)

  def parts(theta: Array) -> tuple[Array, Array]:
    offset = 0.0 if scale == "shared" else start
    return theta[..., 0], jnp.maximum(theta[..., 1] + offset, -7.0)

  def log_prob(theta: Array, x: Array) -> Array:
    return total(log_mass(*parts(theta), x, levels))

  def sample(theta: Array, key: Array) -> Array:
    mean, log_scale = parts(theta)
    raw = mean + jnp.exp(log_scale) * jax.random.logistic(key, mean.shape)
    return rounded(raw, levels)

  return Likelihood(
    "discretised_logistic",
    2 if scale == "predicted" else 1,
    log_prob,
    lambda theta: mean_level(*parts(theta), levels),
    sample,
    ("unit", "binary"),
    shared=(start,) if scale == "shared" else (),
    symbols=levels,
    below=functools.partial(_below, levels, 0.0 if scale == "shared" else start),
  )


def _below(levels: int, offset: float, theta: np.ndarray) -> Cumulative:
  """P(level < k), F((k - 1/2) / (levels - 1)) of the density behind it."""
  narrow = np.exp(-np.maximum(theta[:, 1] + offset, -7.0))
  return lambda k: expit(((k - 0.5) / (levels - 1) - theta[:, 0]) * narrow)
