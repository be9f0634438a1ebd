"""The aggregate posterior q(z) = mean_n q(z|x_n): its density, what the rate is made of, MMD.

Everything is plain jnp and differentiable, so that an objective and a report use the same
lines. B rows of z are looked at under N posteriors; in a batch N is B and the estimators of
Chen et al. (2018) stand in for the examples that are not in it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from vae_jax import distributions
from vae_jax.distributions import LOG_2PI
from vae_jax.types import Array, Posterior, UserError

MIXTURE = 10_000  # posteriors at most that stand for q(z): log of it bounds the information
ESTIMATORS = ("weighted", "stratified")
KERNELS = ("gaussian", "inverse_multiquadratic")


class Densities(NamedTuple):
  """Log-densities at each row of z, in nats."""

  conditional: Array  # [B] log q(z|x) of the example that z was drawn for
  joint: Array  # [B] log q(z)
  marginals: Array  # [B, L] log q(z_l)
  prior: Array  # [B] log p(z) under N(0, I)


class Decomposition(NamedTuple):
  """The three parts of the average rate, in nats; they add up to E[log q(z|x) - log p(z)]."""

  information: Array  # [] I(x; z), "index-code mutual information"
  total_correlation: Array  # [] KL(q(z) || prod_l q(z_l))
  dimension_wise: Array  # [] sum_l KL(q(z_l) || p(z_l))


def average(values: Array, mask: Array) -> Array:
  """mean of values [B] over the rows whose mask [B] is 1, []."""
  return jnp.sum(jnp.where(mask > 0, values, 0.0)) / jnp.sum(mask)


def kept(rows: Array, mask: Array) -> Array:
  """rows [B, L] with zeros where mask [B] is 0, so that garbage there has no gradient."""
  return jnp.where(mask[:, None] > 0, rows, 0.0)


def ranks(mask: Array) -> Array:
  """The number of each row among those that count, [B] int32; of the others it means nothing."""
  return jnp.cumsum(mask > 0).astype(jnp.int32) - 1


def row_keys(key: Array, mask: Array) -> Array:
  """A key for each row that counts, [B]: rows that only fill the batch change no draw."""
  return jax.vmap(jax.random.fold_in, (None, 0))(key, ranks(mask))


def log_weights(estimator: str, mask: Array, examples: int) -> Array:
  """log of the weight w_ij of q(z_i|x_j) in the estimate of q(z_i) from a batch, [B, B].

  With n rows that count, out of N examples,

    weighted:    w_ij = 1 / (N n), which is biased; its constant changes no gradient
    stratified:  w_ii = 1 / N, w_ij = (N - M) / (N M) for the one j that follows i, and
                 1 / M for the others, M = n - 1: unbiased for q(z_i)

  Args:
    estimator: "weighted" or "stratified".
    mask: [B], 1 where a row counts; a row that does not count has weight 0.
    examples: N.

  Raises:
    UserError: an unknown estimator.

  Chen et al. (2018), eq. 3 (MWS) and appendix C, eq. S.6 on (MSS). The j with the other weight
  is the next row that counts, and for the last row the first one.
  """
  if estimator not in ESTIMATORS:
    raise UserError(
      f"objective.estimator is {estimator!r}; expected one of {', '.join(ESTIMATORS)}."
    )
  size, count = mask.shape[0], jnp.sum(mask)
  total = jnp.maximum(float(examples), count)
  columns = jnp.broadcast_to((mask > 0)[None], (size, size))
  if estimator == "weighted":
    return jnp.where(columns, -jnp.log(total * count), -jnp.inf)
  others = jnp.maximum(count - 1, 1)
  rank = ranks(mask)
  follows = rank[None] == jnp.mod(rank[:, None] + 1, count.astype(jnp.int32))
  weight = jnp.where(follows, (total - others) / (total * others), 1 / others)
  weight = jnp.where(jnp.eye(size, dtype=bool), 1 / total, weight)
  return jnp.where(columns, jnp.log(weight), -jnp.inf)


def of_batch(
  q: Posterior, z: Array, mask: Array, examples: int, estimator: str
) -> Densities:
  """The densities of a batch, q(z) by one of ESTIMATORS; rows with mask 0 take no part.

  Args:
    q: [B, L] each.
    z: [B, L], row i drawn from q's row i.
    mask: [B].
    examples: N, of which the batch is a part.
    estimator: see `log_weights`.
  """
  weights = log_weights(estimator, mask, examples)
  q, z = Posterior(kept(q.mean, mask), kept(q.logvar, mask)), kept(z, mask)
  joint, marginals = jax.vmap(lambda z, w: _mixture(q, z, w))(z, weights)
  return _with_own(q, z, joint, marginals)


def of_all(
  q: Posterior, z: Array, block: int = 64, own: Posterior | None = None
) -> Densities:
  """The densities under the exact mixture q(z) = 1/N sum_n q(z|x_n).

  Args:
    q: [N, L] each, all examples of the split.
    z: [B, L], row i drawn from q's row i, B <= N.
    block: rows of z compared with all N at once: memory, not the result.
    own: [B, L] each, what row i was drawn from where that is not q's row i.
  """
  even = jnp.full(q.mean.shape[:1], -jnp.log(float(q.mean.shape[0])))
  joint, marginals = jax.lax.map(lambda z: _mixture(q, z, even), z, batch_size=block)
  own = own or Posterior(q.mean[: len(z)], q.logvar[: len(z)])
  return _with_own(own, z, joint, marginals)


def decompose(found: Densities, mask: Array | None = None) -> Decomposition:
  """E[KL(q(z|x) || p(z))] = I(x; z) + TC(z) + sum_l KL(q(z_l) || p(z_l)), in nats.

  Args:
    found: log-densities at B rows of z.
    mask: [B], 1 where a row counts; None: all do.

  Chen et al. (2018), eq. 2; Hoffman & Johnson (2016) for the first of the two splits.
  """
  mask = jnp.ones(found.joint.shape) if mask is None else mask
  product = jnp.sum(found.marginals, axis=-1)
  return Decomposition(
    average(found.conditional - found.joint, mask),
    average(found.joint - product, mask),
    average(product - found.prior, mask),
  )


def ceiling(examples: int) -> float:
  """The most information that so many examples can show, log N of the mixture's N, in nats."""
  return float(np.log(min(examples, MIXTURE)))


def order(examples: int, codes: int) -> tuple[np.ndarray, int]:
  """Which examples stand for q(z), and for how many of them, the first ones, a z is drawn.

  Args:
    examples: N; of more than MIXTURE evenly spaced ones stand for all.
    codes: at most, evenly spaced.
  """
  evenly = lambda count: (
    np.linspace(0, examples - 1, min(examples, count)).round().astype(int)
  )
  chosen = evenly(codes)
  return np.r_[chosen, np.setdiff1d(evenly(MIXTURE), chosen)], len(chosen)


def prior_divergence(found: Densities, mask: Array | None = None) -> Array:
  """KL(q(z) || p(z)) = E[log q(z) - log p(z)], [] nats: the marginal KL.

  It is the total correlation plus the dimension-wise KL, and the rate less the information.
  Hoffman & Johnson (2016), section 2.
  """
  parts = decompose(found, mask)
  return parts.total_correlation + parts.dimension_wise


def squared_mmd(
  x: Array, y: Array, mask: Array, kernel: str = "gaussian", bandwidth: Array | float = 1.0
) -> Array:
  """The unbiased estimate of MMD^2 between the rows of x and of y, []; it may be below 0.

  1/(n (n-1)) sum_{i != j} [k(x_i, x_j) + k(y_i, y_j)] - 2/n^2 sum_ij k(x_i, y_j), with

    gaussian:                k = exp(-|a - b|^2 / C)
    inverse_multiquadratic:  k = C / (C + |a - b|^2),   C = 2 L bandwidth^2

  2 L is the expected squared distance of two draws of N(0, I).

  Args:
    x: [B, L].
    y: [B, L].
    mask: [B], of both.
    kernel: one of KERNELS.
    bandwidth: [].

  Raises:
    UserError: an unknown kernel.

  Gretton et al. (2012), eq. 3; the kernels and C are those of Tolstikhin et al. (2018),
  section 4.
  """
  if kernel not in KERNELS:
    raise UserError(
      f"objective.kernel is {kernel!r}; expected one of {', '.join(KERNELS)}."
    )
  x, y = kept(x, mask), kept(y, mask)
  scale = 2 * x.shape[-1] * jnp.square(bandwidth)
  count, pairs = jnp.sum(mask), mask[:, None] * mask[None]

  def similarity(a: Array, b: Array) -> Array:
    square = jnp.sum(jnp.square(a[:, None] - b[None]), axis=-1)
    return jnp.exp(-square / scale) if kernel == "gaussian" else scale / (scale + square)

  apart = pairs * (1 - jnp.eye(mask.shape[0]))
  within = jnp.sum(apart * (similarity(x, x) + similarity(y, y)))
  between = jnp.sum(pairs * similarity(x, y))
  return within / jnp.maximum(count * (count - 1), 1) - 2 * between / jnp.square(count)


def _mixture(q: Posterior, z: Array, weights: Array) -> tuple[Array, Array]:
  """log sum_n w_n q(z|x_n), [], and the same of each z_l alone, [L], for ONE z [L]."""
  square = jnp.square(z[None] - q.mean) * jnp.exp(-q.logvar)
  each = -0.5 * (LOG_2PI + q.logvar + square)  # [N, L]
  joint = logsumexp(jnp.sum(each, axis=-1) + weights)
  return joint, logsumexp(each + weights[:, None], axis=0)


def _with_own(q: Posterior, z: Array, joint: Array, marginals: Array) -> Densities:
  prior = distributions.standard(z.shape[-1])
  return Densities(
    jax.vmap(distributions.log_prob)(q, z),
    joint,
    marginals,
    jax.vmap(lambda z: distributions.log_prob(prior, z))(z),
  )
