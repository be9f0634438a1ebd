"""The density on [0, 1] that belongs to the cross-entropy."""

from vae_jax.likelihoods import _coins as coins
from vae_jax.likelihoods._base import Likelihood, total
from vae_jax.types import Array, Spec


def continuous_bernoulli(spec: Spec) -> Likelihood:
  """The density on [0, 1] that belongs to the cross-entropy: it adds the log normaliser.

  log p = sum x l - softplus(l) + log C(l),  C(l) = l / tanh(l / 2)

  Loaiza-Ganem & Cunningham (2019), eq. 5-6, written on logits l.
  """
  del spec

  def log_prob(theta: Array, x: Array) -> Array:
    return coins.cross_entropy(theta, x) + total(coins.log_normaliser(theta[..., 0]))

  return Likelihood(
    "continuous_bernoulli",
    1,
    log_prob,
    coins.continuous_bernoulli_mean,
    coins.sample_continuous_bernoulli,
    ("unit", "binary"),
    is_density=True,
  )
