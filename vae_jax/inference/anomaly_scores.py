"""How anomalous ONE example is to a VAE: scores in nats, higher is more anomalous.

Expectations over q are means over S draws of it. Those of a Gaussian are made of `eps` [S, L],
draws of N(0, I). They are the same for every q of an example, so that the noise of the draws
does not enter the difference of two of them.
"""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.inference.latent_map import latent_map
from vae_jax.types import VAE, Array, Distribution, Draw, Example, Params, Posterior


def antithetic(key: Array, samples: int, latents: int) -> Array:
  """Draws eps and -eps of N(0, I), [S, L] with S = 2 ceil(samples / 2)."""
  half = jax.random.normal(key, ((samples + 1) // 2, latents))
  return jnp.concatenate([half, -half])


def draws(q: Distribution, eps: Array, key: Array) -> Draw:
  """S draws of q, every leaf [S, ...]: the Gaussian's at eps [S, L], of others by the key."""
  if not isinstance(q, Posterior):
    return distributions.draws(q, key, len(eps))
  z = jax.vmap(lambda e: distributions.reparameterise(q, e))(eps)
  return Draw(z, jax.vmap(lambda z: distributions.log_prob(q, z))(z))


def divergence(q: Distribution, p: Distribution, drawn: Draw) -> Array:
  """KL(q || p), [] nats: exact where `distributions.rates` has a form, else of the draws."""
  if isinstance(q, Posterior) and isinstance(p, distributions.Standard):
    return distributions.kl(q)
  return jnp.mean(jax.vmap(lambda one: jnp.sum(distributions.rates(q, p, one)))(drawn))


def distortion(vae: VAE, params: Params, example: Example, z: Array) -> Array:
  """E_q[-log p(x|z)], [] nats, over draws z [S, L]: the negative reconstruction probability.

  An & Cho (2015), "Variational autoencoder based anomaly detection using reconstruction
  probability", algorithm 4.
  """
  return jnp.mean(jax.vmap(lambda z: -vae.log_likelihood(params, z, example))(z))


def squared_error(vae: VAE, params: Params, example: Example, code: Array) -> Array:
  """|x - E[x|z]|^2 at the code of x, []; of a Gaussian its mean."""
  return jnp.sum(jnp.square(example["x"] - vae.mean(params, code)))


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

  q is the encoder's Gaussian and the prior any one: a richer q may be better than every
  Gaussian, so that the difference would say nothing.

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
  latents, p = q.mean.shape[-1], vae.prior(params, example)

  def elbo(both: Array) -> Array:
    own = Posterior(both[:latents], both[latents:])
    drawn = draws(own, eps, None)
    return -distortion(vae, params, example, drawn.z) - divergence(own, p, drawn)

  start = jnp.concatenate([q.mean, q.logvar])
  found = latent_map(elbo, start[None], steps, rate, newton=False).objective
  # Two programs of the same sum may differ in its last digits.
  return jnp.maximum(found - elbo(start), 0.0)
