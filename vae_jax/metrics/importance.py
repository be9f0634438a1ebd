"""The evidence log p(x) by importance sampling, in constant memory for any number of samples."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp

from vae_jax.types import Array


class Tally(NamedTuple):
  """All that has to be kept of the weights seen so far."""

  count: Array  # [] how many
  log_sum: Array  # [] log sum_k w_k
  log_squares: Array  # [] log sum_k w_k^2


class Evidence(NamedTuple):
  """An importance-weighted estimate for one example."""

  log_evidence: Array  # [] log p_K(x) in nats; below log p(x) on average
  std_error: Array  # [] of log_evidence over the K samples, nats
  ess: Array  # [] effective sample size, between 1 and K


def empty() -> Tally:
  """The tally of no weights at all."""
  return Tally(jnp.zeros(()), jnp.full((), -jnp.inf), jnp.full((), -jnp.inf))


def add(tally: Tally, log_weights: Array, mask: Array) -> Tally:
  """The tally with a chunk of weights [C] in nats added, those with mask [C] True."""
  kept = jnp.where(mask, log_weights, -jnp.inf)
  return Tally(
    tally.count + mask.sum(),
    jnp.logaddexp(tally.log_sum, logsumexp(kept)),
    jnp.logaddexp(tally.log_squares, logsumexp(2 * kept)),
  )


def finish(tally: Tally) -> Evidence:
  """What the weights say of the evidence.

  log p_K = log sum_k w_k - log K,   ess = (sum_k w_k)^2 / sum_k w_k^2.
  The standard error of log p_K is that of the mean weight divided by the mean weight (the
  delta method), which is sqrt((K / ess - 1) / (K - 1)); with one sample it is NaN.

  Burda, Grosse & Salakhutdinov (2016), eq. 8; the effective sample size is Kong's (1992).
  """
  count = tally.count
  ess = jnp.exp(2 * tally.log_sum - tally.log_squares)
  spread = jnp.maximum(count / ess - 1, 0) / jnp.maximum(count - 1, 1)
  error = jnp.where(count > 1, jnp.sqrt(spread), jnp.nan)
  return Evidence(tally.log_sum - jnp.log(count), error, ess)


def estimate(
  log_weight: Callable[[Array], Array], key: Array, samples: int, chunk: int = 50
) -> Evidence:
  """log p_K(x) of ONE example, streamed: memory grows with the chunk, not with K.

  Sample k draws its noise from (key, k), so the estimate is the same for every chunk size.

  Args:
    log_weight: key -> [] log p(x|z) + log p(z) - log q(z|x) in nats, with z ~ q(z|x).
    key: of this example.
    samples: K.
    chunk: how many samples are evaluated at once.

  Returns:
    Evidence, [] each.
  """
  chunk = min(chunk, samples)
  starts = jnp.arange(math.ceil(samples / chunk)) * chunk

  def body(tally: Tally, start: Array) -> tuple[Tally, None]:
    index = start + jnp.arange(chunk)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, index)
    return add(tally, jax.vmap(log_weight)(keys), index < samples), None

  return finish(jax.lax.scan(body, empty(), starts)[0])
