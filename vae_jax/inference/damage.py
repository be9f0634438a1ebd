"""How a damaged image y comes from a clean one: log p(y|x), of ONE image, in nats.

Each is a plain function of y and of a model's mean x(z), both [H, W, C]; `latent_map` climbs
their sum with log p(z). A missing or averaged pixel is a sum over its channels.
"""

import jax.numpy as jnp

from vae_jax.likelihoods import total
from vae_jax.types import Array

ROUNDS = 5  # of back-projection
EPSILON = 1e-4  # a mean within [0, 1] is kept this far from both ends, where logarithms end


def spread(x: Array, coefficients: Array) -> Array:
  """How far a model that predicts x may be off: a + b 4 x (1 - x), the shape of x.

  A generator of grey levels is sure of black and of white and unsure between them.
  `coefficients` [2] are a and b, in grey levels.
  """
  return coefficients[0] + coefficients[1] * 4.0 * x * (1.0 - x)


def laplace(y: Array, x: Array, scale: Array | float) -> Array:
  """log Laplace(y; x, scale) of each number: -|y - x| / scale - log(2 scale)."""
  return -jnp.abs(y - x) / scale - jnp.log(2.0 * scale)


def replaced(y: Array, x: Array, share: Array, scale: Array | float) -> Array:
  """log p(y|x), [], where a known share of pixels was replaced by draws of U(0, 1).

    sum over pixels of log[ (1 - share) prod_c Laplace(y_c; x_c, scale) + share ]

  A pixel far from x is explained by the uniform part and pulls no more: robust.

  Args:
    y: observed [H, W, C] in [0, 1].
    x: the model's mean [H, W, C].
    share: [] of replaced pixels; may be traced.
    scale: how far the model is from a clean pixel, in grey levels: a number, or one for
      each pixel, as `spread` gives.
  """
  clean, noise = _parts(y, x, share, scale)
  return total(jnp.logaddexp(clean, noise))


def clean_share(y: Array, x: Array, share: Array, scale: Array | float) -> Array:
  """r = p(pixel was not replaced | y, x), [H, W, 1], under the mixture of `replaced`.

  The clean-pixel blend is r y + (1 - r) x: what was never damaged is kept as it is.
  """
  clean, noise = _parts(y, x, share, scale)
  return jnp.exp(clean - jnp.logaddexp(clean, noise))


def _parts(y: Array, x: Array, share: Array, scale: Array | float) -> tuple[Array, Array]:
  density = jnp.sum(laplace(y, x, scale), -1, keepdims=True)
  return jnp.log1p(-share) + density, jnp.log(jnp.maximum(share, 1e-12))


def observed_gaussian(y: Array, x: Array, observed: Array, std: float) -> Array:
  """sum over observed numbers of log N(y; x, std^2), []; `observed` is 1 or 0, [H, W, 1]."""
  each = -0.5 * jnp.square((y - x) / std) - jnp.log(std) - 0.5 * jnp.log(2 * jnp.pi)
  return total(observed * each)


def observed_bernoulli(y: Array, x: Array, observed: Array) -> Array:
  """sum over observed numbers of y log x + (1 - y) log(1 - x), []; x within [0, 1].

  The model's own loss where it was trained with cross-entropy; on grey levels no likelihood.
  """
  x = jnp.clip(x, EPSILON, 1.0 - EPSILON)
  return total(observed * (y * jnp.log(x) + (1.0 - y) * jnp.log1p(-x)))


def block_mean(x: Array, factor: int) -> Array:
  """Area downsampling: the mean of each factor x factor block, [H, W, C] -> [H/f, W/f, C].

  A leading batch is kept: [..., H, W, C]. H and W must be divisible by the factor.
  """
  *batch, height, width, channels = x.shape
  blocks = x.reshape(*batch, height // factor, factor, width // factor, factor, channels)
  return blocks.mean((-4, -2))


def block_repeat(x: Array, factor: int) -> Array:
  """Each pixel as a factor x factor block: the transpose of `block_mean` times factor^2."""
  return jnp.repeat(jnp.repeat(x, factor, -3), factor, -2)


def averaged_gaussian(y: Array, x: Array, factor: int, std: float) -> Array:
  """log N(y; block_mean(x), std^2) summed over the pixels of the small y [H/f, W/f, C], []."""
  return observed_gaussian(y, block_mean(x, factor), jnp.ones_like(y[..., :1]), std)


def back_project(x: Array, y: Array, factor: int, rounds: int = ROUNDS) -> Array:
  """x changed by as little as it takes for block_mean(x) = y, within [0, 1].

  x <- clip(x + block_repeat(y - block_mean(x))): one round is exact but for the clipping,
  which the further rounds make good. Irani & Peleg (1991), eq. 3, for the box kernel.
  """
  for _ in range(rounds):
    x = jnp.clip(x + block_repeat(y - block_mean(x, factor), factor), 0.0, 1.0)
  return x
