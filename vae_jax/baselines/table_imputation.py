"""The usual imputations of a table: the average, neighbours, chained regressions, forests.

Each is `(known [P, D], x [N, D]) -> [N, D]`, NaN where missing: fitted on the first, filling in
the second; columns of about unit scale.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning


def average(known: np.ndarray, x: np.ndarray) -> np.ndarray:
  """Each missing entry is the mean of its column's observed entries."""
  return np.where(np.isnan(x), np.nanmean(known, 0), x)


def neighbours(known: np.ndarray, x: np.ndarray, k: int = 10) -> np.ndarray:
  """The mean over the k nearest rows that have the entry. Troyanskaya et al. (2001)."""
  from sklearn.impute import KNNImputer

  return KNNImputer(n_neighbors=k, keep_empty_features=True).fit(known).transform(x)


def mice(known: np.ndarray, x: np.ndarray, rounds: int = 20) -> np.ndarray:
  """Chained Bayesian ridge regressions of each column on the others.

  Van Buuren & Groothuis-Oudshoorn (2011), with one imputation of means and no draws.
  """
  from sklearn.linear_model import BayesianRidge

  return _chained(BayesianRidge(), known, x, rounds, seed=0)


def forest(
  known: np.ndarray, x: np.ndarray, trees: int = 50, rounds: int = 6, seed: int = 0
) -> np.ndarray:
  """Chained forests of extremely randomised trees: missForest with a quicker tree.

  Stekhoven & Bühlmann (2012), algorithm 1; categories are columns of 0 and 1 here.
  """
  from sklearn.ensemble import ExtraTreesRegressor

  regressor = ExtraTreesRegressor(trees, random_state=seed, n_jobs=-1)
  return _chained(regressor, known, x, rounds, seed)


def _chained(
  regressor: object, known: np.ndarray, x: np.ndarray, rounds: int, seed: int
) -> np.ndarray:
  from sklearn.experimental import enable_iterative_imputer  # noqa: F401
  from sklearn.impute import IterativeImputer

  imputer = IterativeImputer(
    regressor, max_iter=rounds, random_state=seed, keep_empty_features=True
  )
  with warnings.catch_warnings():
    # Chained equations need not settle; the number of rounds is part of the method.
    warnings.simplefilter("ignore", ConvergenceWarning)
    return imputer.fit(known).transform(x)
