"""How well the latents of a code stand for the known factors of the data, one for one.

Codes [N, L] are posterior means, factors [N, F] the indices of the true values; rows are in
any order. Every score is in [0, 1] except the informativeness of a regression; higher is
better. The scores that draw batches with one factor fixed are in `fixed_factor`, the one that
needs no factors in `udr`.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp

from vae_jax.metrics._factor_codes import checked, classes, holdout
from vae_jax.metrics._linear_svm import accuracies
from vae_jax.types import UserError

BINS = 20  # of a latent's histogram; Locatello et al. (2019), appendix B
LOG_2PI = float(np.log(2 * np.pi))


class Dci(NamedTuple):
  """Disentanglement, completeness and informativeness, and what they are computed from."""

  disentanglement: float
  completeness: float
  informativeness: float  # mean accuracy on held-out rows
  importance: np.ndarray  # [L, F], each column sums to 1
  accuracy: np.ndarray  # [F] on held-out rows


def mutual_information(
  codes: np.ndarray, factors: np.ndarray, bins: int = BINS
) -> np.ndarray:
  """I(z_l; v_f) in nats, [L, F], each latent cut into `bins` of equal width.

    I = sum_bv p(b, v) log [ p(b, v) / (p(b) p(v)) ]

  A latent that never moves has 0. Finite N biases it upwards by about (bins - 1)(V - 1) / 2N.

  Args:
    codes: [N, L].
    factors: integers [N, F].
    bins: at least 2.

  Raises:
    UserError: shapes that do not fit, numbers that are not finite, or no factor that varies.
  """
  codes, factors = checked(codes, factors)
  cut = np.stack([_bin(z, bins) for z in codes.T])
  return np.array([[_information(b, v) for v in classes(factors)] for b in cut])


def entropies(factors: np.ndarray) -> np.ndarray:
  """H(v_f) in nats, [F], of the values that occur."""
  return np.array([_entropy(np.bincount(v)) for v in classes(factors)])


def mig(codes: np.ndarray, factors: np.ndarray, bins: int = BINS) -> float:
  """The mutual information gap: how far the best latent of a factor is ahead of the second.

    mean_f [ I(z_1st; v_f) - I(z_2nd; v_f) ] / H(v_f)

  A factor of more values than bins cannot reach 1. Chen et al. (2018), eq. 6, with the
  histogram of Locatello et al. (2019). With one latent, the second has 0.
  """
  return gap(mutual_information(codes, factors, bins), entropies(factors))


def gap(information: np.ndarray, entropy: np.ndarray) -> float:
  """The MIG of a mutual information [L, F] and the factors' entropies [F]."""
  best = np.sort(np.vstack([np.zeros_like(entropy), information]), axis=0)
  return float(np.mean((best[-1] - best[-2]) / entropy))


def sampled_information(
  means: np.ndarray,
  logvars: np.ndarray,
  factors: np.ndarray,
  rng: np.random.Generator,
  limit: int = 2000,
) -> np.ndarray:
  """I(z_l; v_f) in nats [L, F] under the encoder's posteriors, without bins.

    E_{v, n: v_n = v, z ~ q(z_l|x_n)} [ log q(z_l|v) - log q(z_l) ],
    q(z_l|v) = mean_{n: v_n = v} q(z_l|x_n)

  Args:
    means: [N, L].
    logvars: [N, L].
    factors: integers [N, F].
    rng: of the samples, one for each row.
    limit: rows compared, drawn where there are more: the cost is their square.

  Chen et al. (2018), eq. 4 and appendix C; they draw 10,000 rows from the whole grid. Each
  sample's own row counts in its group, which biases small groups upwards.
  """
  means, factors = checked(means, factors)
  logvars = checked(logvars, factors)[0]
  rows = rng.permutation(len(means))[:limit]
  means, logvars = means[rows], logvars[rows]
  groups = [np.eye(v.max() + 1)[v] for v in classes(factors[rows])]  # [N, V] of each factor
  z = means + np.exp(0.5 * logvars) * rng.standard_normal(means.shape)
  found = np.zeros((means.shape[1], len(groups)))
  for latent in range(means.shape[1]):
    m, v = means[:, latent], logvars[:, latent]
    square = (z[:, latent, None] - m[None]) ** 2 * np.exp(-v)[None]
    log_q = -0.5 * (square + v[None] + LOG_2PI)  # [sample, row]
    total = logsumexp(log_q, axis=1) - np.log(len(m))
    top = log_q.max(1, keepdims=True)
    density = np.exp(log_q - top)
    for column, group in enumerate(groups):
      own = (density @ group * group).sum(1) / (group @ group.sum(0))
      found[latent, column] = np.mean(np.log(own) + top[:, 0] - total)
  return np.maximum(found, 0)


def sap(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
  """Separated attribute predictability: the gap in accuracy of the two best single latents.

    mean_f [ S(1st, f) - S(2nd, f) ],
    S(l, f) the held-out accuracy of a linear SVM that reads latent l alone

  C = 0.01, one against the rest, classes weighted alike; two thirds of the rows are fitted,
  a third is scored. Kumar et al. (2018), section 3, with the classifier of Locatello et al.
  (2019) for every factor, where Kumar et al. regress on those that are continuous.
  """
  codes, factors = checked(codes, factors)
  fit, score = holdout(len(codes), rng)
  each = [accuracies(codes[fit], v[fit], codes[score], v[score]) for v in classes(factors)]
  best = np.sort(np.vstack([np.zeros(len(each)), np.stack(each, 1)]), axis=0)
  return float(np.mean(best[-1] - best[-2]))


def modularity(codes: np.ndarray, factors: np.ndarray, bins: int = BINS) -> float:
  """How far each latent depends on one factor alone.

    mean_l [ 1 - sum_{f != best} I(z_l; v_f)^2 / (I(z_l; v_best)^2 (F - 1)) ]

  A latent without information counts as 0, as in Locatello et al. (2019), so that a code with
  unused latents is marked down. Ridgeway & Mozer (2018), section 3.1.
  """
  return modularity_of(mutual_information(codes, factors, bins))


def modularity_of(information: np.ndarray) -> float:
  """The modularity of a mutual information [L, F]; F is at least 2."""
  square = np.asarray(information, np.float64) ** 2
  best, others = square.max(1), square.sum(1) - square.max(1)
  used = best > 0
  deviation = others[used] / (best[used] * (square.shape[1] - 1))
  return float(np.sum(1 - deviation) / len(square))


def dci(
  codes: np.ndarray,
  factors: np.ndarray,
  rng: np.random.Generator,
  model: str = "forest",
  trees: int = 10,
) -> Dci:
  """Disentanglement, completeness and informativeness from importances R [L, F].

    D = sum_l rho_l (1 - H_F(R_l / sum_f R_lf)),  rho_l = sum_f R_lf / sum R
    C = mean_f (1 - H_L(R_f))

  with entropies to the base of F and of L. Two thirds of the rows are fitted, a third is
  scored.

  Args:
    codes: [N, L].
    factors: integers [N, F].
    rng: of the rows and of the trees.
    model: "forest", a random forest of every factor, as in the paper, with the impurity it
      saves as importance; or "boosting", scikit-learn's gradient boosting at its defaults, as
      in Locatello et al. (2019), which takes minutes for a factor of many values.
    trees: of a forest, which sees all latents at every split, so that one which says nothing
      is not chosen for want of a better.

  Eastwood & Williams (2018), section 2.
  """
  codes, factors = checked(codes, factors)
  fit, score = holdout(len(codes), rng)
  importance, accuracy = [], []
  for values in classes(factors):
    fitted = _classifier(model, trees, int(rng.integers(2**31)))
    fitted.fit(codes[fit], values[fit])
    importance.append(fitted.feature_importances_)
    accuracy.append(np.mean(fitted.predict(codes[score]) == values[score]))
  matrix = np.stack(importance, 1)
  accuracy = np.array(accuracy)
  return Dci(*_concentration(matrix), float(accuracy.mean()), matrix, accuracy)


def _concentration(importance: np.ndarray) -> tuple[float, float]:
  """D and C of an importance [L, F]."""
  latents, factors = importance.shape
  total = importance.sum()
  if total <= 0:
    return 0.0, 0.0
  weight = importance.sum(1) / total
  rows = 1 - np.array([_spread(r, factors) for r in importance])
  columns = 1 - np.array([_spread(c, latents) for c in importance.T])
  return float(np.sum(weight * rows)), float(columns.mean())


def _spread(values: np.ndarray, base: int) -> float:
  """Entropy of values as shares, to a base: 1 where all are alike, also where all are 0."""
  if values.sum() <= 0 or base < 2:
    return float(base >= 2)
  return _entropy(values) / float(np.log(base))


def _classifier(model: str, trees: int, seed: int) -> Any:
  from sklearn import ensemble

  if model == "forest":
    return ensemble.RandomForestClassifier(
      trees, max_features=None, min_samples_leaf=5, random_state=seed
    )
  if model == "boosting":
    return ensemble.GradientBoostingClassifier(random_state=seed)
  raise UserError(f"The model of DCI is {model!r}; expected forest or boosting.")


def _bin(z: np.ndarray, bins: int) -> np.ndarray:
  """The bin of each number, of equal width from the least to the greatest."""
  low, high = z.min(), z.max()
  if high <= low:
    return np.zeros(len(z), int)
  return np.minimum(((z - low) / (high - low) * bins).astype(int), bins - 1)


def _information(a: np.ndarray, b: np.ndarray) -> float:
  counts = np.zeros((a.max() + 1, b.max() + 1))
  np.add.at(counts, (a, b), 1)
  both = _entropy(counts.ravel())
  return max(_entropy(counts.sum(1)) + _entropy(counts.sum(0)) - both, 0.0)


def _entropy(counts: np.ndarray) -> float:
  p = np.asarray(counts, np.float64)
  p = p[p > 0] / p.sum()
  return float(-np.sum(p * np.log(p)))
