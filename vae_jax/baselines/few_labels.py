"""Classifiers from a few labelled rows, some of which also read rows without a label.

Their numbers are chosen by cross-validation within the labelled rows: no other label is read.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]  # [N, D] -> class [N]
COMPONENTS = 50  # of PCA, fitted on all rows
FOLDS = 3
GRAPH = (
  3000  # rows without a label beside the labelled ones while a graph's number is chosen
)


class Few(NamedTuple):
  """What is known: a few labelled rows and many others."""

  x: np.ndarray  # [N, D]
  label: np.ndarray  # [N]
  others: np.ndarray  # [U, D] without a label
  seed: int


def supervised_network(few: Few, units: tuple[int, ...] = (500,)) -> Predict:
  """One hidden layer of the size of M2's classifier, Adam until the loss stands still."""
  from sklearn.neural_network import MLPClassifier

  model = MLPClassifier(units, random_state=few.seed, max_iter=300, alpha=1e-4)
  return _fitted(model, few.x, few.label).predict


def logistic_regression(few: Few) -> Predict:
  """Softmax regression with a Gaussian prior on its weights."""
  from sklearn.linear_model import LogisticRegression

  return _tuned(LogisticRegression(max_iter=500), {"C": [0.01, 0.1, 1.0, 10.0]}, few)


def nearest_neighbours(few: Few) -> Predict:
  """The majority of so many nearest rows."""
  from sklearn.neighbors import KNeighborsClassifier

  return _tuned(KNeighborsClassifier(), {"n_neighbors": [1, 3, 5]}, few)


def svm(few: Few) -> Predict:
  """A support vector machine with a Gaussian kernel, on principal components of all rows."""
  from sklearn.svm import SVC

  code = _components(few)
  grid = {"C": [1.0, 10.0], "gamma": ["scale", 0.005, 0.02]}
  return _on(code, _tuned(SVC(), grid, few._replace(x=code(few.x))))


def label_spreading(few: Few) -> Predict:
  """Labels spread over the graph of nearest neighbours of all rows; Zhou et al. (2004).

  On principal components; the number of neighbours by cross-validation on a smaller graph.
  """
  code = _components(few)
  x, others = code(few.x), code(few.others)
  rows = np.linspace(0, max(len(others) - 1, 0), min(len(others), GRAPH)).astype(int)

  def error(neighbours: int) -> float:
    wrong = []
    for train, held_out in _folds(few.label):
      predict = _spread(x[train], few.label[train], others[rows], neighbours)
      wrong.append(np.mean(predict(x[held_out]) != few.label[held_out]))
    return float(np.mean(wrong)) if wrong else 0.0

  best = min((7, 15), key=error)
  return _on(code, _spread(x, few.label, others, best))


def self_training(few: Few) -> Predict:
  """Logistic regression that takes what it is sure of for labels, again and again.

  Yarowsky (1995), with 0.95 as what is sure. On principal components.
  """
  from sklearn.linear_model import LogisticRegression
  from sklearn.semi_supervised import SelfTrainingClassifier

  code = _components(few)
  x = np.concatenate([code(few.x), code(few.others)])
  label = np.concatenate([few.label, np.full(len(few.others), -1)])
  base = LogisticRegression(max_iter=500)
  return _on(code, _fitted(SelfTrainingClassifier(base, threshold=0.95), x, label).predict)


METHODS: dict[str, Callable[[Few], Predict]] = {
  "supervised network": supervised_network,
  "logistic regression": logistic_regression,
  "kNN": nearest_neighbours,
  "SVM on PCA": svm,
  "LabelSpreading on PCA": label_spreading,
  "self-training": self_training,
}


def _components(few: Few) -> Callable[[np.ndarray], np.ndarray]:
  from vae_jax.baselines import pca

  fitted = pca.fit(np.concatenate([few.x, few.others]), COMPONENTS)
  return lambda x: pca.encode(fitted, x)


def _on(code: Callable, predict: Predict) -> Predict:
  return lambda x: predict(code(x))


def _spread(
  x: np.ndarray, label: np.ndarray, others: np.ndarray, neighbours: int
) -> Predict:
  """Labels spread; a row that no label reaches has the class of the nearest labelled one."""
  from sklearn.neighbors import KNeighborsClassifier
  from sklearn.semi_supervised import LabelSpreading

  near = min(neighbours, len(x) + len(others) - 1)
  both = np.concatenate([x, others])
  marks = np.concatenate([label, np.full(len(others), -1)])
  model = _fitted(LabelSpreading(kernel="knn", n_neighbors=near, max_iter=100), both, marks)
  nearest = KNeighborsClassifier(1).fit(x, label)

  def predict(rows: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
      share = model.predict_proba(rows)
    found = model.classes_[np.nan_to_num(share).argmax(1)]
    lost = np.isnan(share).any(1)
    if lost.any():
      found[lost] = nearest.predict(rows[lost])
    return found

  return predict


def _folds(label: np.ndarray) -> list:
  """Stratified folds; none where a class has one row only."""
  from sklearn.model_selection import StratifiedKFold

  count = min(FOLDS, int(np.unique(label, return_counts=True)[1].min()))
  if count < 2:
    return []
  split = StratifiedKFold(count, shuffle=True, random_state=0)
  return list(split.split(np.zeros((len(label), 1)), label))


def _tuned(model: Any, grid: dict[str, list], few: Few) -> Predict:
  """The model with the numbers that are best in cross-validation, the first without one."""
  from sklearn.model_selection import GridSearchCV

  folds = _folds(few.label)
  if not folds:
    first = {name: values[0] for name, values in grid.items()}
    return _fitted(model.set_params(**first), few.x, few.label).predict
  return _fitted(GridSearchCV(model, grid, cv=folds), few.x, few.label).predict


def _fitted(model: Any, x: np.ndarray, label: np.ndarray) -> Any:
  """The fitted model; that it stopped at its last pass, or divided by 0, is no news."""
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    return model.fit(x, label)
