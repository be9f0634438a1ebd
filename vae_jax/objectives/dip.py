"""DIP-VAE I and II: the covariance of the inferred prior is brought near the identity."""

import jax.numpy as jnp

from vae_jax.metrics import aggregate
from vae_jax.objectives import _elbo
from vae_jax.types import (
  VAE,
  Array,
  Batch,
  Example,
  Hyper,
  Params,
  Posterior,
  Terms,
  UserError,
)

HYPER = {"off_diagonal": 10.0, "diagonal": 100.0}
WHY = "DIP draws the covariance of q's means to that of N(0, I)"
OPTIONS = {"kind": "i"}  # "i" or "ii": which covariance
KINDS = ("i", "ii")


def loss(
  vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper, kind: str = "i"
) -> Terms:
  """-E_q[log p(x|z)] + KL(q(z|x) || p(z)), for ONE example: the negative ELBO."""
  del hyper, kind
  return _elbo.terms(vae, params, example, key, WHY)


def batch_loss(
  posterior: Posterior, z: Array, hyper: Hyper, batch: Batch, kind: str = "i"
) -> Array:
  """off_diagonal sum_{k != l} C_kl^2 + diagonal sum_l (C_ll - 1)^2, [].

    i:   C = Cov_x[mean(x)]
    ii:  C = Cov_x[mean(x)] + E_x[diag(exp(logvar(x)))], the covariance of q(z)

  Kumar et al. (2018), eq. 6 (I) and 7 (II), with their lambda_od and lambda_d. The
  covariance is that of the batch, divided by its rows and not by one less.

  Args:
    posterior: of the whole batch, [B, L] each.
    z: not read: the covariance is known from the posteriors.
    hyper: the two weights.
    batch: rows with mask 0 do not count.
    kind: "i" or "ii".

  Raises:
    UserError: an unknown kind.
  """
  del z
  if kind not in KINDS:
    raise UserError(f"objective.kind is {kind!r}; expected one of {', '.join(KINDS)}.")
  mask, count = batch.mask, jnp.sum(batch.mask)
  mean = aggregate.kept(posterior.mean, mask)
  centred = aggregate.kept(mean - jnp.sum(mean, axis=0, keepdims=True) / count, mask)
  covariance = centred.T @ centred / count
  if kind == "ii":
    # exp(0) = 1 in a row that does not count, so the mask is applied after the exponential
    noise = aggregate.kept(jnp.exp(aggregate.kept(posterior.logvar, mask)), mask)
    covariance = covariance + jnp.diag(jnp.sum(noise, axis=0) / count)
  diagonal = jnp.diag(covariance)
  apart = jnp.sum(jnp.square(covariance - jnp.diag(diagonal)))
  return hyper["off_diagonal"] * apart + hyper["diagonal"] * jnp.sum(
    jnp.square(diagonal - 1.0)
  )
