"""Classic detectors of what is not normal: fitted on normal rows, higher is more anomalous.

Each has one number, chosen on normal validation rows alone: the one that best tells them from
rows of which one stretch was taken from another normal row. No anomaly is looked at.
"""

import functools
import importlib.util
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vae_jax.baselines import pca, pca_gmm
from vae_jax.metrics.detection import auroc

Scorer = Callable[[np.ndarray], np.ndarray]  # [n, D] -> [n]
WIDE = 100  # features from which distances and densities are those of principal components
KEPT = 40  # of them


class Detector(NamedTuple):
  """A family of detectors: `fit(x, number, seed)` for each number that is tried."""

  fit: Callable[[np.ndarray, float, int], Scorer]
  numbers: tuple[float, ...]
  most: int | None = None  # rows it is fitted on; all of them without it


def reconstruction(x: np.ndarray, components: float, seed: int) -> Scorer:
  """Squared error of PCA with so many components, or with this share of the variance."""
  del seed
  found = _axes(_Rows(x))
  count = int(components)
  if components < 1:
    variance = np.cumsum(np.square(found.std))
    count = int(np.searchsorted(variance, components * variance[-1])) + 1
  kept = _first(found, count)
  return lambda y: np.square(pca.rebuild(kept, y) - y).sum(-1, dtype=np.float64)


def neighbours(x: np.ndarray, count: float, seed: int) -> Scorer:
  """Mean Euclidean distance to so many nearest rows; Ramaswamy et al. (2000)."""
  del seed
  from sklearn.neighbors import NearestNeighbors

  code = _narrow(x)
  fitted = NearestNeighbors(n_neighbors=min(int(count), len(x))).fit(code(x))
  return lambda y: fitted.kneighbors(code(y))[0].mean(1)


def forest(x: np.ndarray, rows: float, seed: int) -> Scorer:
  """Isolation forest of 200 trees on so many rows each; Liu, Ting & Zhou (2008)."""
  from sklearn.ensemble import IsolationForest

  count = min(int(rows), len(x))
  fitted = IsolationForest(n_estimators=200, max_samples=count, random_state=seed).fit(x)
  return lambda y: -fitted.score_samples(y)


def support_vectors(x: np.ndarray, width: float, seed: int) -> Scorer:
  """One-class SVM, nu 0.05, with a Gaussian kernel of `width` times 1 / (D variance).

  Schölkopf et al. (2001).
  """
  del seed
  from sklearn.svm import OneClassSVM

  code = _narrow(x)
  z = code(x)
  gamma = width / (z.shape[1] * max(float(z.var()), 1e-12))
  fitted = OneClassSVM(gamma=gamma, nu=0.05).fit(z)
  return lambda y: -fitted.decision_function(code(y))


def mixture(x: np.ndarray, components: float, seed: int) -> Scorer:
  """-log density under a mixture of Gaussians on principal components."""
  fitted = pca_gmm.fit(x, min(KEPT, x.shape[1]), int(components), seed)
  return lambda y: (
    -fitted.mixture.score_samples(pca.encode(fitted.code, y).astype(np.float64))
  )


def tails(x: np.ndarray, number: float, seed: int) -> Scorer:
  """ECOD: how far out each feature is in its own distribution, added up; Li et al. (2022)."""
  del number, seed
  from pyod.models.ecod import ECOD

  fitted = ECOD().fit(np.asarray(x, np.float64))
  return lambda y: fitted.decision_function(np.asarray(y, np.float64))


def has_ecod() -> bool:
  """Whether pyod is installed."""
  return importlib.util.find_spec("pyod") is not None


ECOD_NAME = "ECOD"
DETECTORS = {
  "PCA": Detector(reconstruction, (2, 5, 10, 20, 40, 0.8, 0.95)),
  "kNN": Detector(neighbours, (1, 5, 20)),
  "isolation forest": Detector(forest, (256, 1024), 10_000),
  "one-class SVM": Detector(support_vectors, (0.1, 1.0, 10.0), 3000),
  "GMM on PCA": Detector(mixture, (1, 5, 20)),
  ECOD_NAME: Detector(tails, (0,), 10_000),  # with the extra anomaly
}


def fit(
  detector: Detector, train: np.ndarray, valid: np.ndarray, seed: int
) -> tuple[Scorer, float]:
  """The detector with the number that is best on validation, and that number.

  Args:
    detector: of DETECTORS.
    train: [P, D] normal rows.
    valid: [V, D] normal rows.
    seed: of the rows that are mixed, and of the detector.
  """
  if detector.most and len(train) > detector.most:
    train = train[np.linspace(0, len(train) - 1, detector.most).round().astype(int)]
  odd = mixed(valid, seed)
  label = np.repeat([0.0, 1.0], [len(valid), len(odd)])
  both, best = np.concatenate([valid, odd]), (-np.inf, None, 0.0)
  for number in detector.numbers:
    scorer = detector.fit(train, number, seed)
    found = auroc(np.stack([scorer(both), label], -1))
    if found > best[0]:
      best = found, scorer, number
  return best[1], best[2]


def mixed(x: np.ndarray, seed: int) -> np.ndarray:
  """Rows [N, D] of which a stretch of D / 2 features is that of another row.

  Every feature keeps its distribution, and what belongs together does not stay so.
  """
  rng = np.random.default_rng(seed)
  count, width = x.shape
  other = _derangement(rng, count)
  start = rng.integers(width, size=count)
  at = (np.arange(width)[None] - start[:, None]) % width
  return np.where(at < (width + 1) // 2, x[other], x)


def _derangement(rng: np.random.Generator, count: int) -> np.ndarray:
  """For each row another one."""
  order = rng.permutation(count)
  other = np.empty(count, int)
  other[order] = np.roll(order, 1)
  return other


class _Rows:
  """Rows that equal themselves alone."""

  def __init__(self, x: np.ndarray):
    self.x = x

  def __hash__(self) -> int:
    return id(self.x)

  def __eq__(self, other: object) -> bool:
    return isinstance(other, _Rows) and other.x is self.x


@functools.lru_cache(maxsize=1)
def _axes(rows: _Rows) -> pca.Pca:
  """All principal components of rows; those that were asked for last are not fitted again."""
  return pca.fit(rows.x, min(rows.x.shape))


def _first(axes: pca.Pca, count: int) -> pca.Pca:
  return axes._replace(components=axes.components[:count], std=axes.std[:count])


def _narrow(x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
  """Rows as they are, or their principal components where they are many features."""
  if x.shape[1] <= WIDE:
    return lambda y: np.asarray(y, np.float64)
  code = _first(_axes(_Rows(x)), KEPT)
  return lambda y: pca.encode(code, y).astype(np.float64)
