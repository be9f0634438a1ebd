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
READ = 200_000  # rows that a network reads at most, in 50 to 300 passes
SMALLER = 3000  # rows without a label in the graph that its numbers are chosen on
SHARES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)  # of those that an SVM takes for labelled, in turn
GRAPHS = ((6, 0.95), (10, 0.95), (6, 0.8))  # neighbours of a row, and α


class Few(NamedTuple):
  """What is known: a few labelled rows and many others."""

  x: np.ndarray  # [N, D]
  label: np.ndarray  # [N]
  others: np.ndarray  # [U, D] without a label
  seed: int


def supervised_network(few: Few, units: tuple[int, ...] = (500,)) -> Predict:
  """One hidden layer of the size of M2's classifier, Adam until the loss stands still."""
  from sklearn.neural_network import MLPClassifier

  passes = min(300, max(50, READ // len(few.x)))
  model = MLPClassifier(units, random_state=few.seed, max_iter=passes, tol=1e-3)
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


def self_trained_svm(few: Few) -> Predict:
  """The machine of `svm` that takes its own answers for labels, more of them in each round.

  As many rows of each class, the surest first by the lead of the best class, up to all of SMALLER
  twice. A labelled row weighs as ten others. It has the purpose and the growing shares of the
  transductive SVM of Joachims (1999), whose search for labels of rows in between it leaves out.
  """
  from sklearn.svm import SVC

  code = _components(few)
  x, others = code(few.x), code(few.others)
  rows = np.linspace(0, max(len(others) - 1, 0), min(len(others), 2 * SMALLER)).astype(int)
  others, numbers = others[rows], {"C": [1.0], "gamma": ["scale", 0.02, 0.05]}
  model = _searched(SVC(), numbers, few._replace(x=x))
  for share in SHARES if len(others) else ():
    rows, said = _surest(model, others, share)
    weight = np.repeat([10.0, 1.0], [len(x), len(rows)])
    both = np.concatenate([x, others[rows]]), np.concatenate([few.label, said])
    model = SVC(**model.get_params()).fit(*both, weight)
  return _on(code, model.predict)


def _surest(model: Any, x: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
  """The rows that a classifier is surest of, as many of each class at most, and their class."""
  scores = model.decision_function(x)
  scores = np.stack([-scores, scores], 1) if scores.ndim == 1 else scores
  said, ordered = scores.argmax(1), np.sort(scores, 1)
  lead, most = ordered[:, -1] - ordered[:, -2], int(share * len(x) / scores.shape[1])
  own = (np.flatnonzero(said == c) for c in range(scores.shape[1]))
  rows = np.concatenate([one[np.argsort(-lead[one])][:most] for one in own])
  return rows, model.classes_[said[rows]]


def label_spreading(few: Few) -> Predict:
  """Labels spread over a graph of near rows, labelled or not; Zhou et al. (2004), eq. 4.

  On principal components. How many neighbours a row has, and α, the share that a row takes from
  them, are chosen by cross-validation on a smaller graph; the first of GRAPHS without one.
  """
  code = _components(few)
  x, others = code(few.x), code(few.others)
  rows = np.linspace(0, max(len(others) - 1, 0), min(len(others), SMALLER)).astype(int)
  part, parts = np.concatenate([x, others[rows]]), folds(few.label)
  weights = {size: graph(part, size)(part, part) for size, _ in GRAPHS} if parts else {}

  def error(numbers: tuple[int, float]) -> float:
    wrong = []
    for _, held_out in parts:
      marks = np.concatenate([few.label, np.full(len(rows), -1)])
      marks[held_out] = -1
      model = _spread(part, marks, lambda a, b: weights[numbers[0]], numbers[1])
      wrong.append(np.mean(model.transduction_[held_out] != few.label[held_out]))
    return float(np.mean(wrong))

  size, alpha = min(GRAPHS, key=error) if parts else GRAPHS[0]
  both = np.concatenate([x, others])
  marks = np.concatenate([few.label, np.full(len(others), -1)])
  model = _spread(both, marks, graph(both, size), alpha)
  return _on(code, _reached(model, x, few.label))


def graph(rows: np.ndarray, neighbours: int) -> Callable[[np.ndarray, np.ndarray], Any]:
  """The kernel of a graph of neighbours, sparse: weights [N, N] of rows, [N, T] to others.

    w_ij = exp(-|x_i - x_j|^2 / (s_i s_j)) where one is among the nearest of the other, else 0

  with s_i the distance of row i to its last neighbour, the local scale of Zelnik-Manor and Perona
  (2004), eq. 5. scikit-learn's own kernel has weights of 1 in one direction alone, so that a row
  gives its label to those whose neighbour it is, and not to its own.
  """
  from scipy import sparse
  from sklearn.neighbors import NearestNeighbors

  near = min(neighbours, len(rows) - 1)
  index = NearestNeighbors(n_neighbors=near).fit(rows)
  distance, place = index.kneighbors()  # of every row without itself
  scale = np.maximum(distance[:, -1], np.finfo(np.float32).tiny)

  def weights(distance: np.ndarray, place: np.ndarray, own: np.ndarray) -> Any:
    near_by = np.exp(-(distance**2) / (own[:, None] * scale[place]))
    at = np.repeat(np.arange(len(place)), near), place.ravel()
    return sparse.csr_matrix((near_by.ravel(), at), shape=(len(place), len(rows)))

  def kernel(a: np.ndarray, b: np.ndarray) -> Any:
    if a is b:
      found = weights(distance, place, scale)
      return found.maximum(found.T)
    far, beside = index.kneighbors(b)
    return weights(far, beside, np.maximum(far[:, -1], np.finfo(np.float32).tiny)).T

  return kernel


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
  "self-trained SVM": self_trained_svm,
  "LabelSpreading on PCA": label_spreading,
  "self-training": self_training,
}


def _components(few: Few) -> Callable[[np.ndarray], np.ndarray]:
  from vae_jax.baselines import pca

  fitted = pca.fit(np.concatenate([few.x, few.others]), COMPONENTS)
  return lambda x: pca.encode(fitted, x)


def _on(code: Callable, predict: Predict) -> Predict:
  return lambda x: predict(code(x))


def _spread(x: np.ndarray, marks: np.ndarray, kernel: Callable, alpha: float) -> Any:
  """scikit-learn's LabelSpreading; marks are -1 where the label is not known."""
  from sklearn.semi_supervised import LabelSpreading

  return _fitted(LabelSpreading(kernel=kernel, alpha=alpha, max_iter=1000), x, marks)


def _reached(model: Any, x: np.ndarray, label: np.ndarray) -> Predict:
  """The class that reaches a row; where none does, that of the nearest labelled row."""
  from sklearn.neighbors import KNeighborsClassifier

  nearest = KNeighborsClassifier(1).fit(x, label)

  def predict(rows: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
      share = np.asarray(model.predict_proba(rows))
    found = model.classes_[np.nan_to_num(share).argmax(1)]
    lost = np.isnan(share).any(1)
    if lost.any():
      found[lost] = nearest.predict(rows[lost])
    return found

  return predict


def folds(label: np.ndarray) -> list:
  """Stratified folds; none where a class has one row only."""
  from sklearn.model_selection import StratifiedKFold

  count = min(FOLDS, int(np.unique(label, return_counts=True)[1].min()))
  if count < 2:
    return []
  split = StratifiedKFold(count, shuffle=True, random_state=0)
  return list(split.split(np.zeros((len(label), 1)), label))


def _tuned(model: Any, grid: dict[str, list], few: Few) -> Predict:
  """The model with the numbers that are best in cross-validation, the first without one."""
  return _searched(model, grid, few).predict


def _searched(model: Any, grid: dict[str, list], few: Few) -> Any:
  from sklearn.model_selection import GridSearchCV

  parts = folds(few.label)
  if not parts:
    first = {name: values[0] for name, values in grid.items()}
    return _fitted(model.set_params(**first), few.x, few.label)
  return _fitted(GridSearchCV(model, grid, cv=parts), few.x, few.label).best_estimator_


def _fitted(model: Any, x: np.ndarray, label: np.ndarray) -> Any:
  """The fitted model; that it stopped at its last pass, or divided by 0, is no news."""
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    return model.fit(x, label)
