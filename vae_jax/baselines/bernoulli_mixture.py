"""Binary images without a network: a coin for each pixel, and a mixture of such images."""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

ROUNDS = 30  # of EM
PRIOR = 0.5  # imagined images of each kind in each component: no pixel is ever certain


class Mixture(NamedTuple):
  """sum_k w_k prod_d Bernoulli(x_d; p_kd)."""

  log_weights: np.ndarray  # [K]
  p: np.ndarray  # [K, D] in (0, 1)


def fit(x: np.ndarray, components: int, seed: int, rounds: int = ROUNDS) -> Mixture:
  """Fitted by EM to binary images x [N, ...]; with one component it is a coin for each pixel.

  Bishop (2006), section 9.3.3, with a Beta(1 + PRIOR, 1 + PRIOR) prior on each p.
  """
  flat = x.reshape(len(x), -1).astype(np.float32)
  count = min(components, len(flat))
  first = np.random.default_rng(seed).choice(len(flat), count, replace=False)
  p = 0.25 + 0.5 * flat[first]
  found = Mixture(np.full(count, -np.log(count)), p)
  for _ in range(rounds):
    joint = _joint(found, flat)
    share = np.exp(joint - logsumexp(joint, 1, keepdims=True))
    total = share.sum(0)
    p = (share.T @ flat + PRIOR) / (total[:, None] + 2 * PRIOR)
    found = Mixture(np.log((total + PRIOR) / (len(flat) + count * PRIOR)), p)
  return found


def log_prob(mixture: Mixture, x: np.ndarray) -> np.ndarray:
  """log p(x) of each binary image, [N] nats."""
  return logsumexp(_joint(mixture, x.reshape(len(x), -1).astype(np.float32)), 1)


def _joint(mixture: Mixture, flat: np.ndarray) -> np.ndarray:
  on, off = np.log(mixture.p), np.log1p(-mixture.p)
  return mixture.log_weights + flat @ (on - off).T.astype(np.float32) + off.sum(1)
