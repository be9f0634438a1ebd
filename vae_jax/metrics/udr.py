"""Unsupervised disentanglement ranking: whether models of one setting find the same latents."""

import numpy as np
from scipy.stats import rankdata

from vae_jax.types import UserError

RATE = 0.01  # nats of KL, averaged over examples, above which a latent is informative
PENALTY = 0.1  # of the Lasso, on codes of unit variance


def udr(
  codes: np.ndarray,
  rates: np.ndarray,
  similarity: str = "spearman",
  penalty: float = PENALTY,
) -> np.ndarray:
  """The score of each of M models that differ in their seed alone: [M], higher is better.

    UDR_ij = 1 / (d_i + d_j) [ sum_b r_b^2 / sum_a R_ab + sum_a r_a^2 / sum_b R_ab ],
    r_a = max_b R_ab,  r_b = max_a R_ab,  UDR_i = median_{j != i} UDR_ij

  over the d_i informative latents a of model i and the d_j informative ones b of model j.
  R_ab = |Spearman's correlation|, or the |weight| of a in a Lasso that predicts b from all
  latents of i. Where two models agree on every latent up to order and sign, a score is 1 (by
  the Lasso 1 - penalty, by which it shrinks weights). A model without an informative latent
  agrees with none: 0.

  Args:
    codes: posterior means of the same examples [M, N, L].
    rates: KL of each latent, averaged over examples, in nats [M, L].
    similarity: "spearman" or "lasso".
    penalty: of the Lasso.

  Raises:
    UserError: fewer than two models, shapes that do not fit, or an unknown similarity.

  Duan et al. (2020), eq. 2 and 3.
  """
  codes, rates = np.asarray(codes, np.float64), np.asarray(rates)
  if codes.ndim != 3 or len(codes) < 2 or rates.shape != (len(codes), codes.shape[2]):
    raise UserError(
      f"UDR compares two models or more: codes are {codes.shape} and rates {rates.shape}; "
      "expected [M, N, L] and [M, L]."
    )
  if similarity not in ("spearman", "lasso"):
    raise UserError(f"The similarity is {similarity!r}; expected spearman or lasso.")
  if not np.isfinite(codes).all():
    raise UserError("Codes hold a NaN or an infinity; leave that model out.")
  # A latent of almost no rate is left out; one whose mean never moves has no correlation.
  informative = (rates > RATE) & (codes.std(1) > 0)
  ready = [
    _standard(z[:, kept], similarity) for z, kept in zip(codes, informative, strict=True)
  ]
  scores = np.full((len(codes), len(codes)), np.nan)
  for i, first in enumerate(ready):
    for j, second in enumerate(ready):
      if i != j and not (similarity == "spearman" and j < i):
        scores[i, j] = pair_score(_similar(first, second, similarity, penalty))
      elif i != j:
        scores[i, j] = scores[j, i]  # the correlation is symmetric
  return np.nanmedian(scores, axis=1)


def of_groups(
  codes: np.ndarray,
  rates: np.ndarray,
  groups: list,
  similarity: str = "spearman",
  penalty: float = PENALTY,
) -> np.ndarray:
  """`udr` of each of M models among those of its own group, [M]; NaN where it is alone.

  Args:
    codes: [M, N, L]; a model with one that is not finite is in no group.
    rates: [M, L].
    groups: what the models of a group share, [M]; None: in no group.
    similarity: as in `udr`.
    penalty: as in `udr`.
  """
  found = np.full(len(codes), np.nan)
  known = [
    g is not None and np.isfinite(z).all() for g, z in zip(groups, codes, strict=True)
  ]
  for group in {g for g, kept in zip(groups, known, strict=True) if kept}:
    own = [m for m, g in enumerate(groups) if known[m] and g == group]
    if len(own) > 1:
      found[own] = udr(codes[own], rates[own], similarity, penalty)
  return found


def pair_score(similarity: np.ndarray) -> float:
  """UDR_ij of R [A, B] between the informative latents of two models; 0 where one has none."""
  if not similarity.size:
    return 0.0
  share = lambda axis: np.sum(
    similarity.max(axis) ** 2 / np.maximum(similarity.sum(axis), 1e-12)
  )
  return float((share(0) + share(1)) / sum(similarity.shape))


def _standard(codes: np.ndarray, similarity: str) -> np.ndarray:
  """[N, A] in ranks for Spearman, to mean 0 and variance 1."""
  values = rankdata(codes, axis=0) if similarity == "spearman" else codes
  return (values - values.mean(0)) / np.maximum(values.std(0), 1e-12)


def _similar(a: np.ndarray, b: np.ndarray, similarity: str, penalty: float) -> np.ndarray:
  """R [A, B]."""
  if not (a.shape[1] and b.shape[1]):
    return np.zeros((a.shape[1], b.shape[1]))
  if similarity == "spearman":
    return np.abs(a.T @ b) / len(a)
  from sklearn.linear_model import Lasso

  weights = Lasso(alpha=penalty).fit(a, b).coef_
  return np.abs(weights.reshape(b.shape[1], a.shape[1]).T)
