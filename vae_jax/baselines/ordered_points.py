"""PCA of sets of points that were put in a common order: the linear code of shapes."""

from typing import NamedTuple

import numpy as np

from vae_jax.baselines import pca

FITTED = 1000  # training shapes, evenly spaced
ROUNDS = (0, 1, 2, 4)  # of ordering by what was rebuilt, tuned


class Ordered(NamedTuple):
  """A fitted linear code of points in the order of a template."""

  template: np.ndarray  # [P, 3]
  code: pca.Pca
  x: np.ndarray  # [N, P, 3] the training shapes in that order
  rounds: int = 0


def in_order(x: np.ndarray, template: np.ndarray) -> np.ndarray:
  """The points of x [P, 3] in the order in which they lie nearest to those of a template.

  The assignment of the least total squared distance.
  """
  from scipy.optimize import linear_sum_assignment
  from scipy.spatial.distance import cdist

  return x[linear_sum_assignment(cdist(template, x, "sqeuclidean"))[1]]


def fit(train: np.ndarray, latents: int, passes: int = 2) -> Ordered:
  """Shapes [N, P, 3] ordered by their mean, which follows from the order, and PCA of that.

  The first template is the first shape; each pass orders all shapes by it and takes their mean.
  """
  rows = np.linspace(0, len(train) - 1, min(FITTED, len(train))).round().astype(int)
  x = np.asarray(train, np.float32)[rows]
  template = x[0]
  for _ in range(passes):
    x = np.stack([in_order(one, template) for one in x])
    template = x.mean(0)
  return Ordered(template, pca.fit(x, latents), x)


def rebuild(fitted: Ordered, x: np.ndarray) -> np.ndarray:
  """Shapes [N, P, 3] from their linear codes; ordered by what was rebuilt, `rounds` times more."""
  return pca.decode(fitted.code, encode(fitted, x))


def encode(fitted: Ordered, x: np.ndarray) -> np.ndarray:
  """The linear codes [N, L] of shapes [N, P, 3] in any order of their points."""
  like = np.broadcast_to(fitted.template, x.shape)
  for _ in range(fitted.rounds + 1):
    ordered = np.stack([in_order(one, to) for one, to in zip(x, like, strict=True)])
    z = pca.encode(fitted.code, ordered)
    like = pca.decode(fitted.code, z)
  return z
