"""How far the codes of a batch are from draws of N(0, I)."""

import jax

from vae_jax.metrics import aggregate
from vae_jax.types import Array, Batch, Hyper


def from_prior(z: Array, hyper: Hyper, batch: Batch, kernel: str) -> Array:
  """MMD^2 between codes z [B, L] and as many draws of N(0, I), [], unbiased.

  Args:
    z: a code of each row.
    hyper: with `bandwidth`, in standard deviations of the prior.
    batch: rows with mask 0 do not count; its key draws from the prior.
    kernel: see `metrics.aggregate.squared_mmd`.

  Raises:
    UserError: an unknown kernel.
  """
  keys = aggregate.row_keys(batch.key, batch.mask)
  prior = jax.vmap(lambda key: jax.random.normal(key, z.shape[1:]))(keys)
  return aggregate.squared_mmd(z, prior, batch.mask, kernel, hyper["bandwidth"])
