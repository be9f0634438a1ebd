"""Invertible maps of a code and the logarithm of how they stretch space, with parameters.

A map is `(own, e [L], ...) -> (z [L], log |det dz/de| [])`; what is learned starts so that the
map is near the identity.
"""

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array, Params

SMALL = 0.01  # of the weights of a last layer at the start
SCALE = 2.0  # the most that log-scales reach: a coordinate is stretched by exp(2) at most


def planar(u: Array, w: Array, b: Array, e: Array) -> tuple[Array, Array]:
  """z = e + u' tanh(w.e + b), with u' moved so that it is invertible.

  u' = u + [softplus(w.u) - 1 - w.u] w / |w|^2. Rezende & Mohamed (2015), eq. 10-12 and
  appendix A.1. u, w [L], b [].
  """
  along = w @ u
  u = u + (jax.nn.softplus(along) - 1.0 - along) * w / (w @ w + 1e-6)
  bend = jnp.tanh(w @ e + b)
  return e + u * bend, jnp.log(jnp.abs(1.0 + (1.0 - jnp.square(bend)) * (w @ u)) + 1e-6)


def network(key: Array, inputs: int, hidden: int, outputs: int) -> Params:
  """A dense layer of tanh units and a small last one."""
  first, last = jax.random.split(key)
  return {
    "w1": jax.random.normal(first, (inputs, hidden)) * (1.0 / inputs) ** 0.5,
    "b1": jnp.zeros(hidden),
    "w2": jax.random.normal(last, (hidden, outputs)) * (SMALL / hidden**0.5),
    "b2": jnp.zeros(outputs),
  }


def coupled(own: Params, z: Array, flip: bool, backward: bool) -> tuple[Array, Array]:
  """One half moved and scaled by what a network makes of the other half.

  z_b = e_b exp(s(e_a)) + t(e_a), or back. Dinh et al. (2017), eq. 7 and 8. `flip` exchanges the
  halves; `backward` takes z to e, and returns the stretch of the way forward all the same.
  """
  half = len(z) // 2
  a, b = (z[half:], z[:half]) if flip else (z[:half], z[half:])
  out = jnp.tanh(a @ own["w1"] + own["b1"]) @ own["w2"] + own["b2"]
  scale, shift = SCALE * jnp.tanh(out[: len(b)]), out[len(b) :]
  b = (b - shift) * jnp.exp(-scale) if backward else b * jnp.exp(scale) + shift
  return jnp.concatenate([b, a] if flip else [a, b]), jnp.sum(scale)


def conditioner(key: Array, latents: int, hidden: int, context: int = 0) -> Params:
  """The parameters of `shifts`: a masked network over the code, and the context beside it."""
  keys = jax.random.split(key, 2)
  own = network(keys[0], latents, hidden, 2 * latents)
  if context:
    own["context"] = jax.random.normal(keys[1], (context, hidden)) * context**-0.5
  return own


def shifts(own: Params, e: Array, context: Array | None = None) -> tuple[Array, Array]:
  """Shift and log-scale of each coordinate from those before it alone: [L], [L].

  MADE, Germain et al. (2015), eq. 8 and 9: see `masks`.
  """
  latents, hidden = own["w1"].shape
  first, last = masks(np.arange(latents), hidden)
  first, last = jnp.asarray(first, e.dtype), np.tile(last, (1, 2)).astype(e.dtype)
  into = e @ (own["w1"] * first) + own["b1"]
  if context is not None:
    into = into + context @ own["context"]
  out = jnp.tanh(into) @ (own["w2"] * last) + own["b2"]
  return out[:latents], SCALE * jnp.tanh(out[latents:])


def masks(order: np.ndarray, hidden: int) -> tuple[np.ndarray, np.ndarray]:
  """Which inputs [N, H] the hidden units read, and which units [H, N] the outputs read.

  An output of the place `order` depends on inputs of places before it alone. MADE, Germain et al.
  (2015), eq. 8 and 9: the units read the places up to 0 ... G - 2 by turns.

  Args:
    order: [N] the place of each input and output, 0 ... G - 1.
    hidden: H.
  """
  reads = np.arange(hidden) % max(int(order.max()), 1)
  return order[:, None] <= reads[None], reads[:, None] < order[None]


def autoregressive(
  own: Params, e: Array, context: Array | None = None
) -> tuple[Array, Array]:
  """z_l = e_l exp(s_l(e_<l)) + t_l(e_<l), all coordinates at once.

  Kingma et al. (2016), eq. 10; the other way round it is Papamakarios et al. (2017), eq. 3.
  """
  shift, scale = shifts(own, e, context)
  return e * jnp.exp(scale) + shift, jnp.sum(scale)


def unwound(own: Params, z: Array, context: Array | None = None) -> tuple[Array, Array]:
  """The e that `autoregressive` takes to z, one coordinate after another, and that stretch."""

  def step(e: Array, place: Array) -> tuple[Array, None]:
    shift, scale = shifts(own, e, context)
    found = (z - shift) * jnp.exp(-scale)
    return jnp.where(jnp.arange(len(z)) == place, found, e), None

  e = jax.lax.scan(step, jnp.zeros_like(z), jnp.arange(len(z)))[0]
  return e, jnp.sum(shifts(own, e, context)[1])
