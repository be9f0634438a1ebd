"""Densities on the unit sphere of R^L, with respect to its area."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from vae_jax.types import Array, Distribution, Draw

LOG_2, LOG_PI = 0.6931471805599453, 1.1447298858494002


class PowerSpherical(NamedTuple):
  """On the unit sphere of R^L around a direction: density proportional to (1 + m.z)^k.

    log q(z) = k log(1 + m.z) - (a + b) log 2 - b log pi - log Gamma(a) + log Gamma(a + b)

  with b = (L - 1) / 2 and a = b + k. De Cao & Aziz (2020), eq. 8 and 9. Unlike the von
  Mises-Fisher distribution it is drawn without rejection and has a divergence in closed form.
  """

  direction: Array  # m [L], of length 1
  concentration: Array  # k [], above 0

  def draw(self, key: Array) -> Draw:
    """m.z = 2 t - 1 with t ~ Beta(a, b), the rest uniform around m; algorithm 1."""
    a, b = self._shapes()
    height, around = jax.random.split(key)
    t = 2.0 * jax.random.beta(height, a, b) - 1.0
    v = jax.random.normal(around, (len(self.direction) - 1,))
    v = v / jnp.linalg.norm(v)
    off = jnp.sqrt(jnp.maximum(1.0 - jnp.square(t), 1e-12))
    y = jnp.concatenate([t[None], off * v])
    z = _reflected(y, self.direction)
    return Draw(z, self.log_prob(z))

  def log_prob(self, z: Array) -> Array:
    """With respect to the area of the sphere, [] nats."""
    near = jnp.log1p(jnp.maximum(self.direction @ z, -1.0 + 1e-6))
    return self.concentration * near + self._log_constant()

  def code(self) -> Array:
    """The direction, [L]."""
    return self.direction

  def kl(self, p: Distribution, drawn: Draw) -> Array:
    """From the uniform distribution, exact, as one group [1] nats: eq. 15 and 17."""
    del drawn
    if not isinstance(p, Sphere):
      return NotImplemented
    a, b = self._shapes()
    near = LOG_2 + digamma(a) - digamma(a + b)
    kl = self.concentration * near + self._log_constant() - p.log_prob(self.direction)
    return kl[None]

  def _shapes(self) -> tuple[Array, float]:
    b = (len(self.direction) - 1) / 2.0
    return b + self.concentration, b

  def _log_constant(self) -> Array:
    a, b = self._shapes()
    return gammaln(a + b) - gammaln(a) - (a + b) * LOG_2 - b * LOG_PI


class Sphere(NamedTuple):
  """Uniform on the unit sphere of R^L."""

  latents: int  # L

  def draw(self, key: Array) -> Draw:
    """A normal vector, made of length 1."""
    z = jax.random.normal(key, (self.latents,))
    z = z / jnp.linalg.norm(z)
    return Draw(z, self.log_prob(z))

  def log_prob(self, z: Array) -> Array:
    """Minus the log of the area 2 pi^(L/2) / Gamma(L/2), [] nats."""
    del z
    return gammaln(0.5 * self.latents) - LOG_2 - 0.5 * self.latents * LOG_PI

  def code(self) -> Array:
    """The centre, which is not on the sphere, [L]."""
    return jnp.zeros(self.latents)


def _reflected(y: Array, direction: Array) -> Array:
  """Householder's reflection that takes the first axis to the direction."""
  first = jnp.zeros_like(direction).at[0].set(1.0)
  u = first - direction
  square = jnp.maximum(u @ u, 1e-12)
  return y - 2.0 * u * (u @ y) / square
