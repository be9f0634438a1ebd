"""The discriminator of the adversarial objectives: it tells data from generated examples."""

import math

import jax
import jax.numpy as jnp

from vae_jax.objectives import _dense
from vae_jax.types import Array, Params, Sizes

OPTIONS = {"units": 256, "layers": 2}  # of the discriminator
ADAM = {"b1": 0.5, "b2": 0.99}  # of the discriminator
SLOPE = 0.2  # of its leaky ReLU below 0


def parameters(key: Array, sizes: Sizes, units: int = 256, layers: int = 2) -> Params:
  """`layers` hidden ones of `units` over the flat example, and one logit.

  Raises:
    UserError: a number of units or layers below 1.
  """
  return _dense.parameters(key, math.prod(sizes.shape), units, layers, 1)


def features(own: Params, x: Array) -> Array:
  """The last hidden layer [units] of ONE example x."""
  h = x.reshape(-1)
  for i in range(len(own) - 1):
    layer = own[f"layer_{i}"]
    h = jax.nn.leaky_relu(h @ layer["kernel"] + layer["bias"], SLOPE)
  return h


def logit(own: Params, x: Array) -> Array:
  """D(x) of ONE example, []: above 0 where x looks like data."""
  last = own[f"layer_{len(own) - 1}"]
  return (features(own, x) @ last["kernel"] + last["bias"])[0]


def judge(own: Params, x: Array, made: Array, penalty: Array) -> Array:
  """The discriminator's loss, [] nats: it alone has a gradient.

    softplus(-D(x)) + softplus(D(made)) + penalty / 2 |dD/dx (x)|^2

  Goodfellow et al. (2014), eq. 1; R1, the slope at the data, is Mescheder et al. (2018), eq. 9.
  """
  x, made = jax.lax.stop_gradient((x.astype(jnp.float32), made))
  real, slope = jax.value_and_grad(lambda x: logit(own, x))(x)
  error = jax.nn.softplus(-real) + jax.nn.softplus(logit(own, made))
  return error + 0.5 * penalty * jnp.sum(jnp.square(slope))


def deceive(own: Params, made: Array) -> Array:
  """The generator's loss softplus(-D(made)), [] nats; it has no gradient by the discriminator.

  The non-saturating one of Goodfellow et al. (2014), section 3.
  """
  return jax.nn.softplus(-logit(jax.lax.stop_gradient(own), made))
