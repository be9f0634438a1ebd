"""Finitely many codes: categories as one-hot vectors, and entries of a codebook."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.types import Array, Distribution, Draw


class Categorical(NamedTuple):
  """G independent categories of V values, as one-hot vectors one after another: L = G V.

  With a temperature a draw is relaxed, softmax((logits + Gumbel noise) / temperature): Jang
  et al. (2017), eq. 2; Maddison et al. (2017), eq. 10. Without one it is a one-hot draw.
  """

  logits: Array  # [G, V]
  temperature: Array | None = None  # []

  def draw(self, key: Array) -> Draw:
    """One-hots, or vectors of the simplex near them; `log_prob` is of a one-hot."""
    noisy = self.logits + jax.random.gumbel(key, self.logits.shape)
    hard = self.temperature is None
    z = _one_hot(noisy) if hard else jax.nn.softmax(noisy / self.temperature)
    return Draw(z.reshape(-1), self.log_prob(z))

  def log_prob(self, z: Array) -> Array:
    """sum_g log softmax(logits_g)[z_g], [] nats: the log-mass of one-hots z [L]."""
    return jnp.sum(z.reshape(self.logits.shape) * jax.nn.log_softmax(self.logits))

  def index(self) -> Array:
    """The likeliest value of each, [G] int32."""
    return jnp.argmax(self.logits, axis=-1)

  def code(self) -> Array:
    """The likeliest value of each, as one-hots [L]."""
    return self.assembled(_one_hot(self.logits))

  def symbols(self, z: Array) -> Array:
    """A code [L] as one-hots [G, V]."""
    return z.reshape(self.logits.shape)

  def assembled(self, symbols: Array) -> Array:
    """One-hots [G, V] as a code [L]."""
    return symbols.reshape(-1)

  def kl(self, p: Distribution, drawn: Draw) -> Array:
    """Exact for each of the G categories, [G] nats; under `Ordered` given the draws before it."""
    if not isinstance(p, Categorical | Ordered):
      return NotImplemented
    log_q = jax.nn.log_softmax(self.logits)
    log_p = p.each(drawn.z) if isinstance(p, Ordered) else jax.nn.log_softmax(p.logits)
    return jnp.sum(jnp.exp(log_q) * (log_q - log_p), axis=-1)


class Quantised(NamedTuple):
  """The nearest entry of a codebook for each of G vectors, without noise.

  van den Oord et al. (2017), eq. 1-3. Its mass is 1 at that entry. Its divergence from the
  uniform distribution over entries is log V of each vector, for every x. The commitment of the
  encoder to its entry is added to it with the value 0. So its gradient is weighted as the rate
  is, and no number changes.
  """

  encoded: Array  # [G, D] what the encoder put out
  codebook: Array  # [V, D]
  commitment: Array | None = None  # [] its weight; None outside training

  def index(self) -> Array:
    """Which entry is the nearest to each vector, [G] int32."""
    apart = jnp.square(self.encoded[:, None] - self.codebook[None])
    return jnp.argmin(jnp.sum(apart, axis=-1), axis=-1)

  def code(self) -> Array:
    """The nearest entries, one after another, [L]; the gradient goes on to the encoder."""
    fixed = jax.lax.stop_gradient
    chosen = fixed(self.codebook)[self.index()]
    return (self.encoded + fixed(chosen - self.encoded)).reshape(-1)

  def draw(self, key: Array) -> Draw:
    """The code: nothing is random."""
    del key
    return Draw(self.code(), jnp.zeros(()))

  def log_prob(self, z: Array) -> Array:
    """0 at the code and minus infinity elsewhere, [] nats."""
    there = jnp.all(jnp.isclose(z, self.code(), atol=1e-5))
    return jnp.where(there, 0.0, -jnp.inf)

  def kl(self, p: Distribution, drawn: Draw) -> Array:
    """-log p of each of the G vectors, [G] nats, with the commitment's gradient.

    Under the uniform distribution it is log V of each; under `Ordered` it is given those before it.
    """
    if not isinstance(p, Entries | Ordered):
      return NotImplemented
    fixed = jax.lax.stop_gradient
    rate = jnp.full(len(self.encoded), jnp.log(1.0 * len(self.codebook)))
    if isinstance(p, Ordered):
      rate = -jnp.sum(p.support.symbols(drawn.z) * p.each(drawn.z), axis=-1)
    if self.commitment is None:
      return rate
    apart = jnp.square(self.encoded - fixed(self.codebook)[self.index()])
    charge = self.commitment * jnp.sum(apart, axis=-1)
    return rate + charge - fixed(charge)


class Entries(NamedTuple):
  """Uniform over the entries of a codebook, independently for each of G vectors."""

  codebook: Array  # [V, D]
  groups: int  # G

  def draw(self, key: Array) -> Draw:
    """G entries, one after another, [G D]."""
    at = jax.random.randint(key, (self.groups,), 0, len(self.codebook))
    return Draw(self.codebook[at].reshape(-1), self._mass())

  def log_prob(self, z: Array) -> Array:
    """-G log V, [] nats, of a z that is made of entries; no other z is scored."""
    del z
    return self._mass()

  def code(self) -> Array:
    """The mean entry, G times, [L]."""
    return jnp.tile(jnp.mean(self.codebook, axis=0), self.groups)

  def symbols(self, z: Array) -> Array:
    """A code [L] as one-hots [G, V] of the nearest entries."""
    apart = jnp.square(z.reshape(self.groups, 1, -1) - self.codebook[None])
    return _one_hot(-jnp.sum(apart, axis=-1))

  def assembled(self, symbols: Array) -> Array:
    """One-hots [G, V] as a code [L]."""
    return self.codebook[jnp.argmax(symbols, axis=-1)].reshape(-1)

  def _mass(self) -> Array:
    return -self.groups * jnp.log(1.0 * len(self.codebook))


class Ordered(NamedTuple):
  """p(z) = prod_g p(s_g | s_<g) over the G symbols of V values that a discrete code is made of."""

  support: Categorical | Entries  # what the codes are, as symbols
  logits: Callable[
    [Array], Array
  ]  # [G, V] one-hots -> [G, V], row g of the rows before it alone
  shape: tuple[int, int]  # (G, V)

  def draw(self, key: Array) -> Draw:
    """Symbol after symbol."""
    z = self.support.assembled(self._down(jax.random.gumbel(key, self.shape)))
    return Draw(z, self.log_prob(z))

  def log_prob(self, z: Array) -> Array:
    """sum_g log p(s_g | s_<g), [] nats, in one pass."""
    return jnp.sum(self.support.symbols(z) * self.each(z))

  def each(self, z: Array) -> Array:
    """log p(s_g = v | s_<g) of every value, [G, V] nats, at the symbols of a code z [L]."""
    return jax.nn.log_softmax(self.logits(self.support.symbols(z)))

  def code(self) -> Array:
    """The likeliest value of each symbol given those before it, [L]."""
    return self.support.assembled(self._down(jnp.zeros(self.shape)))

  def _down(self, noise: Array) -> Array:
    """One-hots [G, V], a row after those before it: the likeliest value with noise [G, V] added."""

    def step(rows: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
      place, noise = at
      return rows.at[place].set(_one_hot(self.logits(rows)[place] + noise)), None

    return jax.lax.scan(step, jnp.zeros(self.shape), (jnp.arange(len(noise)), noise))[0]


def _one_hot(scores: Array) -> Array:
  return jax.nn.one_hot(jnp.argmax(scores, -1), scores.shape[-1], dtype=scores.dtype)
