"""The normal distribution of each element, with a fixed, shared or predicted scale."""

import math

import jax
import jax.numpy as jnp

from vae_jax.distributions import LOG_2PI
from vae_jax.likelihoods._base import Likelihood, check_scale, total
from vae_jax.types import Array, Spec


def gaussian(
  spec: Spec, scale: str = "fixed", std: float = 1.0, min_std: float = 1e-3
) -> Likelihood:
  """N(mean, std^2) for each element; the constant log 2 pi is included.

  -1/2 sum [ log 2 pi + logvar + (x - mean)^2 / exp(logvar) ]

  Args:
    spec: of the data.
    scale: "fixed" at `std`; "shared", one learned number that starts at `std`; "predicted",
      one per element from the decoder.
    std: the standard deviation, in units of x.
    min_std: a soft floor of a learned one, in units of x: without it the density of a few
      examples grows without bound.
  """
  del spec
  check_scale("gaussian", scale, ("fixed", "shared", "predicted"))
  floor, start = 2.0 * math.log(min_std), 2.0 * math.log(std)
  offset = start if scale == "predicted" else 0.0  # a shared parameter starts there itself

  def parts(theta: Array) -> tuple[Array, Array]:
    if scale == "fixed":
      return theta[..., 0], jnp.full(theta.shape[:-1], start)
    return theta[..., 0], floor + jax.nn.softplus(theta[..., 1] + offset - floor)

  def log_prob(theta: Array, x: Array) -> Array:
    mean, logvar = parts(theta)
    return -0.5 * total(LOG_2PI + logvar + jnp.square(x - mean) * jnp.exp(-logvar))

  def sample(theta: Array, key: Array) -> Array:
    mean, logvar = parts(theta)
    return mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)

  return Likelihood(
    "gaussian",
    2 if scale == "predicted" else 1,
    log_prob,
    lambda theta: theta[..., 0],
    sample,
    ("real", "unit", "binary", "count"),
    shared=(start,) if scale == "shared" else (),
    is_density=True,
  )
