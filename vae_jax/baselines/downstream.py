"""A linear classifier trained on completed rows: how useful an imputation is."""

import warnings

import numpy as np

FOLDS = 5


def accuracy(x: np.ndarray, label: np.ndarray, seed: int = 0) -> float:
  """Share of right classes of a logistic regression on held-out fifths of the rows.

  Args:
    x: [N, E] without holes; every column is standardised on the rows that are learned from.
    label: [N] int.
    seed: of the folds, which are the same for every completion of one table.
  """
  from sklearn.linear_model import LogisticRegression
  from sklearn.model_selection import StratifiedKFold, cross_val_score
  from sklearn.pipeline import make_pipeline
  from sklearn.preprocessing import StandardScaler

  model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
  folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
  with warnings.catch_warnings():
    # A rare class with fewer rows than folds is in some of them only.
    warnings.simplefilter("ignore")
    return float(cross_val_score(model, x, label, cv=folds).mean())
