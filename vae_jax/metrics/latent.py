"""Which latents carry something: activity, active units, rate per latent, collapse."""

import numpy as np

from vae_jax import distributions
from vae_jax.types import Posterior

THRESHOLD = 0.01  # of the variance over x of E[z|x]; Burda et al. (2016), section 5.2


def activity(means: np.ndarray) -> np.ndarray:
  """Var_x(E[z_l|x]): how far the code of a latent moves as the example changes.

  Args:
    means: posterior means [..., N, L].

  Returns:
    [..., L], the population variance over N; near 0 for a latent the encoder ignores.
  """
  return np.var(np.asarray(means, np.float64), axis=-2)


def active_units(means: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
  """Which latents are active, Var_x(E[z_l|x]) > threshold: bool [..., L].

  Burda, Grosse & Salakhutdinov (2016), section 5.2.
  """
  return activity(means) > threshold


def rates(means: np.ndarray, logvars: np.ndarray) -> np.ndarray:
  """KL(q(z_l|x) || N(0, 1)) of each latent, averaged over the examples, in nats.

  mean_x 0.5 (exp(logvar_l) + mean_l^2 - 1 - logvar_l); it sums to the mean rate under a
  standard normal prior.

  Args:
    means: [..., N, L].
    logvars: log of the posterior variance [..., N, L].

  Returns:
    [..., L] >= 0.

  Kingma & Welling (2014), appendix B, sign flipped.
  """
  each = distributions.kl_per_latent(Posterior(means, logvars))
  return np.asarray(each, np.float64).mean(-2)


def perplexity(index: np.ndarray, values: int) -> np.ndarray:
  """exp of the entropy of how often each value is used: 1 for one value, V for all alike.

    exp(-sum_v p_v log p_v),  p_v the share of the examples whose symbol is v

  Args:
    index: the values of G symbols, int [N, G] in [0, V).
    values: V.

  Returns:
    [G]. van den Oord et al. (2017) report it of a codebook.
  """
  share = np.stack([np.bincount(column, minlength=values) for column in index.T])
  share = share / share.sum(-1, keepdims=True)
  entropy = -np.sum(np.where(share > 0, share * np.log(np.maximum(share, 1e-300)), 0), -1)
  return np.exp(entropy)


def collapsed(means: np.ndarray, threshold: float = THRESHOLD) -> bool:
  """True when no latent of [N, L] is active: the code does not tell examples apart.

  A NaN among the means is not a collapse: it is another failure and shows as NaN.
  """
  return bool(np.all(activity(means) <= threshold))


def verdict(means: np.ndarray) -> str:
  """The words beside a score: "8 of 10", "0 of 10 COLLAPSED", or "NaN"."""
  latents = np.shape(means)[-1]
  if np.isnan(means).any():
    return "NaN"
  word = " COLLAPSED" if collapsed(means) else ""
  return f"{int(active_units(means).sum())} of {latents}{word}"
