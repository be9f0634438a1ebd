"""The diagonal Gaussian: sample, log-density, divergence; for ONE example, in nats."""

import jax
import jax.numpy as jnp

from vae_jax.types import Array, Posterior

LOG_2PI = 1.8378770664093453


def standard(latents: int) -> Posterior:
  """N(0, I) over [L] latents, the prior."""
  return Posterior(jnp.zeros(latents), jnp.zeros(latents))


def reparameterise(q: Posterior, eps: Array) -> Array:
  """z = mean + exp(logvar / 2) * eps, with eps ~ N(0, I).

  Kingma & Welling (2014), eq. 10. All of shape [L].
  """
  return q.mean + jnp.exp(0.5 * q.logvar) * eps


def sample(q: Posterior, key: Array) -> Array:
  """One reparameterised draw z ~ q, [L]."""
  return reparameterise(q, jax.random.normal(key, q.mean.shape))


def log_prob(q: Posterior, z: Array) -> Array:
  """log N(z; mean, diag(exp(logvar))), [] nats.

  -1/2 sum_l [ log 2 pi + logvar_l + (z_l - mean_l)^2 / exp(logvar_l) ]
  """
  square = jnp.square(z - q.mean) * jnp.exp(-q.logvar)
  return -0.5 * jnp.sum(LOG_2PI + q.logvar + square)


def kl_per_latent(q: Posterior) -> Array:
  """KL(q_l || N(0, 1)) of each latent, [L] nats.

  1/2 [ exp(logvar_l) + mean_l^2 - 1 - logvar_l ]

  Kingma & Welling (2014), appendix B, with the sign turned. Written with expm1, so that a
  latent at the prior gives 0 and not the rounding error of 1 - 1.
  """
  return 0.5 * (jnp.expm1(q.logvar) - q.logvar + jnp.square(q.mean))


def kl(q: Posterior) -> Array:
  """KL(q || N(0, I)), [] nats; zero if and only if q is the prior."""
  return jnp.sum(kl_per_latent(q))


def kl_between(q: Posterior, p: Posterior) -> Array:
  """KL(q || p) of two diagonal Gaussians, [] nats.

  1/2 sum_l [ logvar_p - logvar_q + (exp(logvar_q) + (mean_q - mean_p)^2) / exp(logvar_p) - 1 ]
  """
  ratio = q.logvar - p.logvar
  square = jnp.square(q.mean - p.mean) * jnp.exp(-p.logvar)
  return 0.5 * jnp.sum(jnp.expm1(ratio) - ratio + square)
