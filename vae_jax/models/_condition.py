"""A label beside what a conditional model reads."""

import jax
import jax.numpy as jnp

from vae_jax.types import Array, UserError


def joined(v: Array, label: Array | None, classes: int) -> Array:
  """v [..., D] with one-hot(label) [classes] beside each row: [..., D + classes].

  v itself where `classes` is 0, of a model without a condition. In the place of a label may
  stand its weights [classes], a mixture of labels.

  Raises:
    UserError: there is a condition, and no label was given.
  """
  if not classes:
    return v
  if label is None:
    raise UserError(
      "The model is conditional on the label, and it was asked without one: give examples with"
      " their label, and write from a code by `vae.given(label)`, as the application text does."
    )
  weights = jnp.ndim(label) == 1
  onehot = (
    label.astype(v.dtype) if weights else jax.nn.one_hot(label, classes, dtype=v.dtype)
  )
  return jnp.concatenate([v, jnp.broadcast_to(onehot, (*v.shape[:-1], classes))], -1)
