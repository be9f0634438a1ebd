"""The evidence log p(x) of one example by annealed importance sampling with Hamiltonian moves."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp

from vae_jax.types import Array

ACCEPTED = 0.65  # the share of accepted moves that step sizes are steered to
LONGER, SHORTER = 1.02, 0.98  # what a step size is multiplied by

LogDensity = Callable[[Array], Array]  # z [L] -> [] nats


class Chain(NamedTuple):
  """Where one chain stands."""

  z: Array  # [L]
  log_weight: Array  # [] nats
  step: Array  # [] size of a leapfrog step
  accepted: Array  # [] share of accepted moves, a running mean


def temperatures(count: int, steepness: float = 4.0) -> Array:
  """Inverse temperatures 0 = b_0 < ... < b_T = 1 [T + 1], dense at both ends.

  A sigmoid over [-steepness, steepness], shifted and scaled: Wu et al. (2017), appendix.
  """
  values = jax.nn.sigmoid(jnp.linspace(-steepness, steepness, count + 1))
  return (values - values[0]) / (values[-1] - values[0])


def anneal(
  log_prior: LogDensity,
  log_likelihood: LogDensity,
  start: Array,
  key: Array,
  schedule: Array,
  leapfrog: int = 10,
  step: float = 0.05,
) -> Chain:
  """One chain along p(z) p(x|z)^b from the first to the last inverse temperature.

    log w = sum_t (b_t - b_{t-1}) log p(x|z_{t-1}),   z_t ~ a Hamiltonian move at b_t

  From z ~ p(z) with b from 0 to 1, E[w] = p(x), so that log w is below log p(x) on average.
  From z ~ p(z|x) with b from 1 to 0, E[w] = 1 / p(x): -log w is above it on average.

  Args:
    log_prior: z -> log p(z).
    log_likelihood: z -> log p(x|z); differentiable, as the prior is.
    start: [L], a draw at the first temperature.
    key: of the moves.
    schedule: inverse temperatures [T + 1].
    leapfrog: steps of a move.
    step: size of the first step, in units of z.

  Neal (2001), eq. 11; of decoder-based models Wu et al. (2017), section 3; the two sides:
  Grosse et al. (2015).
  """

  def move(chain: Chain, index: Array) -> tuple[Chain, None]:
    before, now = schedule[index], schedule[index + 1]
    gained = (now - before) * log_likelihood(chain.z)
    target = lambda z: log_prior(z) + now * log_likelihood(z)
    own = jax.random.fold_in(key, index)
    z, accept = hamiltonian(target, chain.z, own, chain.step, leapfrog)
    share = 0.9 * chain.accepted + 0.1 * accept
    size = chain.step * jnp.where(share > ACCEPTED, LONGER, SHORTER)
    return Chain(z, chain.log_weight + gained, size, share), None

  first = Chain(start, jnp.zeros(()), jnp.full((), step), jnp.full((), ACCEPTED))
  return jax.lax.scan(move, first, jnp.arange(len(schedule) - 1))[0]


def hamiltonian(
  target: LogDensity, z: Array, key: Array, step: Array, leapfrog: int
) -> tuple[Array, Array]:
  """One move that leaves exp(target) as it is: z [L], and whether it was accepted, 0 or 1.

  Neal (2011), figure 2, with a mass of 1. A move that is not finite is not accepted.
  """
  momentum_key, accept_key = jax.random.split(key)
  gradient = jax.grad(target)
  momentum = jax.random.normal(momentum_key, z.shape)

  def drift(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
    z, p = carry
    z = z + step * p
    return (z, p + step * gradient(z)), None

  half = momentum + 0.5 * step * gradient(z)
  (end, p), _ = jax.lax.scan(drift, (z, half), length=leapfrog)
  p = p - 0.5 * step * gradient(end)  # the last full step was half a step too long
  energy = lambda z, p: 0.5 * jnp.sum(p**2) - target(z)
  log_ratio = energy(z, momentum) - energy(end, p)
  accept = jnp.log(jax.random.uniform(accept_key)) < log_ratio  # False where it is NaN
  return jnp.where(accept, end, z), accept.astype(z.dtype)


def evidence(chains: Chain) -> tuple[Array, Array]:
  """log p(x) of chains [C] from the prior, [] nats, and their effective number."""
  log_w = chains.log_weight
  total = logsumexp(log_w)
  return total - jnp.log(len(log_w)), jnp.exp(2 * total - logsumexp(2 * log_w))
