"""How many of n coins fall on heads, their chance drawn of a beta: grey levels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from scipy import special

from vae_jax.likelihoods._base import Cumulative, Likelihood, stepwise, total
from vae_jax.types import Array, Spec, UserError

MOST = 7.0  # |log a| and |log b|: beyond it float32 loses the differences of log-gammas


def beta_binomial(spec: Spec, levels: int = 256) -> Likelihood:
  """P(x) = C(n, k) B(k + a, n - k + b) / B(a, b) with n = levels - 1 and k = n x.

  theta [*shape, 2]: log a and log b. With a, b < 1 both ends are likely and the middle is not,
  as on black and white drawings; with a, b > 1 there is one peak. Townsend et al. (2019),
  section 3.2, code grey MNIST with it.

  Args:
    spec: of the data.
    levels: how many grey levels the data has; 256 for 8-bit images.

  Raises:
    UserError: fewer than two levels.
  """
  del spec
  if levels < 2:
    raise UserError(f"likelihood.levels is {levels}; it must be at least 2.")
  n = levels - 1

  def parts(theta: Array) -> tuple[Array, Array]:
    sizes = jnp.exp(jnp.clip(theta, -MOST, MOST))
    return sizes[..., 0], sizes[..., 1]

  def log_prob(theta: Array, x: Array) -> Array:
    a, b = parts(theta)
    k = jnp.round(x * n)
    choose = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    inside = _log_beta(k + a, n - k + b) - _log_beta(a, b)
    return total(choose + inside)

  def mean(theta: Array) -> Array:
    return jax.nn.sigmoid(jnp.diff(-jnp.clip(theta, -MOST, MOST), axis=-1)[..., 0])

  def sample(theta: Array, key: Array) -> Array:
    first, second = jax.random.split(key)
    share = jax.random.beta(first, *parts(theta))
    return jax.random.binomial(second, n, share) / n

  return Likelihood(
    "beta_binomial",
    2,
    log_prob,
    mean,
    sample,
    ("unit", "binary"),
    symbols=levels,
    below=functools.partial(_below, n),
  )


def _log_beta(a: Array, b: Array) -> Array:
  return gammaln(a) + gammaln(b) - gammaln(a + b)


def _below(n: int, theta: np.ndarray) -> Cumulative:
  """The levels' shares by P(k + 1) / P(k) = (n - k) (k + a) / ((k + 1) (n - k - 1 + b))."""
  a, b = np.exp(np.clip(theta, -MOST, MOST)).T[..., None]
  k = np.arange(n)[None]
  ratio = np.log((n - k) * (k + a)) - np.log((k + 1) * (n - k - 1 + b))
  log_share = np.pad(np.cumsum(ratio, -1), ((0, 0), (1, 0)))
  return stepwise(special.softmax(log_share, -1))
