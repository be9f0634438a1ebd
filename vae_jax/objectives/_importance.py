"""The importance-weighted bound and its exact split, for the objectives that train it."""

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Draw, Example, Params, Terms

FAMILIES = ("gaussian", "continuous", "hierarchy")


def terms(
  vae: VAE, params: Params, example: Example, key: Array, samples: int, why: str
) -> Terms:
  """-log 1/K sum_k w_k,  w_k = p(x|z_k) p(z_k) / q(z_k|x), for ONE example; see `split`.

  Burda et al. (2016), eq. 8.

  Raises:
    UserError: the codes are discrete: in training their draws are relaxed, and have no density.
  """
  distributions.require(vae, FAMILIES, why)
  q, p = vae.posterior(params, example), vae.prior(params, example)
  drawn = distributions.draws(q, key, samples)  # [K]
  log_x = jax.vmap(lambda z: vae.log_likelihood(params, z, example))(drawn.z)
  log_ratio = jax.vmap(lambda draw: distributions.log_ratio(q, p, draw))(drawn)
  bound, distortion, z = split(log_x, log_x - log_ratio, drawn)
  return Terms(-bound, -bound - distortion, distortion, q, z)


def split(log_x: Array, log_weights: Array, drawn: Draw) -> tuple[Array, Array, Array]:
  """The bound, its distortion and the draw of the largest weight: [], [], [L].

  With v_k = w_k / sum w the bound is, exactly, -(rate + distortion) of

    distortion = -sum_k v_k log p(x|z_k)
    rate       =  sum_k v_k [log q(z_k|x) + log(K v_k) - log p(z_k)]

  which is the KL from the prior of the posterior that the weights imply (Cremer et al., 2017);
  at K = 1 both are the ELBO's with one draw.

  Args:
    log_x: log p(x|z_k), [K] nats.
    log_weights: log w_k, [K] nats.
    drawn: the draws, [K].
  """
  bound = logsumexp(log_weights) - jnp.log(len(log_weights))
  share = jax.nn.softmax(log_weights)
  return bound, -jnp.sum(share * log_x), drawn.z[jnp.argmax(log_weights)]
