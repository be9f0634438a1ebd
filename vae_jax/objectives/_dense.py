"""A network of an objective's own: dense layers "layer_0" and so on, each a kernel and a bias."""

import jax
import jax.numpy as jnp

from vae_jax.types import Array, Params, UserError


def parameters(key: Array, inputs: int, units: int, layers: int, outputs: int) -> Params:
  """`layers` hidden ones of `units` between `inputs` and `outputs` numbers.

  Kernels are normal with variance 2 / inputs (He et al., 2015, eq. 10), biases 0.

  Raises:
    UserError: a number of units or layers below 1.
  """
  for name, value in (("units", units), ("layers", layers)):
    if value < 1:
      raise UserError(f"objective.{name} is {value}; it must be at least 1.")
  widths = [inputs] + layers * [units] + [outputs]
  keys = jax.random.split(key, layers + 1)
  return {
    f"layer_{i}": {
      "kernel": jax.random.normal(k, (a, b)) * (2.0 / a) ** 0.5,
      "bias": jnp.zeros(b),
    }
    for i, (k, a, b) in enumerate(zip(keys, widths[:-1], widths[1:], strict=True))
  }
