"""A hierarchy of latents: groups drawn one after another, each given those before it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import distributions
from vae_jax.types import Array, Distribution, Draw


class Walk(NamedTuple):
  """The way down of a hierarchical model, bound to its parameters."""

  sizes: tuple[int, ...]  # latents of each group, the top first
  top: Callable[[], Any]  # where the way begins
  # where it stands, and the features of x or None -> q (None without features) and p
  group: Callable[[Any, Any], tuple[Distribution | None, Distribution]]
  down: Callable[[Any, Array], Any]  # where it stands, and the group's draw -> the next


class Chain:
  """prod_g q(z_g | z_above, x), or prod_g p(z_g | z_above) without features of x.

  z holds the groups one after another, the top first. Sønderby et al. (2016), eq. 5 and 6.
  """

  def __init__(self, walk: Walk, features: Any = None):
    self.walk, self.features = walk, features

  def draw(self, key: Array) -> Draw:
    """Group after group; the path keeps q, p and the draw of each."""
    keys, path = jax.random.split(key, len(self.walk.sizes)), []

    def choose(own: Distribution, p: Distribution, g: int) -> Array:
      path.append((own, p, distributions.draw(own, keys[g])))
      return path[-1][2].z

    z = self._down(choose)
    return Draw(z, sum(drawn.log_prob for _, _, drawn in path), tuple(path))

  def log_prob(self, z: Array) -> Array:
    """sum_g log q(z_g | z_above), [] nats."""
    parts, found = jnp.split(z, np.cumsum(self.walk.sizes)[:-1]), []

    def choose(own: Distribution, p: Distribution, g: int) -> Array:
      found.append(distributions.log_prob(own, parts[g]))
      return parts[g]

    self._down(choose)
    return sum(found)

  def code(self) -> Array:
    """The code of each group, given the codes above it, [L]."""
    return self._down(lambda own, p, g: distributions.code(own))

  def kl(self, p: "Chain", drawn: Draw) -> Array:
    """KL(q_g || p_g) of each group at the draws above it, [G] nats; p is its own prior."""
    del p
    return jnp.stack([jnp.sum(distributions.rates(*each)) for each in drawn.path])

  def log_ratio(self, p: "Chain", drawn: Draw) -> Array:
    """sum_g log q(z_g) - log p(z_g) from the path, so that the way down is walked once."""
    del p
    return sum(distributions.log_ratio(*each) for each in drawn.path)

  def _down(self, choose: Callable[[Distribution, Distribution, int], Array]) -> Array:
    """Walks down with `choose(own, p, g)` as the draw of group g; all draws, [L]."""
    where, parts = self.walk.top(), []
    for g in range(len(self.walk.sizes)):
      q, p = self.walk.group(where, self.features)
      parts.append(choose(p if self.features is None else q, p, g))
      if g + 1 < len(self.walk.sizes):
        where = self.walk.down(where, parts[-1])
    return jnp.concatenate(parts)
