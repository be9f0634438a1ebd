"""FactorVAE: a second network estimates and lowers the dependence between latents."""

import jax
import jax.numpy as jnp

from vae_jax.metrics import aggregate
from vae_jax.objectives import _dense, _elbo
from vae_jax.types import (
  VAE,
  Array,
  Batch,
  Example,
  Hyper,
  Params,
  Posterior,
  Sizes,
  Terms,
)

HYPER = {"gamma": 35.0}
WHY = "FactorVAE permutes single latents of a diagonal q"
OPTIONS = {"units": 1000, "layers": 6}  # of the discriminator
ADAM = {"b1": 0.5, "b2": 0.9}  # of the discriminator
SLOPE = 0.2  # of its leaky ReLU below 0


def parameters(key: Array, sizes: Sizes, units: int = 1000, layers: int = 6) -> Params:
  """The discriminator: `layers` hidden ones of `units` and one logit, "layer_0" and so on.

  Kim & Mnih (2018), appendix A, have two logits and a softmax, of which only the difference
  counts.

  Raises:
    UserError: a number of units or layers below 1.
  """
  return _dense.parameters(key, sizes.latents, units, layers, 1)


def loss(
  vae: VAE,
  params: Params,
  example: Example,
  key: Array,
  hyper: Hyper,
  units: int = 1000,
  layers: int = 6,
) -> Terms:
  """-E_q[log p(x|z)] + KL(q(z|x) || p(z)), for ONE example: the negative ELBO."""
  del hyper, units, layers
  return _elbo.terms(vae, params, example, key, WHY, standard=False)


def batch_loss(
  posterior: Posterior,
  z: Array,
  hyper: Hyper,
  batch: Batch,
  units: int = 1000,
  layers: int = 6,
) -> Array:
  """gamma mean_i D(z_i) + 1/2 mean_i [softplus(-D(z_i)) + softplus(D(z'_i))], [] nats.

  D is the discriminator's logit, log q(z) - log prod_l q(z_l) at its best, so the first term
  estimates gamma TC(z): Kim & Mnih (2018), eq. 2 and 3. The second is the discriminator's own
  loss, algorithm 2, with z' of `permute` (algorithm 1). The first term does not reach the
  discriminator and the second reaches nothing else, so that one scalar trains both players.
  The paper draws z' from a second batch; here it comes from the same codes.

  Args:
    posterior: not read.
    z: a draw of each row, [B, L].
    hyper: `gamma`.
    batch: rows with mask 0 do not count; its key permutes; its parameters are D's.
    units: of the discriminator, as in `parameters`.
    layers: of the discriminator, as in `parameters`.
  """
  del posterior, units, layers
  own, mask = batch.params["objective"], batch.mask
  z = aggregate.kept(z, mask)
  dependence = aggregate.average(logits(jax.lax.stop_gradient(own), z), mask)
  real = jax.lax.stop_gradient(z)
  shuffled = permute(real, mask, batch.key)
  errors = jax.nn.softplus(-logits(own, real)) + jax.nn.softplus(logits(own, shuffled))
  return hyper["gamma"] * dependence + 0.5 * aggregate.average(errors, mask)


def logits(own: Params, z: Array) -> Array:
  """D(z) of the discriminator, [B, L] -> [B]: above 0 where z looks like a draw of q(z)."""
  layers = [own[f"layer_{i}"] for i in range(len(own))]
  for layer in layers[:-1]:
    z = jax.nn.leaky_relu(z @ layer["kernel"] + layer["bias"][None], SLOPE)
  return (z @ layers[-1]["kernel"] + layers[-1]["bias"][None])[:, 0]


def permute(z: Array, mask: Array, key: Array) -> Array:
  """Each latent permuted over the rows by itself: draws of prod_l q(z_l), [B, L].

  Kim & Mnih (2018), algorithm 1. Only rows that count are permuted, among themselves: the
  others sort behind them and are taken by none, and no draw depends on how many there are.

  Args:
    z: [B, L].
    mask: [B], 1 where a row counts.
    key: of the permutations.
  """
  keys = aggregate.row_keys(key, mask)
  order = jax.vmap(lambda key: jax.random.uniform(key, z.shape[1:]))(keys)
  order = jnp.argsort(jnp.where(mask[:, None] > 0, order, jnp.inf), axis=0)
  sorted_rows = jnp.take_along_axis(z, order, axis=0)
  return sorted_rows[aggregate.ranks(mask)]
