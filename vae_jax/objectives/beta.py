"""The β-VAE: distortion plus β times the rate. At β = 1 the loss is the negative ELBO."""

import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER = {"beta": 1.0, "free_bits": 0.0}


def loss(vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper) -> Terms:
  """-E_q[log p(x|z)] + β sum_g max(KL_g, free_bits), for ONE example, with one sample of z.

  Kingma & Welling (2014), eq. 7, at β = 1; β is Higgins et al. (2017), eq. 4. `free_bits`
  is λ of Kingma et al. (2016), eq. 15, in nats per group: one latent where q and p are
  diagonal, one layer of a hierarchy. The maximum is taken for each example, where they take it
  of the minibatch average.
  """
  q, p = vae.posterior(params, example), vae.prior(params, example)
  drawn = distributions.draw(q, key)
  kl = distributions.rates(q, p, drawn)  # [G]
  distortion = -vae.log_likelihood(params, drawn.z, example)
  free = kl <= hyper["free_bits"]  # not where a rate is NaN: the loss shows it
  penalty = jnp.sum(jnp.where(free, hyper["free_bits"], kl))
  return Terms(distortion + hyper["beta"] * penalty, jnp.sum(kl), distortion, q, drawn.z)
