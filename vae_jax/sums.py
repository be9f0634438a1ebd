"""The sum over an example's elements, in the form that each backend computes quickly."""

import jax
import jax.numpy as jnp

from vae_jax.types import Array


def total(terms: Array) -> Array:
  """The sum of all terms, []; on a CPU their product with ones.

  XLA computes terms within the loop that sums them. That spares an accelerator's memory; on a
  CPU a loop over several axes takes one term after another, with the exponentials and
  logarithms in it: 47 microseconds for the cross-entropy of 28 x 28 pixels, 3 with a product,
  which takes its operand from memory (docs/benchmarks.md).
  """
  if jax.default_backend() != "cpu":
    return jnp.sum(terms)
  return terms.reshape(-1) @ jnp.ones(terms.size, terms.dtype)
