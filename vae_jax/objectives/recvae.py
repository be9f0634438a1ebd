"""RecVAE's bound: a rate weighted by the number of items, a prior with the old posterior in it."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.types import VAE, Array, Example, Hyper, Params, Posterior, Terms

HYPER = {"gamma": 0.005, "old": 0.75, "wide": 0.1}
LAGGED = True  # training hands over params["lagged"], the moving average of the parameters
WIDE = 10.0  # the log-variance of the prior's wide part


def loss(vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper) -> Terms:
  """-E_q[log p(x|z)] + γ |x| E_q[log q(z|x) - log p(z|x)], for ONE example, one sample of z.

    p(z|x) = (1 - old - wide) N(0, I) + old q_old(z|x) + wide N(0, e^10 I)

  |x| is the sum of x, the items of the user; q_old sees the clean x through the moving average
  of the parameters. `rate` is KL(q || N(0, I)), as everywhere.

  Shenbin et al. (2020), sections 3.4 and 3.5. Their q_old is the encoder of some epochs ago, of
  which the average is a smooth form, and they train encoder and decoder in turn; the number
  `decoder_rate` slows the decoder instead.

  Raises:
    UserError: q is no diagonal Gaussian, or p is not N(0, I).
  """
  why = "RecVAE mixes N(0, I) with q of before"
  distributions.require(vae, ("gaussian",), why, standard=True)
  q = vae.posterior(params, example)
  z = distributions.sample(q, key)
  distortion = -vae.log_likelihood(params, z, example)
  clean = {name: values for name, values in example.items() if name != "input"}
  before = vae.posterior(params.get("lagged", params), clean)
  old = Posterior(*map(jax.lax.stop_gradient, before))
  ratio = distributions.log_prob(q, z) - log_prior(z, old, hyper)
  weight = hyper["gamma"] * jnp.sum(example["x"])
  return Terms(distortion + weight * ratio, distributions.kl(q), distortion, q, z)


def log_prior(z: Array, old: Posterior, hyper: Hyper) -> Array:
  """The log-density [] of the composite prior at z [L]."""
  latents = z.shape[-1]
  wide = Posterior(jnp.zeros(latents), jnp.full(latents, WIDE))
  shares = jnp.stack([1 - hyper["old"] - hyper["wide"], hyper["old"], hyper["wide"]])
  parts = (distributions.standard(latents), old, wide)
  densities = jnp.stack([distributions.log_prob(part, z) for part in parts])
  return jax.scipy.special.logsumexp(densities + jnp.log(shares))
