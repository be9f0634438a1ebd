"""The density of one column of a table for each kind of column: real, positive, count, ...

A decoder puts out P numbers for each column, of which a kind reads the first few:

| kind | p(x) | numbers |
|---|---|---|
| real | N(m, s^2), or Student's t | m, s (, degrees of freedom) |
| positive | as real, on the standardised logarithm that is stored | the same |
| count | Poisson(exp r) | r |
| category | softmax of V logits | V |
| ordinal | P(x <= r) = sigmoid(t_r - m), t_0 < t_1 < ... | m, then V - 1 gaps |

Nazábal et al. (2020), section 3 and appendix; the log rate in place of their softplus.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from vae_jax.distributions import LOG_2PI
from vae_jax.types import Array, Column

MAX_LOG_RATE = 12.0  # of a count: 160,000
_T_PARTS, _NORMAL_PARTS = 3, 2


def student_t(theta: Array, x: Array, min_scale: float) -> Array:
  """log t(x; mean, scale, degrees of freedom), theta [..., 3] -> [...] nats."""
  mean, scale, df = _t_parts(theta, min_scale)
  square = jnp.square((x - mean) / scale)
  constant = gammaln(0.5 * (df + 1)) - gammaln(0.5 * df) - 0.5 * jnp.log(jnp.pi * df)
  return constant - jnp.log(scale) - 0.5 * (df + 1) * jnp.log1p(square / df)


def sample_student_t(theta: Array, key: Array, min_scale: float) -> Array:
  """One draw of each, [...]."""
  mean, scale, df = _t_parts(theta, min_scale)
  return mean + scale * jax.random.t(key, df)


def _t_parts(theta: Array, min_scale: float) -> tuple[Array, Array, Array]:
  scale = jax.nn.softplus(theta[..., 1]) + min_scale
  return theta[..., 0], scale, 3.0 + jax.nn.softplus(theta[..., 2])


def _log_count(theta: Array, x: Array) -> Array:
  """log Poisson(x; exp(theta[..., 0])), [...]."""
  log_rate = jnp.minimum(theta[..., 0], MAX_LOG_RATE)
  return x * log_rate - jnp.exp(log_rate) - gammaln(x + 1.0)


class Family(NamedTuple):
  """The columns of a table and the densities chosen for them."""

  columns: tuple[Column, ...]  # D
  heavy: bool  # Student's t in place of the normal
  min_std: float

  @property
  def outputs(self) -> int:
    """P: the most any column needs."""
    real = _T_PARTS if self.heavy else _NORMAL_PARTS
    need = {"real": real, "positive": real, "count": 1}
    return max(need.get(c.kind, c.categories) for c in self.columns)

  def log_probs(self, theta: Array, x: Array) -> Array:
    """log p of each column, theta [D, P], x [D] -> [D] nats."""
    parts, order = [], []
    for of, columns in self._alike():
      parts.append(of(theta[columns], x[columns]))
      order += columns.tolist()
    for i, column in enumerate(self.columns):
      if column.kind in ("category", "ordinal"):
        parts.append(self._log_prob(column, theta[i], x[i])[None])
        order.append(i)
    return jnp.concatenate(parts)[np.argsort(order)]

  def _alike(self) -> list[tuple]:
    """Columns of one density, computed together: a program that grows with every one is slow."""
    kinds = [c.kind for c in self.columns]
    real = np.flatnonzero([kind in ("real", "positive") for kind in kinds])
    counts = np.flatnonzero([kind == "count" for kind in kinds])
    groups = ((self._log_real, real), (_log_count, counts))
    return [(of, columns) for of, columns in groups if len(columns)]

  @property
  def symbols(self) -> int:
    """V: the most categories of a column; 0 where some column is not one of categories."""
    discrete = all(c.kind in ("category", "ordinal") for c in self.columns)
    return max(c.categories for c in self.columns) if discrete else 0

  def log_shares(self, theta: Array) -> Array:
    """log P of each category of each column, [D, V]; what a column does not have is never."""
    rows = [self._log_categories(c, theta[i]) for i, c in enumerate(self.columns)]
    pad = lambda row: jnp.pad(row, (0, self.symbols - len(row)), constant_values=-1e9)
    return jnp.stack([pad(row) for row in rows])

  def mean(self, theta: Array) -> Array:
    """E[x] of each column, [D]; of a category, which has none, the likeliest."""
    return jnp.stack([self._mean(c, theta[i]) for i, c in enumerate(self.columns)])

  def sample(self, theta: Array, key: Array) -> Array:
    """One draw of each column, [D]."""
    keys = jax.random.split(key, len(self.columns))
    drawn = [self._sample(c, theta[i], keys[i]) for i, c in enumerate(self.columns)]
    return jnp.stack(drawn)

  def _log_prob(self, column: Column, theta: Array, x: Array) -> Array:
    log_probs = self._log_categories(column, theta)
    return jnp.sum(jnp.where(jnp.arange(column.categories) == x, log_probs, 0.0))

  def _log_real(self, theta: Array, x: Array) -> Array:
    if self.heavy:
      return student_t(theta, x, self.min_std)
    std = self._std(theta)
    return -0.5 * (LOG_2PI + jnp.square((x - theta[..., 0]) / std)) - jnp.log(std)

  def _std(self, theta: Array) -> Array:
    return jax.nn.softplus(theta[..., 1]) + self.min_std

  def _log_categories(self, column: Column, theta: Array) -> Array:
    """log P of each of the V categories, [V]."""
    if column.kind == "category":
      return jax.nn.log_softmax(theta[: column.categories])
    if column.categories == 1:
      return jnp.zeros(1)
    gaps = jax.nn.softplus(theta[1 : column.categories])
    edges = jnp.cumsum(gaps) - 0.5 * jnp.sum(gaps) - theta[0]  # [V - 1]
    first, last = jax.nn.log_sigmoid(edges[:1]), jax.nn.log_sigmoid(-edges[-1:])
    # log(F(u) - F(l)) = log F(u) + log F(-l) + log(1 - exp(l - u)), u - l a gap
    inside = jax.nn.log_sigmoid(edges[1:]) + jax.nn.log_sigmoid(-edges[:-1])
    inside += jnp.log(-jnp.expm1(-jnp.maximum(gaps[1:], 1e-6)))
    return jnp.concatenate([first, inside, last])

  def _mean(self, column: Column, theta: Array) -> Array:
    if column.kind in ("real", "positive"):
      return theta[0]
    if column.kind == "count":
      return jnp.exp(jnp.minimum(theta[0], MAX_LOG_RATE))
    log_probs = self._log_categories(column, theta)
    if column.kind == "category":
      return jnp.argmax(log_probs).astype(jnp.float32)
    return jnp.sum(jnp.exp(log_probs) * jnp.arange(column.categories))

  def _sample(self, column: Column, theta: Array, key: Array) -> Array:
    if column.kind in ("real", "positive"):
      if self.heavy:
        return sample_student_t(theta, key, self.min_std)
      return theta[0] + self._std(theta) * jax.random.normal(key)
    if column.kind == "count":
      rate = jnp.exp(jnp.minimum(theta[0], MAX_LOG_RATE))
      return jax.random.poisson(key, rate).astype(jnp.float32)
    drawn = jax.random.categorical(key, self._log_categories(column, theta))
    return drawn.astype(jnp.float32)
