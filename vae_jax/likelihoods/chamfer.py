"""The Chamfer distance of two sets of points in the place of a likelihood."""

import jax.numpy as jnp

from vae_jax.likelihoods._base import Likelihood
from vae_jax.metrics import shapes
from vae_jax.types import Array, Spec, UserError


def chamfer(spec: Spec, std: float = 0.05) -> Likelihood:
  """-(P / (4 std^2)) CD(x, m), of a set x and the decoder's set m, P points each.

    CD(x, m) = mean_p min_q |x_p - m_q|^2 + mean_q min_p |m_q - x_p|^2

  No density: it sums to no 1 over x, and which point belongs to which is chosen by x itself.
  Its nats are a scale on which distortion and rate are weighed: a point pays half of its
  squared distance over 2 std^2 to the nearest in each direction. The order of points changes
  nothing. `sample` gives the decoder's points, as no distribution belongs to it. Fan et al.
  (2017), eq. 1, is the distance.

  Args:
    spec: of the data, points [P, 3].
    std: the distance at which a point costs half a nat each way, in units of x.

  Raises:
    UserError: the data are no points, or std is not above 0.
  """
  if spec.kind != "points":
    raise UserError(
      f"The likelihood 'chamfer' compares sets of points, and this data is {spec.kind!r}: take"
      " the data 'shapes' with data.form=points."
    )
  if not std > 0:
    raise UserError(f"likelihood.std of chamfer is {std}; it must be above 0.")

  def log_prob(theta: Array, x: Array) -> Array:
    there, back = shapes.nearest_squares(x, theta[..., 0])
    return -(jnp.sum(there) + jnp.sum(back)) / (4 * std**2)

  return Likelihood(
    "chamfer",
    1,
    log_prob,
    lambda theta: theta[..., 0],
    lambda theta, key: theta[..., 0],
    ("real",),
    proper=False,
    joint=True,
  )
