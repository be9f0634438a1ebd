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

from vae_jax import linalg
from vae_jax.types import Array

ARRIVED = 1e-3  # nats between a point and the top of the parabola through it
NEWTON = 3  # the most steps of the last phase
SMALL = 64  # the most latents whose matrix of second derivatives is made
LENGTHS = (1.0, 0.25, 0.0625)  # of a Newton step, tried side by side

LogJoint = Callable[[Array], Array]  # z [L] -> [] log p(y|z) + log p(z), nats


class Mode(NamedTuple):
  """The best z that was found."""

  z: Array  # [L]
  objective: Array  # [] log p(y|z) + log p(z) there, nats
  objectives: Array  # [S] what each start reached
  start: Array  # [] int32, the start that won
  ends: Array  # [S, L] where each start arrived
  remaining: Array  # [] nats that Newton's next step promises; 0 at a stationary point
  arrived: Array  # [] bool, whether that is below ARRIVED; False where it is not known


class Draws(NamedTuple):
  """Posterior draws with the weights that make them so."""

  z: Array  # [K, L]
  log_weights: Array  # [K], normalised: their exponentials sum to 1
  ess: Array  # [] effective number of draws, between 1 and K


def latent_map(
  log_joint: LogJoint,
  starts: Array,
  steps: int = 200,
  learning_rate: float = 0.05,
  newton: bool = True,
) -> Mode:
  """The posterior mode argmax_z log p(y|z) + log p(z), by Adam and Newton from several starts.

  The step size of Adam falls to 0 along a half cosine, so that the end is a point and not a
  circle around one. Each start keeps the best z of its path: no result is worse than its
  start by more than rounding, and more starts are never worse than fewer. A start that is not
  finite never wins. Where L is at most SMALL, `climb_by_newton` takes over from there.

  Args:
    log_joint: z [L] -> [] nats; twice differentiable almost everywhere.
    starts: [S, L].
    steps: of Adam, from each start; with 0 a start is its own result.
    learning_rate: of the first step, in units of z.
    newton: False ends with Adam, for an objective that is itself a mean over a few draws.

  Returns:
    The mode, and whether it is one: `arrived`.

  Maximum a posteriori inference in a generator's latent space is Bora et al. (2017), eq. 3,
  there with a Gaussian p(y|z).
  """
  adam = optax.adam(optax.cosine_decay_schedule(learning_rate, max(steps, 1)))
  cost = lambda z: -log_joint(z)
  value_and_grad = jax.value_and_grad(cost)

  def climb(start: Array) -> tuple[Array, Array, Array]:
    def step(carry: tuple, _: None) -> tuple[tuple, None]:
      z, moments, best, lowest = carry
      value, gradient = value_and_grad(z)
      best = jnp.where(value < lowest, z, best)
      lowest = jnp.fmin(value, lowest)
      change, moments = adam.update(gradient, moments)
      return (z + change, moments, best, lowest), None

    first = (start, adam.init(start), start, jnp.full((), jnp.inf))
    (z, _, best, lowest), _ = jax.lax.scan(step, first, length=steps)
    last = cost(z)
    better = last < lowest
    best, lowest = jnp.where(better, z, best), jnp.where(better, last, lowest)
    if newton and steps and len(start) <= SMALL:
      return climb_by_newton(cost, best)
    # No curvature below the prior's: at most this much is left, where the likelihood is concave.
    return best, lowest, jnp.square(jax.grad(cost)(best)).sum() / 2

  found, costs, remaining = jax.vmap(climb)(starts)
  winner = jnp.argmax(jnp.where(jnp.isnan(costs), -jnp.inf, -costs))
  left = remaining[winner]
  return Mode(
    found[winner], -costs[winner], -costs, winner.astype(jnp.int32), found, left,
    left <= ARRIVED,
  )  # fmt: skip


def without(mode: Mode, start: int) -> Array:
  """The best z [L] of the other starts: what is found where that start is not known."""
  values = jnp.where(jnp.isnan(mode.objectives), -jnp.inf, mode.objectives)
  return mode.ends[jnp.argmax(values.at[start].set(-jnp.inf))]


class _Point(NamedTuple):
  """Where Newton's iteration stands."""

  z: Array  # [L]
  value: Array  # [] the cost there
  gradient: Array  # [L]
  remaining: Array  # [] nats
  count: Array  # [] int32, steps so far
  going: Array  # [] bool


def climb_by_newton(
  cost: Callable[[Array], Array], start: Array
) -> tuple[Array, Array, Array]:
  """The end of a descent from near a minimum, by at most NEWTON steps.

    z <- z - t |P|^-1 g,  g and P the gradient and the Hessian of the cost

  |P| has the absolute eigenvalues of P, and none below rounding, so that a step leads away from a
  saddle. t is the best of LENGTHS. A step is kept only if the cost falls. That is read from its
  two values. If these differ by no more than rounding, it is read from the average of the two
  slopes, which shows far smaller steps. A step that starts within ARRIVED is the last one, as it
  squares the error.

  Args:
    cost: z [L] -> [] nats.
    start: [L].

  Returns:
    z [L], its cost, and g' |P|^-1 g / 2 there, with the P of the step before.

  Nocedal & Wright (2006), sections 3.3 and 3.4; the slopes: Hager & Zhang (2005), eq. 4.1.
  """
  value_and_grad = jax.value_and_grad(cost)
  rounding = 4 * jnp.finfo(start.dtype).eps

  def step(at: _Point) -> _Point:
    curvature, axes = linalg.eigh(hessian(cost, at.z))
    curvature = jnp.abs(curvature)
    lowest = 1e-5 * curvature.max() + jnp.finfo(start.dtype).tiny
    along = lambda g: linalg.product(g, axes) / jnp.maximum(curvature, lowest)
    solve = lambda g: linalg.product(axes, along(g))
    change = -jnp.array(LENGTHS)[:, None] * solve(at.gradient)[None]
    z = at.z[None] + change
    values, gradients = jax.vmap(value_and_grad)(z)
    fall = at.value - values
    by_slope = -0.5 * jnp.sum(change * (gradients + at.gradient[None]), -1)
    fall = jnp.where(jnp.abs(fall) <= rounding * jnp.abs(at.value), by_slope, fall)
    best = jnp.argmax(jnp.where(jnp.isnan(fall), -jnp.inf, fall))
    kept = fall[best] > 0
    keep = lambda new, old: jnp.where(kept, new[best], old)
    gradient = keep(gradients, at.gradient)
    left = lambda g: g @ solve(g) / 2
    near = left(at.gradient) <= ARRIVED
    return _Point(
      keep(z, at.z), keep(values, at.value), gradient, left(gradient), at.count + 1,
      kept & ~near,
    )  # fmt: skip

  value, gradient = value_and_grad(start)
  unknown, zero = jnp.full_like(value, jnp.nan), jnp.zeros((), jnp.int32)
  first = _Point(start, value, gradient, unknown, zero, jnp.array(True))
  more = lambda at: at.going & (at.count < NEWTON)
  end = jax.lax.while_loop(more, step, first)
  return end.z, end.value, end.remaining


def hessian(fn: Callable[[Array], Array], z: Array) -> Array:
  """Second derivatives [L, L] of fn at z [L], twice backwards.

  The convolutions of `layers` have no forward mode.
  """
  return jax.jacrev(jax.grad(fn))(z)


def posterior_draws(
  log_joint: LogJoint,
  mode: Array,
  key: Array,
  samples: int,
  scale: float = 1.0,
  floor: Array | float = 1.0,
) -> Draws:
  """Self-normalised importance draws of p(z|y) around its mode.

    z_k ~ N(mode, scale^2 P^-1),  w_k = p(y|z_k) p(z_k) / q(z_k) / sum

  P is the negative Hessian of log_joint at the mode, with eigenvalues of at least `floor`, the
  prior's. This is the Laplace approximation, and P is positive definite also if the Hessian of a
  network is not. On a linear-Gaussian model q is the posterior and all weights are equal. If
  `ess` is small, the draws are those of the proposal rather than of the posterior.

  Args:
    log_joint: z [L] -> [] nats, twice differentiable almost everywhere.
    mode: [L].
    key: of the draws.
    samples: K.
    scale: above 1 for a wider proposal, whose weights have lighter tails.
    floor: the prior's least curvature; 1 is that of N(0, I), `Joint.floor` of any other.

  MacKay (2003), ch. 27 (Laplace) and 29.2 (importance sampling).
  """
  curvature, axes = linalg.eigh(-hessian(log_joint, mode))
  # The symmetric root of P^-1: it is one matrix, where axes have two signs and some an order.
  narrow = axes * jax.lax.rsqrt(jnp.maximum(curvature, floor))[None]
  root = linalg.product(narrow, axes.T)
  # A Hessian that is not finite leaves the prior's width, so that its NaN stays in the weights.
  root = jnp.where(jnp.isfinite(root).all(), root, jnp.eye(len(mode)) * floor**-0.5)
  noise = jax.random.normal(key, (samples, mode.shape[-1]))
  z = mode[None] + scale * linalg.product(noise, root)
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
