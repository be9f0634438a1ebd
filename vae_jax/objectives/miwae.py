"""MIWAE: the importance-weighted bound on what is observed, for data with missing values."""

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Hyper, Params, Terms

HYPER: dict[str, float] = {}
OPTIONS = {"samples": 20}  # K: it changes a shape, so it is static


def loss(
  vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper, samples: int = 20
) -> Terms:
  """-log 1/K sum_k w_k,  w_k = p(x_obs|z_k) p(z_k) / q(z_k|x_obs), for ONE example.

  Mattei & Frellsen (2019), eq. 4; with nothing missing it is the IWAE bound, Burda et al.
  (2016), eq. 8. What is missing is left out by the likelihood, which reads
  `example["observed"]`. The bound is split exactly, with v_k = w_k / sum w:

    distortion = -sum_k v_k log p(x_obs|z_k)
    rate       =  sum_k v_k [log q(z_k|x_obs) + log(K v_k) - log p(z_k)]

  which is the KL from the prior of the posterior that the weights imply (Cremer et al., 2017);
  at K = 1 both are the ELBO's with one draw. `z` is the draw of the largest weight.

  Args:
    vae: the functions of the model.
    params: of one member.
    example: with `observed` where values are missing.
    key: of the K draws.
    hyper: not read.
    samples: K.
  """
  del hyper
  q = vae.posterior(params, example)
  noise = jax.random.normal(key, (samples, *q.mean.shape))
  z = jax.vmap(lambda e: distributions.reparameterise(q, e))(noise)  # [K, L]
  log_x = jax.vmap(lambda z: vae.log_likelihood(params, z, example))(z)
  log_ratio = jax.vmap(lambda z: distributions.log_prob(q, z) - vae.prior.log_prob(z))(z)
  log_weights = log_x - log_ratio
  bound = logsumexp(log_weights) - jnp.log(samples)
  share = jax.nn.softmax(log_weights)
  distortion = -jnp.sum(share * log_x)
  chosen = z[jnp.argmax(log_weights)]
  return Terms(-bound, -bound - distortion, distortion, q, chosen)
