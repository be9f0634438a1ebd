"""Operations on shapes that are the same for points and for voxels."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.baselines import ordered_points, pca, pca_gmm
from vae_jax.evaluation.source import Source
from vae_jax.metrics import shapes
from vae_jax.studies import turntable
from vae_jax.types import Spec

SHORT = 64  # points that the nearest shapes are looked for with,
LIST = 24  # of which so many are compared with all points


class Linear(NamedTuple):
  """The linear code of shapes, and a mixture over it."""

  code: pca.Pca
  ordered: ordered_points.Ordered | None  # None: voxels, which have an order
  mixture: object
  seed: int

  @property
  def latents(self) -> int:
    """Numbers of a code."""
    return len(self.code.std)

  def encode(self, x: np.ndarray) -> np.ndarray:
    """Shapes [n, ...] -> codes [n, L]."""
    if self.ordered is None:
      return pca.encode(self.code, x)
    return ordered_points.encode(self.ordered, x)

  def decode(self, z: np.ndarray) -> np.ndarray:
    """Codes [n, L] -> points, or booleans of voxels."""
    x = pca.decode(self.code, z)
    return x if self.ordered is not None else x > 0.5

  def rebuilt(self, x: np.ndarray) -> dict[str, np.ndarray]:
    """The answer to shapes [n, ...]."""
    z = self.encode(x)
    return {"z": z, "x": self.decode(z)}

  def samples(self, count: int) -> np.ndarray:
    """Drawn shapes [count, ...]."""
    return self.decode(pca_gmm.draw(self.mixture, count, self.seed))


def answer(spec: Spec, x: Any) -> Any:
  """What is kept of E[x|z]: points as they are, and of voxels whether a cell is likely full."""
  return x if spec.kind == "points" else x > 0.5


def points(x: np.ndarray, count: int) -> np.ndarray:
  """Shapes as points [n, P, 3]; of voxels `count` middles of surface cells, evenly picked.

  A shape with fewer surface cells has them repeated.
  """
  if x.ndim == 3:
    return np.asarray(x, np.float32)
  found = []
  for grid in x:
    cells = np.random.default_rng(0).permutation(turntable.surface(np.asarray(grid, bool)))
    found.append(np.resize(cells, (count, 3)))
  return np.stack(found).astype(np.float32)


def nearest(source: Source, x: np.ndarray) -> np.ndarray:
  """The shape of train nearest to each of [n, ...]: by IoU of voxels, else by Chamfer distance.

  Of points, the LIST nearest by SHORT points of each are compared by all points.
  """
  train = source.train
  if x.ndim == 4:
    flat = [np.asarray(v, np.float32).reshape(len(v), -1) for v in (x, train)]
    both = flat[0] @ flat[1].T
    either = flat[0].sum(1)[:, None] + flat[1].sum(1)[None] - both
    return train[(both / np.maximum(either, 1)).argmax(1)] > 0.5
  rough = np.asarray(shapes.cross_chamfer(x[:, :SHORT], train[:, :SHORT]))
  best = []
  for one, row in zip(x, np.argsort(rough, 1)[:, :LIST], strict=True):
    exact = np.asarray(shapes.cross_chamfer(one[None], train[row]))[0]
    best.append(row[exact.argmin()])
  return train[best]


def kept(x: np.ndarray, count: int) -> np.ndarray:
  """Of each shape [n, P, 3] the `count` points that lie farthest apart, repeated to P.

  Each next one is the farthest from those that are kept; the first is the first.
  """
  found = []
  for one in x:
    rows, reach = [0], np.square(one - one[0]).sum(1)
    while len(rows) < count:
      rows.append(int(reach.argmax()))
      reach = np.minimum(reach, np.square(one - one[rows[-1]]).sum(1))
    found.append(np.resize(one[rows], one.shape))
  return np.stack(found)
