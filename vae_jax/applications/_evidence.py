"""The importance-weighted evidence of one example under a VAE, and of a run's examples."""

import jax
import numpy as np

from vae_jax import distributions
from vae_jax.metrics import importance
from vae_jax.run import BATCH, Run, apply
from vae_jax.types import VAE, Array, Example, Hyper, Params

CPU_ROWS = 200  # decoded at once: more fall out of the cache (measured on two cores)


def of_examples(
  run: Run, examples: dict[str, np.ndarray], key: Array, samples: int, chunk: int
) -> importance.Evidence:
  """log p_K(x) of every member and example, [M, N] each.

  Args:
    run: an opened run.
    examples: fields [N, ...] as stored in a split, with their `id`.
    key: each example's id is folded in.
    samples: K.
    chunk: of the K samples at once, of several examples side by side.
  """

  def weigh(
    params: Params, hyper: Hyper, example: Example, key: Array
  ) -> importance.Evidence:
    del hyper
    return estimate(run.vae, params, example, key, samples, chunk)

  return apply(run, weigh, examples, key, batch_size(chunk), chunk)


def batch_size(chunk: int) -> int:
  """How many examples are weighed at once: memory and speed, not the result."""
  return max(1, CPU_ROWS // chunk) if jax.default_backend() == "cpu" else BATCH


def estimate(
  vae: VAE, params: Params, example: Example, key: Array, samples: int, chunk: int
) -> importance.Evidence:
  """log p_K(x) of ONE example with the posterior as the proposal.

  w_k = p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x). Burda et al. (2016), eq. 8.
  """
  q = vae.posterior(params, example)

  def log_weight(key: Array) -> Array:
    z = distributions.sample(q, key)
    joint = vae.log_likelihood(params, z, example) + vae.prior.log_prob(z)
    return joint - distributions.log_prob(q, z)

  return importance.estimate(log_weight, key, samples, chunk)
