"""log p(y|z) + log p(z) of ONE observation under any prior, which a search for z maximises."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.types import Array, Distribution


@dataclasses.dataclass(frozen=True, eq=False)  # known by itself, as a function is
class Joint:
  """A function of z [L] that knows where to start from and how wide its prior is."""

  log_likelihood: Callable[[Array], Array]  # z [L] -> log p(y|z), [] nats
  prior: Distribution
  scored: bool = True  # False: log p(y|z) alone, of a deterministic autoencoder

  def __call__(self, z: Array) -> Array:
    """log p(y|z) + log p(z), [] nats."""
    found = self.log_likelihood(z)
    return found + distributions.log_prob(self.prior, z) if self.scored else found

  def starts(self, codes: list[Array], count: int, key: Array) -> Array:
    """The given codes [L], the prior's own code and `count` draws of it, [S, L]."""
    fixed = jnp.stack([*codes, distributions.code(self.prior)])
    if not count:
      return fixed
    return jnp.concatenate([fixed, distributions.draws(self.prior, key, count).z])

  def floor(self, key: Array) -> Array | float:
    """The least curvature that a Gaussian around the mode may have: the prior's, [].

    It is 1 under N(0, I). Of another prior it is one over the largest variance of a latent,
    as `distributions.moments` has it: no direction is wider than the prior's widest latent.
    """
    if isinstance(self.prior, distributions.Standard):
      return 1.0
    return jnp.exp(-jnp.max(distributions.moments(self.prior, key).logvar))
