"""The code of an example from others of its style: what they share, without the example."""

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.objectives._distorted import distorted
from vae_jax.types import VAE, Array, Example, Hyper, Params, Posterior, Terms, UserError

HYPER = {"beta": 0.1, "vary": 0.0}
BESIDE, LABEL = "beside", "beside_label"  # fields of an example: K others, and their labels


def loss(vae: VAE, params: Params, example: Example, key: Array, hyper: Hyper) -> Terms:
  """-E_q[log p(x|z, y)] + β KL(q(z|D) || p(z)), for ONE example, with one sample of z.

    q(z|D) ~ p(z) prod_{k in D} q(z|x_k, y_k) / p(z),   D a random part of `beside`

  Hewitt et al. (2018), eq. 4, where β is 1 / |X|, one over the examples that share a z: so the sum
  over a style is a bound on the log-density of the whole style. `distributions.product` is their
  factorised encoder. The size of D is uniform from 1 to K.

  With `vary` the pictures of an example and of what is beside it get one random distortion of
  that size, so that train has more styles. Validation is distorted too.

  Raises:
    UserError: the data has no `beside`, q is no diagonal Gaussian, or p is not N(0, I).
  """
  if BESIDE not in example:
    raise UserError(
      "The objective homoencoder reads an example's code from others of its style, and this data"
      " shows none: take data.name=glyphs with data.beside=8."
    )
  why = "The homoencoder multiplies Gaussians under N(0, I)"
  distributions.require(vae, ("gaussian",), why, standard=True)
  which, noise, vary = jax.random.split(key, 3)
  if len(example["x"].shape) == 3:
    every = jnp.concatenate([example["x"][None], example[BESIDE]])
    every = distorted(every, vary, hyper["vary"])
    example = {**example, "x": every[0], BESIDE: every[1:]}
  of_one = lambda x, label: vae.posterior(params, {"x": x, "label": label})
  each = jax.vmap(of_one)(example[BESIDE], example[LABEL])
  q = distributions.product(_part(each, which))
  z = distributions.sample(q, noise)
  distortion = -vae.log_likelihood(params, z, example)
  rate = distributions.kl(q)
  return Terms(distortion + hyper["beta"] * rate, rate, distortion, q, z)


def _part(each: Posterior, key: Array) -> Posterior:
  """Experts [K, L] of which a random number stay, and the others become the prior."""
  count, order = jax.random.split(key)
  most = each.mean.shape[0]
  rank = jax.random.permutation(order, most)
  kept = (rank < jax.random.randint(count, (), 1, most + 1))[:, None]
  return Posterior(jnp.where(kept, each.mean, 0.0), jnp.where(kept, each.logvar, 0.0))
