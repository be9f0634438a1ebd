"""Sentences that a conditional model writes under their own label and another one."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax import distributions
from vae_jax.likelihoods.tokens import END
from vae_jax.types import VAE, Array, Example, Hyper, Params


class Rewritten(NamedTuple):
  """Three sentences, [T] each."""

  own: Array  # from the code of the sentence and its label
  other: Array  # from the same code and the other label
  drawn: Array  # from a code and words drawn from the prior and p(x|z), the other label


def rewriter(vae: VAE) -> Callable[..., Rewritten]:
  """`(params, hyper, example, key) -> Rewritten` of a conditional VAE.

  z = the code of q(z | x, y), a Gaussian's mean, and x' = the greedy sentence of p(x | z, y')
  with y' = `example["target"]`, the label that is asked for.
  """

  def rewrite(params: Params, hyper: Hyper, example: Example, key: Array) -> Rewritten:
    del hyper
    first, second = jax.random.split(key)
    z = distributions.code(vae.posterior(params, example))
    other = vae.given(example["target"])
    free = distributions.draw(other.prior(params), first).z
    return Rewritten(
      own=vae.given(example["label"]).mode(params, z),
      other=other.mode(params, z),
      drawn=other.sample(params, free, second),
    )

  return rewrite


def guided(vae: VAE, weight: float) -> Callable[..., Array]:
  """`(params, hyper, example, key) -> x' [T]`: the other label, told more strongly.

  At each place, after the symbols that are written already, the largest of

    log p(x_t | x_<t, z, y') + weight [log p(x_t | x_<t, z, y') - log p(x_t | x_<t, z, y)]

  with z the code of q(z | x, y), y = `example["label"]` and y' = `example["target"]`. Places of
  which the label says nothing stay as they are. Weight 0 is `Rewritten.other`. Ho & Salimans
  (2021), eq. 6, with the sentence's own label in place of no label; Liu et al. (2021), eq. 2.
  """

  def rewrite(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper, key
    z = distributions.code(vae.posterior(params, example))
    target, own = vae.given(example["target"]), vae.given(example["label"])

    def place(x: Array, t: Array) -> tuple[Array, None]:
      read = {**example, "x": x}
      log = lambda one: jax.nn.log_softmax(one.forced(params, z, read)[t])
      scores = (1 + weight) * log(target) - weight * log(own)
      best = 1 + jnp.argmax(scores[1:])  # 0 is padding
      ended = jnp.any(x == END)
      return x.at[t].set(jnp.where(ended, 0, best).astype(x.dtype)), None

    first = jnp.zeros_like(example["x"])
    return jax.lax.scan(place, first, jnp.arange(len(first)))[0]

  return rewrite
