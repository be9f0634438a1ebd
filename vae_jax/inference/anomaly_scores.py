"""How anomalous ONE example is to a VAE: scores in nats, higher is more anomalous.

Expectations over q are means over `eps` [S, L], draws of N(0, I): the same for every q of an
example, so that two of them compare without the noise of the draws.
"""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.inference.latent_map import latent_map
from vae_jax.types import VAE, Array, Example, Params, Posterior


def antithetic(key: Array, samples: int, latents: int) -> Array:
  """Draws eps and -eps of N(0, I), [S, L] with S = 2 ceil(samples / 2)."""
  half = jax.random.normal(key, ((samples + 1) // 2, latents))
  return jnp.concatenate([half, -half])


def distortion(
  vae: VAE, params: Params, example: Example, q: Posterior, eps: Array
) -> Array:
  """E_q[-log p(x|z)], [] nats: the negative reconstruction probability.

  An & Cho (2015), "Variational autoencoder based anomaly detection using reconstruction
  probability", algorithm 4.
  """
  of = lambda e: -vae.log_likelihood(params, distributions.reparameterise(q, e), example)
  return jnp.mean(jax.vmap(of)(eps))


def squared_error(vae: VAE, params: Params, example: Example, q: Posterior) -> Array:
  """|x - E[x|z]|^2 at the posterior mean of z, []."""
  return jnp.sum(jnp.square(example["x"] - vae.mean(params, q.mean)))


def grey_entropy(x: Array) -> Array:
  """H(x) = -sum_d x_d log x_d + (1 - x_d) log(1 - x_d), [] nats: the least cross-entropy of x.

  Cross-entropy of grey levels is at its best this number and not 0, so that a picture with many
  greys scores high however well it is known; 0 of a binary picture.
  """
  return -jnp.sum(jax.scipy.special.xlogy(x, x) + jax.scipy.special.xlog1py(1 - x, -x))


def likelihood_regret(
  vae: VAE,
  params: Params,
  example: Example,
  q: Posterior,
  eps: Array,
  steps: int,
  rate: float,
) -> Array:
  """How much ELBO this example gains by a posterior of its own, [] nats, at least 0.

    max_{m, s} ELBO(x; N(m, s^2)) - ELBO(x; q(z|x)),   by Adam from the encoder's m and s

  What makes x improbable whatever its code, as the number of its grey pixels, is in both terms.
  The path's best is kept and the encoder's q is on it, so that no regret is below 0.

  Args:
    vae: the model.
    params: its parameters.
    example: x and what stands beside it.
    q: the encoder's posterior of it.
    eps: [S, L].
    steps: of Adam.
    rate: its first step size, in units of m and of log s^2.

  Xiao, Yan & Amit (2020), "Likelihood regret", eq. 5. There the weights of the encoder are
  trained on each example; its output is all of them that the ELBO reads.
  """
  latents = q.mean.shape[-1]

  def elbo(both: Array) -> Array:
    own = Posterior(both[:latents], both[latents:])
    return -distortion(vae, params, example, own, eps) - distributions.kl(own)

  start = jnp.concatenate([q.mean, q.logvar])
  found = latent_map(elbo, start[None], steps, rate, newton=False).objective
  # Two programs of the same sum may differ in its last digits.
  return jnp.maximum(found - elbo(start), 0.0)
