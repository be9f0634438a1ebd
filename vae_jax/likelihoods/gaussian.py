"""The normal distribution of each element, with a fixed, shared or predicted scale."""

import math

import jax
import jax.numpy as jnp

from vae_jax.distributions import LOG_2PI
from vae_jax.likelihoods._base import Likelihood, check_scale, total
from vae_jax.types import Array, Spec, UserError


def gaussian(
  spec: Spec,
  scale: str = "fixed",
  std: float = 1.0,
  min_std: float = 1e-3,
  start: str = "std",
) -> Likelihood:
  """N(mean, std^2) for each element; the constant log 2 pi is included.

  -1/2 sum [ log 2 pi + logvar + (x - mean)^2 / exp(logvar) ]

  Args:
    spec: of the data.
    scale: "fixed" at `std`; "shared", one learned number that starts at `std`; "predicted",
      one per element from the decoder; "optimal", see `optimal`.
    std: the standard deviation, in units of x.
    min_std: a soft floor of a learned one, in units of x: without it the density of a few
      examples grows without bound.
    start: of a learned one: "std", or "data", the spread of the data, from which a model
      without a code would not move.

  Raises:
    UserError: another scale or start, or "data" where nothing is learned or no spread is told.
  """
  check_scale("gaussian", scale, ("fixed", "shared", "predicted", "optimal"))
  if scale == "optimal":
    return optimal(min_std)
  std = _begins(spec, scale, std, start)
  floor, begin = 2.0 * math.log(min_std), 2.0 * math.log(std)
  offset = begin if scale == "predicted" else 0.0  # a shared parameter starts there itself

  def parts(theta: Array) -> tuple[Array, Array]:
    if scale == "fixed":
      return theta[..., 0], jnp.full(theta.shape[:-1], begin)
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
    shared=(begin,) if scale == "shared" else (),
    is_density=True,
  )


def _begins(spec: Spec, scale: str, std: float, start: str) -> float:
  """The standard deviation that training starts from."""
  if start not in ("std", "data"):
    raise UserError(f"likelihood.start is {start!r}; expected 'std' or 'data'.")
  if start == "data" and (scale == "fixed" or not spec.spread):
    raise UserError(
      "likelihood.start is 'data': a learned scale (shared or predicted) starts at the spread of"
      " one's own arrays; here nothing is learned, or this data does not tell it."
    )
  return spec.spread if start == "data" else std


def optimal(min_std: float) -> Likelihood:
  """N(mean, s^2) with the s that makes each example likeliest, sigma-VAE.

    s^2 = max(mean (x - mean)^2, min_std^2),  log p = -D/2 [log 2 pi + log s^2 + mse / s^2]

  Rybkin et al. (2021), section 4.2, "optimal", of one example in the place of a batch. As s is
  computed from x itself, the density does not integrate to 1 over x, and it is no likelihood. It
  balances the two terms of the ELBO without a number to tune. `sample` gives the mean, as there
  is no distribution to draw from.
  """

  def log_prob(theta: Array, x: Array) -> Array:
    mse = total(jnp.square(x - theta[..., 0])) / x.size
    square = jnp.maximum(mse, min_std**2)
    return -0.5 * x.size * (LOG_2PI + jnp.log(square) + mse / square)

  return Likelihood(
    "gaussian",
    1,
    log_prob,
    lambda theta: theta[..., 0],
    lambda theta, key: theta[..., 0],
    ("real", "unit", "binary", "count"),
    is_density=True,
    proper=False,
    joint=True,
  )
