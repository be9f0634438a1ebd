"""The capacity objective: the rate is held at a chosen number of nats."""

import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.metrics import aggregate
from vae_jax.objectives import _elbo
from vae_jax.types import VAE, Array, Batch, Example, Hyper, Params, Posterior, Terms

WHY = "The capacity is of the rate from N(0, I)"
HYPER = {"gamma": 1000.0, "capacity": 25.0}  # capacity in nats


def loss(vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper) -> Terms:
  """-E_q[log p(x|z)], for ONE example, with one sample of z; the rate is `batch_loss`'s."""
  del hyper
  return _elbo.terms(vae, params, example, key, WHY, 0.0)


def batch_loss(posterior: Posterior, z: Array, hyper: Hyper, batch: Batch) -> Array:
  """gamma |mean_i KL(q(z|x_i) || p(z)) - capacity|, [] nats.

  Burgess et al. (2018), eq. 8, which is an expectation over the data: the mean of the batch
  stands for it, so that one example may cost more than another. Their C is `capacity`, and
  it grows from 0 by a schedule.

  Args:
    posterior: of the whole batch, [B, L] each.
    z: not read.
    hyper: `gamma`, and `capacity` in nats.
    batch: rows with mask 0 do not count.
  """
  del z
  mean, logvar = (aggregate.kept(rows, batch.mask) for rows in posterior)
  each = jnp.sum(distributions.kl_per_latent(Posterior(mean, logvar)), axis=-1)
  rate = aggregate.average(each, batch.mask)
  return hyper["gamma"] * jnp.abs(rate - hyper["capacity"])
