"""The Wasserstein autoencoder: a deterministic code whose distribution is held to the prior."""

import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.objectives import _mmd
from vae_jax.types import VAE, Array, Batch, Example, Hyper, Params, Posterior, Terms

HYPER = {"lambda": 1000.0, "bandwidth": 1.0}
OPTIONS = {"kernel": "inverse_multiquadratic"}  # or "gaussian"
STOCHASTIC = False  # nothing is drawn of q: there is no ELBO to report


def loss(
  vae: VAE,
  params: Params,
  example: Example,
  key: Array,
  hyper: Hyper,
  kernel: str = "inverse_multiquadratic",
) -> Terms:
  """-log p(x | z = mean(x)), for ONE example; see `batch_loss`.

  The encoder's logvar is not used. Tolstikhin et al. (2018), eq. 4, with the log-likelihood
  as the cost.

  Raises:
    UserError: the posterior is no Gaussian, or the prior is not N(0, I).
  """
  del key, hyper, kernel
  why = "The WAE holds codes to draws of N(0, I)"
  distributions.require(vae, ("gaussian",), why, standard=True)
  q = vae.posterior(params, example)
  distortion = -vae.log_likelihood(params, q.mean, example)
  return Terms(distortion, jnp.zeros(()), distortion, q, q.mean)


def batch_loss(
  posterior: Posterior,
  z: Array,
  hyper: Hyper,
  batch: Batch,
  kernel: str = "inverse_multiquadratic",
) -> Array:
  """lambda MMD^2(codes, p(z)), []: WAE-MMD, Tolstikhin et al. (2018), algorithm 2.

  The estimate is unbiased, so it may be below 0.

  Args:
    posterior: not read.
    z: the code of each row, [B, L].
    hyper: `lambda`, and `bandwidth` in standard deviations of the prior.
    batch: rows with mask 0 do not count; its key draws from the prior.
    kernel: see `metrics.aggregate.squared_mmd`.

  Raises:
    UserError: an unknown kernel.
  """
  del posterior
  return hyper["lambda"] * _mmd.from_prior(z, hyper, batch, kernel)
