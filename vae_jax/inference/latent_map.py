"""The code z that explains a damaged observation: its posterior mode, and draws around it.

A model trained on clean examples and any known p(y|z) together say what z was: argmax_z
log p(y|z) + log p(z). Everything here is of ONE example and of a plain function of z, so that
`asking.apply` makes it a batch and a population; what log p(y|z) may be is in `damage`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.scipy.special import logsumexp

from vae_jax.types import Array

LogJoint = Callable[[Array], Array]  # z [L] -> [] log p(y|z) + log p(z), nats


class Mode(NamedTuple):
  """The best z that was found."""

  z: Array  # [L]
  objective: Array  # [] log p(y|z) + log p(z) there, nats
  objectives: Array  # [S] what each start reached
  start: Array  # [] int32, the start that won


class Draws(NamedTuple):
  """Posterior draws with the weights that make them so."""

  z: Array  # [K, L]
  log_weights: Array  # [K], normalised: their exponentials sum to 1
  ess: Array  # [] effective number of draws, between 1 and K


def latent_map(
  log_joint: LogJoint, starts: Array, steps: int = 200, learning_rate: float = 0.05
) -> Mode:
  """The posterior mode argmax_z log p(y|z) + log p(z), by Adam from several starts.

  The step size falls to 0 along a half cosine, so that the end is a point and not a circle
  around one. Each start keeps the best z of its path: no result is worse than its start, and
  more starts are never worse than fewer. A start that is not finite never wins.

  Args:
    log_joint: z [L] -> [] nats; differentiable almost everywhere.
    starts: [S, L].
    steps: of Adam, from each start.
    learning_rate: of the first step, in units of z.

  Maximum a posteriori inference in a generator's latent space is Bora et al. (2017), eq. 3,
  there with a Gaussian p(y|z).
  """
  adam = optax.adam(optax.cosine_decay_schedule(learning_rate, max(steps, 1)))
  value_and_grad = jax.value_and_grad(lambda z: -log_joint(z))

  def climb(start: Array) -> tuple[Array, Array]:
    def step(carry: tuple, _: None) -> tuple[tuple, None]:
      z, moments, best, lowest = carry
      value, gradient = value_and_grad(z)
      best = jnp.where(value < lowest, z, best)
      lowest = jnp.fmin(value, lowest)
      change, moments = adam.update(gradient, moments)
      return (z + change, moments, best, lowest), None

    first = (start, adam.init(start), start, jnp.full((), jnp.inf))
    (z, _, best, lowest), _ = jax.lax.scan(step, first, length=steps)
    last = -log_joint(z)
    better = last < lowest
    return jnp.where(better, z, best), -jnp.where(better, last, lowest)

  found, objectives = jax.vmap(climb)(starts)
  winner = jnp.argmax(jnp.where(jnp.isnan(objectives), -jnp.inf, objectives))
  return Mode(found[winner], objectives[winner], objectives, winner.astype(jnp.int32))


def posterior_draws(
  log_joint: LogJoint, mode: Array, key: Array, samples: int, scale: float = 1.0
) -> Draws:
  """Self-normalised importance draws of p(z|y) around its mode.

    z_k ~ N(mode, scale^2 P^-1),  w_k = p(y|z_k) p(z_k) / q(z_k) / sum

  P is the negative Hessian of log_joint at the mode with its eigenvalues raised to the
  prior's, 1, where they are lower: the Laplace approximation, positive definite also where
  a network's surface is not. On a linear-Gaussian model q is the posterior and all weights
  are equal. Where `ess` is small, the draws say how the proposal is and not the posterior.

  Args:
    log_joint: z [L] -> [] nats, twice differentiable almost everywhere.
    mode: [L].
    key: of the draws.
    samples: K.
    scale: above 1 for a wider proposal, whose weights have lighter tails.

  MacKay (2003), ch. 27 (Laplace) and 29.2 (importance sampling).
  """
  # Twice backwards, as the convolutions of `layers` have no forward mode.
  curvature, axes = jnp.linalg.eigh(-jax.jacrev(jax.grad(log_joint))(mode))
  # A Hessian that is not finite leaves the prior's width, so that its NaN stays in the weights.
  curvature = jnp.where(jnp.isfinite(curvature), jnp.maximum(curvature, 1.0), 1.0)
  noise = jax.random.normal(key, (samples, mode.shape[-1]))
  z = mode[None] + scale * (noise * jax.lax.rsqrt(curvature)[None]) @ axes.T
  log_proposal = -0.5 * jnp.sum(noise**2, -1)  # up to a constant, which the weights lose
  return weigh(z, jax.vmap(log_joint)(z) - log_proposal)


def weigh(z: Array, log_weights: Array) -> Draws:
  """Draws [K, L] with their unnormalised log weights [K]; Kong's (1992) effective number."""
  normalised = log_weights - logsumexp(log_weights)
  return Draws(z, normalised, jnp.exp(-logsumexp(2 * normalised)))


def resample(draws: Draws, key: Array, count: int) -> Array:
  """`count` draws of equal weight [count, L], by systematic resampling.

  Positions (u + i) / count on the cumulative weights, u ~ U(0, 1): Kitagawa (1996), appendix.
  """
  edges = jnp.cumsum(jnp.exp(draws.log_weights))
  at = (jax.random.uniform(key) + jnp.arange(count)) / count
  index = jnp.searchsorted(edges / edges[-1], at)
  return draws.z[jnp.minimum(index, len(draws.z) - 1)]
