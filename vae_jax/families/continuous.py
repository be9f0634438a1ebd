"""Densities over all of R^L: a mixture of Gaussians, and a flow."""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jax.scipy.special import logsumexp

from vae_jax import distributions
from vae_jax.types import Array, Distribution, Draw, Posterior, UserError

Map = Callable[[Array], tuple[Array, Array]]  # e [L] -> z [L], log |det dz/de| []


class Mixture(NamedTuple):
  """sum_k softmax(logits)_k N(z; mean_k, diag(exp(logvar_k)))."""

  logits: Array  # [K]
  parts: Posterior  # [K, L] each

  def draw(self, key: Array) -> Draw:
    """A part by its weight, and a draw of it; no gradient reaches the weights through z."""
    which, noise = jax.random.split(key)
    k = jax.random.categorical(which, self.logits)
    z = distributions.sample(jax.tree.map(lambda x: x[k], self.parts), noise)
    return Draw(z, self.log_prob(z))

  def log_prob(self, z: Array) -> Array:
    """log sum_k w_k N_k(z), [] nats."""
    each = jax.vmap(distributions.log_prob, (0, None))(self.parts, z)
    return logsumexp(each + jax.nn.log_softmax(self.logits))

  def code(self) -> Array:
    """The mean of the mixture, [L]."""
    return jax.nn.softmax(self.logits) @ self.parts.mean


class Flow:
  """z = f(e) with e of a simpler distribution: log q(z) = log q(e) - log |det df/de|.

  Rezende & Mohamed (2015), eq. 5.
  """

  def __init__(self, base: Distribution, forward: Map, inverse: Map | None, name: str):
    """`inverse` takes z to (e, log |det df/de|); None where it has no form."""
    self.base, self.forward, self.inverse, self.name = base, forward, inverse, name

  def draw(self, key: Array) -> Draw:
    """A draw of the base, moved."""
    e = distributions.draw(self.base, key)
    z, stretch = self.forward(e.z)
    return Draw(z, e.log_prob - stretch)

  def log_prob(self, z: Array) -> Array:
    """By the inverse, [] nats."""
    if self.inverse is None:
      raise UserError(
        f"A {self.name} flow knows the density of its own draws alone, not that of any other"
        f" z: take another posterior, such as iaf, or an objective that asks for none."
      )
    e, stretch = self.inverse(z)
    return distributions.log_prob(self.base, e) - stretch

  def code(self) -> Array:
    """Where the base's code goes, [L]."""
    return self.forward(distributions.code(self.base))[0]
