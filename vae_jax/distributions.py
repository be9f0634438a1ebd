"""Distributions over one code z [L], for ONE example, in nats: drawn, scored, compared.

`draw`, `draws`, `log_prob`, `code`, `rates` and `log_ratio` take any family: the diagonal
Gaussian, which is plain data, and those of `families`. The others are the Gaussian's own.
"""

import jax
import jax.numpy as jnp

from vae_jax.types import (
  VAE,
  Array,
  Distribution,
  Draw,
  Example,
  Params,
  Posterior,
  UserError,
)

LOG_2PI = 1.8378770664093453
SPREAD = 32  # draws that tell the variance of a family without a form for it


class Standard(Posterior):
  """N(0, I): the Gaussian whose divergence from another needs neither mean nor variance."""

  __slots__ = ()


def standard(latents: int) -> Standard:
  """N(0, I) over [L] latents, the usual prior."""
  return Standard(jnp.zeros(latents), jnp.zeros(latents))


def draw(q: Distribution, key: Array) -> Draw:
  """One reparameterised draw z ~ q."""
  if not isinstance(q, Posterior):
    return q.draw(key)
  z = sample(q, key)
  return Draw(z, log_prob(q, z))


def draws(q: Distribution, key: Array, samples: int) -> Draw:
  """K independent draws of q: every leaf [K, ...]."""
  if isinstance(q, Posterior):
    noise = jax.random.normal(key, (samples, *q.mean.shape))
    z = jax.vmap(lambda e: reparameterise(q, e))(noise)
    return Draw(z, jax.vmap(lambda z: log_prob(q, z))(z))
  return jax.vmap(q.draw)(jax.random.split(key, samples))


def log_prob(q: Distribution, z: Array) -> Array:
  """log q(z), [] nats.

  Of the Gaussian it is

    -1/2 sum_l [ log 2 pi + logvar_l + (z_l - mean_l)^2 / exp(logvar_l) ]

  Raises:
    UserError: the family has no form for it, a planar flow.
  """
  if not isinstance(q, Posterior):
    return q.log_prob(z)
  square = jnp.square(z - q.mean) * jnp.exp(-q.logvar)
  return -0.5 * jnp.sum(LOG_2PI + q.logvar + square)


def code(q: Distribution) -> Array:
  """The point [L] that stands for q: the Gaussian's mean, the likeliest categories."""
  return q.mean if isinstance(q, Posterior) else q.code()


def rates(q: Distribution, p: Distribution, drawn: Draw) -> Array:
  """KL(q || p) of each group of latents, [G] nats.

  Exact for each latent between diagonal Gaussians, and for what q knows of p: each category,
  each layer of a hierarchy. Else log q - log p of the draw, as one group. The sum is
  KL(q || p) on average over draws of q.
  """
  if isinstance(q, Posterior):
    if isinstance(p, Standard):
      return kl_per_latent(q)
    if isinstance(p, Posterior):
      return kl_between_per_latent(q, p)
  elif hasattr(q, "kl"):
    found = q.kl(p, drawn)
    if found is not NotImplemented:
      return found
  return log_ratio(q, p, drawn)[None]


def log_ratio(q: Distribution, p: Distribution, drawn: Draw) -> Array:
  """log q(z) - log p(z) of a draw of q, [] nats."""
  if hasattr(q, "log_ratio"):
    return q.log_ratio(p, drawn)
  return drawn.log_prob - log_prob(p, drawn.z)


def log_weight(vae: VAE, params: Params, example: Example, key: Array) -> Array:
  """log p(x|z) + log p(z) - log q(z|x) of one draw z ~ q(z|x), [] nats, of ONE example.

  The log of a weight whose mean is p(x): Burda et al. (2016), eq. 8. `metrics.importance`
  averages many of them.
  """
  q, p = vae.posterior(params, example), vae.prior(params, example)
  drawn = draw(q, key)
  log_x = vae.log_likelihood(params, drawn.z, example)
  return log_x - log_ratio(q, p, drawn)


def moments(q: Distribution, key: Array) -> Posterior:
  """The diagonal Gaussian that stands for q: its code, and the variance around it.

  The Gaussian is itself. Of another family the variance is that of SPREAD draws around the
  code, which is enough to tell a latent that carries something from one that does not.
  """
  if isinstance(q, Posterior):
    return q
  centre = code(q)
  spread = jnp.mean(jnp.square(draws(q, key, SPREAD).z - centre[None]), axis=0)
  return Posterior(centre, jnp.log(spread + 1e-12))


def product(q: Posterior) -> Posterior:
  """q(z|x_1 ... x_K) of examples with one common z ~ N(0, I): Gaussians [..., K, L] to [..., L].

    q(z|x_1 ... x_K) ~ N(z; 0, I) prod_k q(z|x_k) / N(z; 0, I)

  Precisions 1 / var add up:

    1 / var = 1 + sum_k (1 / var_k - 1),   mean = var sum_k mean_k / var_k

  The variance of an expert is cut off at the prior's, 1. Wu & Goodman (2018), section 2.2.
  """
  precision = jnp.exp(-jnp.minimum(q.logvar, 0.0))
  total = 1 + jnp.sum(precision - 1, -2)
  return Posterior(jnp.sum(precision * q.mean, -2) / total, -jnp.log(total))


def require(vae: VAE, families: tuple[str, ...], why: str, standard: bool = False) -> None:
  """Refuses a model whose posterior or prior is not what its caller computes with.

  Args:
    vae: the functions of the model.
    families: of q(z|x) that will do.
    why: the beginning of the sentence: who reads what.
    standard: whether p(z) must be N(0, I).

  Raises:
    UserError: the posterior is of another family, or the prior is not N(0, I).
  """
  if vae.family not in families:
    raise UserError(
      f"{why}, and the posterior of this model is {vae.family}; it is for"
      f" {' and '.join(families)} posteriors."
    )
  if standard and not vae.standard:
    raise UserError(f"{why}, and the prior of this model is not N(0, I).")


def reparameterise(q: Posterior, eps: Array) -> Array:
  """z = mean + exp(logvar / 2) * eps, with eps ~ N(0, I).

  Kingma & Welling (2014), eq. 10. All of shape [L].
  """
  return q.mean + jnp.exp(0.5 * q.logvar) * eps


def sample(q: Posterior, key: Array) -> Array:
  """One reparameterised draw z ~ q of the Gaussian, [L]."""
  return reparameterise(q, jax.random.normal(key, q.mean.shape))


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


def kl_between_per_latent(q: Posterior, p: Posterior) -> Array:
  """KL(q_l || p_l) of two diagonal Gaussians for each latent, [L] nats.

  1/2 [ logvar_p - logvar_q + (exp(logvar_q) + (mean_q - mean_p)^2) / exp(logvar_p) - 1 ]
  """
  ratio = q.logvar - p.logvar
  square = jnp.square(q.mean - p.mean) * jnp.exp(-p.logvar)
  return 0.5 * (jnp.expm1(ratio) - ratio + square)


def kl_between(q: Posterior, p: Posterior) -> Array:
  """KL(q || p) of two diagonal Gaussians, [] nats."""
  return jnp.sum(kl_between_per_latent(q, p))
