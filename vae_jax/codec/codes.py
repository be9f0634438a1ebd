"""How a code z is taken off a stack with q(z|x) and put on with p(z), for three priors.

N(0, I) and a hierarchy are `Groups`: given the groups above, each latent is Gaussian under p,
and is one of 2^16 bins of equal mass under it. A mixture is a mixture of such vectors: which
part a code is of is a latent of its own, and p(part|z) is known, so that naming it costs
nothing. Townsend, Bird & Barber (2019), section 2.5.1; Townsend et al. (2020), section 3.2.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.special import softmax

from vae_jax.codec import lanes, tables
from vae_jax.codec.stack import Find, Stack
from vae_jax.types import Posterior


class Drawn(NamedTuple):
  """A code of each example of a batch."""

  z: np.ndarray  # [n, L]
  bins: np.ndarray  # [n, L] which bin each latent is
  part: np.ndarray  # [n] of the mixture; 0 where there is none


class Codes(Protocol):
  """What `chain` asks; `put` undoes `take`, and `give` undoes `draw`."""

  def draw(self, stack: Stack, wide: int, features: Any, label: np.ndarray) -> Drawn:
    """Takes codes off with q."""

  def put(self, stack: Stack, wide: int, drawn: Drawn) -> None:
    """Puts codes on with p."""

  def take(self, stack: Stack, wide: int, count: int, label: np.ndarray) -> Drawn:
    """Takes codes off with p."""

  def give(
    self, stack: Stack, wide: int, drawn: Drawn, features: Any, label: np.ndarray
  ) -> None:
    """Puts codes on with q."""


class Groups(NamedTuple):
  """prod_g p(z_g | z_<g) and prod_g q(z_g | z_<g, x), every one a diagonal Gaussian."""

  sizes: tuple[int, ...]  # latents of each group, the top first
  # a group, the latents above it [n, .], features or None, label [n] -> q and p, [n, L_g] each
  parts: Callable[[int, np.ndarray, Any, np.ndarray], tuple[Posterior, Posterior]]

  def draw(self, stack: Stack, wide: int, features: Any, label: np.ndarray) -> Drawn:
    """Group after group, each given the draws above it."""
    z, bins = np.zeros((2, len(label), 0))
    for g in range(len(self.sizes)):
      q, p = self.parts(g, z, features, label)
      own = lanes.pop(stack, wide, q.mean.shape, _finder(q, p), tables.POSTERIOR)
      z = np.concatenate([z, _values(p, own)], 1)
      bins = np.concatenate([bins, own], 1)
    return Drawn(z, bins.astype(np.int64), np.zeros(len(label), np.int64))

  def put(self, stack: Stack, wide: int, drawn: Drawn) -> None:
    """All bins are alike under p, by construction."""
    lanes.push(stack, wide, *tables.prior(drawn.bins), tables.BINS)

  def take(self, stack: Stack, wide: int, count: int, label: np.ndarray) -> Drawn:
    """All bins, and from the top down what they stand for."""
    shape = count, sum(self.sizes)
    bins = lanes.pop(stack, wide, shape, lambda _: tables.prior_find, tables.BINS)
    return Drawn(self._values(bins, None, label), bins, np.zeros(count, np.int64))

  def give(
    self, stack: Stack, wide: int, drawn: Drawn, features: Any, label: np.ndarray
  ) -> None:
    """The groups from the lowest up."""
    ends = np.cumsum(self.sizes)
    for g in reversed(range(len(self.sizes))):
      above = slice(0, ends[g] - self.sizes[g])
      q, p = self.parts(g, drawn.z[:, above], features, label)
      own = drawn.bins[:, above.stop : ends[g]]
      _give(stack, wide, q, p, own)

  def _values(self, bins: np.ndarray, features: Any, label: np.ndarray) -> np.ndarray:
    z, start = np.zeros((len(bins), 0)), 0
    for g, size in enumerate(self.sizes):
      _, p = self.parts(g, z, features, label)
      z = np.concatenate([z, _values(p, bins[:, start : start + size])], 1)
      start += size
    return z


class Mixture(NamedTuple):
  """p(z) = sum_k w_k N(z; mean_k, var_k); q(z|x) a diagonal Gaussian.

  The bins have equal mass under the Gaussian with the mixture's own mean and variance. Taking z
  off with q and the part off with p(part|z), then putting both on with p, costs
  log q(z|x) + log p(part|z) - log p(part) - log p(z|part) = log q(z|x) - log p(z).
  """

  weights: np.ndarray  # [K]
  parts: Posterior  # [K, L] each
  infer: Callable[[Any], Posterior]  # features -> q, [n, L] each

  @property
  def whole(self) -> Posterior:
    """The Gaussian with the mixture's mean and variance, [1, L] each."""
    w = self.weights[:, None]
    mean = (w * self.parts.mean).sum(0, keepdims=True)
    square = np.exp(self.parts.logvar) + (self.parts.mean - mean) ** 2
    return Posterior(*map(tables.on_grid, (mean, np.log((w * square).sum(0)[None]))))

  def draw(self, stack: Stack, wide: int, features: Any, label: np.ndarray) -> Drawn:
    """z, and then the part that it is of."""
    q, p = self.infer(features), self.whole
    bins = lanes.pop(stack, wide, q.mean.shape, _finder(q, p), tables.POSTERIOR)
    z = _values(p, bins)
    find = tables.finder(self._of(z), len(self.weights))
    return Drawn(z, bins, stack.pop(len(label), find, tables.SYMBOL))

  def put(self, stack: Stack, wide: int, drawn: Drawn) -> None:
    """z given its part, and then the part."""
    own = Posterior(self.parts.mean[drawn.part], self.parts.logvar[drawn.part])
    _give(stack, wide, own, self.whole, drawn.bins)
    start = tables.categories(self.weights[None])
    stack.push(*tables.masses(start, drawn.part), tables.SYMBOL)

  def take(self, stack: Stack, wide: int, count: int, label: np.ndarray) -> Drawn:
    """The part, and then z given it."""
    find = tables.finder(tables.categories(self.weights[None]), len(self.weights))
    part = stack.pop(count, find, tables.SYMBOL)
    own = Posterior(self.parts.mean[part], self.parts.logvar[part])
    find = _finder(own, self.whole)
    bins = lanes.pop(stack, wide, own.mean.shape, find, tables.POSTERIOR)
    return Drawn(_values(self.whole, bins), bins, part)

  def give(
    self, stack: Stack, wide: int, drawn: Drawn, features: Any, label: np.ndarray
  ) -> None:
    """The part given z, and then z."""
    stack.push(*tables.masses(self._of(drawn.z), drawn.part), tables.SYMBOL)
    _give(stack, wide, self.infer(features), self.whole, drawn.bins)

  def _of(self, z: np.ndarray) -> tables.Cumulative:
    """p(part|z) [n, K] as integers."""
    square = (z[:, None] - self.parts.mean[None]) ** 2 * np.exp(-self.parts.logvar)[None]
    log_p = np.log(self.weights) - 0.5 * (square + self.parts.logvar[None]).sum(-1)
    return tables.categories(softmax(tables.on_grid(log_p), -1))


def _give(stack: Stack, wide: int, q: Posterior, p: Posterior, bins: np.ndarray) -> None:
  """Puts bins [n, L] on with q, the bins of equal mass under p."""
  start = tables.posterior(*(v.ravel() for v in _beside(q, p)))
  first, mass = tables.masses(start, bins.ravel())
  shape = bins.shape
  lanes.push(stack, wide, first.reshape(shape), mass.reshape(shape), tables.POSTERIOR)


def _finder(q: Posterior, p: Posterior) -> Callable[[slice], Find]:
  """The bins under q of some latents."""
  mean, logvar = _beside(q, p)

  def find(part: slice) -> Find:
    start = tables.posterior(mean[:, part].ravel(), logvar[:, part].ravel())
    return tables.finder(start, 1 << tables.BINS)

  return find


def _beside(q: Posterior, p: Posterior) -> tuple[np.ndarray, np.ndarray]:
  """q in units of p, under which the bins are those of N(0, 1)."""
  return (q.mean - p.mean) * np.exp(-0.5 * p.logvar), q.logvar - p.logvar


def _values(p: Posterior, bins: np.ndarray) -> np.ndarray:
  """What bins of equal mass under p stand for."""
  return p.mean + np.exp(0.5 * p.logvar) * tables.centres(bins)
