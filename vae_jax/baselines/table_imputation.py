"""The usual imputations of a table: the average, neighbours, chained regressions, forests.

Each is `(known [P, D], x [N, D]) -> [N, D]`, NaN where missing: fitted on the first, filling in
the second; columns of about unit scale.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from vae_jax.columns import natural
from vae_jax.metrics.imputation import Scale
from vae_jax.types import Column


def average(known: np.ndarray, x: np.ndarray) -> np.ndarray:
  """Each missing entry is the mean of its column's observed entries."""
  return np.where(np.isnan(x), np.nanmean(known, 0), x)


def neighbours(known: np.ndarray, x: np.ndarray, k: int = 10) -> np.ndarray:
  """The mean over the k nearest rows that have the entry. Troyanskaya et al. (2001)."""
  from sklearn.impute import KNNImputer

  return KNNImputer(n_neighbors=k, keep_empty_features=True).fit(known).transform(x)


def mice(known: np.ndarray, x: np.ndarray, rounds: int = 20) -> np.ndarray:
  """Chained Bayesian ridge regressions of each column on the others.

  Van Buuren & Groothuis-Oudshoorn (2011), with one imputation of means and no draws. Means are
  fed back without noise: where columns hardly depend on one another, each round makes chance
  correlations stronger, and few rounds are better.
  """
  from sklearn.linear_model import BayesianRidge

  return _chained(BayesianRidge(), known, x, rounds, seed=0)


def forest(
  known: np.ndarray, x: np.ndarray, trees: int, rounds: int, leaf: int, seed: int = 0
) -> np.ndarray:
  """Chained forests of extremely randomised trees: missForest with a quicker tree.

  Stekhoven & Bühlmann (2012), algorithm 1; categories are columns of 0 and 1 here. A leaf holds
  at least `leaf` rows: 1 is the original's, more is for columns that say little of one another.
  """
  from sklearn.ensemble import ExtraTreesRegressor

  regressor = ExtraTreesRegressor(
    trees, min_samples_leaf=leaf, random_state=seed, n_jobs=-1
  )
  return _chained(regressor, known, x, rounds, seed)


def _chained(
  regressor: object, known: np.ndarray, x: np.ndarray, rounds: int, seed: int
) -> np.ndarray:
  from sklearn.experimental import enable_iterative_imputer  # noqa: F401
  from sklearn.impute import IterativeImputer

  with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)  # of a column with nothing observed
    low, high = np.nanmin(known, 0), np.nanmax(known, 0)
  low, high = (np.nan_to_num(v, nan=bad) for v, bad in ((low, -np.inf), (high, np.inf)))
  low, high = np.where(low < high, low, -np.inf), np.where(low < high, high, np.inf)
  imputer = IterativeImputer(
    regressor, max_iter=rounds, random_state=seed, keep_empty_features=True,
    min_value=low, max_value=high,
  )  # fmt: skip
  with warnings.catch_warnings():
    # Chained equations need not settle; the number of rounds is part of the method.
    warnings.simplefilter("ignore", ConvergenceWarning)
    return imputer.fit(known).transform(x)


def candidates(settings: dict[str, Any], seed: int) -> dict[str, list[Callable]]:
  """Every imputation, each with the numbers that it may be given: at most those of the settings."""
  upto = lambda most, grid: sorted({min(n, most) for n in grid})
  near = upto(settings["neighbours"], (5, 10, 20, 50))
  rounds = upto(settings["rounds"], (1, 2, 5, 20))
  found = {
    "mean": [average],
    "kNN": [partial(neighbours, k=k) for k in near],
    "MICE": [partial(mice, rounds=n) for n in rounds],
  }
  if settings["forest"] == "yes":
    found["forest (missForest-like)"] = [
      partial(forest, trees=settings["trees"], rounds=n, leaf=leaf, seed=seed)
      for n in upto(settings["forest_rounds"], (1, 6)) for leaf in (1, 5, 20)
    ]  # fmt: skip
  return found


def widen(
  columns: tuple[Column, ...],
  scale: Scale,
  x: np.ndarray,
  observed: np.ndarray | None = None,
) -> np.ndarray:
  """The file's rows [N, D] as methods read them [N, E]: standardised, a category as V of 0 and 1.

  NaN where not observed.
  """
  parts = []
  for i, column in enumerate(columns):
    if column.kind == "category":
      place = np.round(x[:, i : i + 1] - column.shift)
      part = (place == np.arange(column.categories)).astype(np.float64)
    else:
      part = (x[:, i : i + 1].astype(np.float64) - scale.center[i]) / scale.spread[i]
    hole = np.zeros(len(x), bool) if observed is None else ~observed[:, i]
    parts.append(np.where(hole[:, None], np.nan, part))
  return np.concatenate(parts, 1)


def given(
  columns: tuple[Column, ...], scale: Scale, part: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
  """What methods are given of a part of a table, NaN where missing: [N, E] and [N, D].

  As `widen` has it, and as a model has it: standardised, positive columns as logarithms.

  Args:
    columns: D of them.
    scale: of the file's numbers.
    part: with `x` as stored and `observed`, [N, D] each.
  """
  x, observed = part["x"], part["observed"]
  stored = np.where(observed, x, np.nan).astype(np.float64)
  return widen(columns, scale, natural(columns, x), observed), stored


def narrow(columns: tuple[Column, ...], scale: Scale, wide: np.ndarray) -> np.ndarray:
  """What methods filled in [N, E] as the file's rows [N, D]: one of V, whole ordinals."""
  found, at = [], 0
  for i, column in enumerate(columns):
    width = column.categories if column.kind == "category" else 1
    part, at = wide[:, at : at + width], at + width
    if column.kind == "category":
      found.append(column.shift + part.argmax(1))
      continue
    value = part[:, 0] * scale.spread[i] + scale.center[i]
    if column.kind == "ordinal":
      top = column.shift + column.categories - 1
      value = np.clip(np.round(value), column.shift, top)
    found.append(value)
  return np.stack(found, 1)


def written(
  columns: tuple[Column, ...], rows: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
  """A table as words, with a head line: [1 + N, 1 + D] strings, categories by their names.

  Args:
    columns: D of them.
    rows: the number of each row in the file, [N].
    numbers: [N, D], the file's numbers.
  """
  cells = np.array([words(c, numbers[:, i]) for i, c in enumerate(columns)]).T.tolist()
  named = [[str(n), *row] for n, row in zip(rows, cells, strict=True)]
  return np.array([["row", *(c.name for c in columns)], *named])


def words(column: Column, numbers: np.ndarray) -> list[str]:
  """Numbers of a column as words: names of categories, integers where the file has those."""
  if column.names:
    places = numbers - column.shift
    return [column.names[int(v)] if np.isfinite(v) else "" for v in places]
  if column.whole:
    return [str(round(v)) if np.isfinite(v) else "" for v in numbers.tolist()]
  return [f"{v:.6g}" for v in numbers]


def completed(
  head: list[str],
  cells: list[list[str]],
  columns: tuple[Column, ...],
  rows: np.ndarray,
  numbers: np.ndarray,
  missing: np.ndarray,
) -> np.ndarray:
  """A file's own rows and columns, letter by letter, with what it lacks filled in.

  Args:
    head: the names of the file's columns, a label's among them.
    cells: of each column, as words.
    columns: those that were filled in, [D].
    rows: the number of each row in the file, [N].
    numbers: [N, D], the file's numbers.
    missing: [N, D], True where the file has none.

  Returns:
    [1 + N, file's columns] strings.
  """
  place = {column.name: i for i, column in enumerate(columns)}
  found = []
  for name, column in zip(head, cells, strict=True):
    own = [column[row] for row in rows]
    if name in place:
      i = place[name]
      filled = words(columns[i], numbers[:, i])
      if columns[i].whole and any(word.endswith(".0") for word in own):
        filled = [f"{word}.0" for word in filled]  # as the file writes its integers
      both = zip(own, filled, missing[:, i], strict=True)
      own = [new if gap else old for old, new, gap in both]
    found.append(own)
  return np.array([head, *map(list, zip(*found, strict=True))])
