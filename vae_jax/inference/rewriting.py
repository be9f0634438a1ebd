"""Sentences that a conditional model writes under their own label and another one."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from vae_jax import distributions
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
