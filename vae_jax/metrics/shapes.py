"""How far two shapes lie apart, and two sets of them: Chamfer, EMD, F-score, IoU, MMD, COV, 1-NNA.

A shape is a set of points [P, 3]; their order means nothing. The Chamfer distance here is the
sum of both means of SQUARED distances, that of Fan et al. (2017) and of PointFlow (Yang et al.,
2019); others halve it, or take no squares.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array, UserError


class SetScores(NamedTuple):
  """Numbers of single shapes, whose means are the scores."""

  mmd: np.ndarray  # [n] the Chamfer distance of each real shape to the nearest of the made
  coverage: np.ndarray  # [n] 1 where a real shape is the nearest of some made one
  accuracy: np.ndarray  # [n] share of the pair whose nearest neighbour is of its own set


def nearest_squares(x: Array, y: Array) -> tuple[Array, Array]:
  """The squared distance of each of x [P, 3] to the nearest of y [Q, 3], and the other way.

  Which point is the nearest has no gradient; the distance to it has.
  """
  a, b = jax.lax.stop_gradient((x, y))
  squares = jnp.square(a).sum(-1)[:, None] + jnp.square(b).sum(-1)[None] - 2 * a @ b.T
  to_y, to_x = jnp.argmin(squares, 1), jnp.argmin(squares, 0)
  return jnp.square(x - y[to_y]).sum(-1), jnp.square(y - x[to_x]).sum(-1)


def chamfer(x: Array, y: Array) -> Array:
  """mean_p min_q |x_p - y_q|^2 + mean_q min_p |y_q - x_p|^2, [] in squares of the unit."""
  there, back = nearest_squares(x, y)
  return there.mean() + back.mean()


def f_score(x: Array, y: Array, tau: float) -> Array:
  """2 p r / (p + r): p the share of y within tau of x, r that of x within tau of y, [].

  Knapitsch et al. (2017), "Tanks and Temples"; x is the truth.
  """
  there, back = nearest_squares(x, y)
  recall, precision = (there < tau**2).mean(), (back < tau**2).mean()
  return 2 * precision * recall / jnp.maximum(precision + recall, 1e-12)


@jax.jit
def each_chamfer(x: np.ndarray, y: np.ndarray) -> Array:
  """`chamfer` of [N, P, 3] and [N, Q, 3] row by row, [N]."""
  return jax.lax.map(lambda pair: chamfer(*pair), (x, y), batch_size=16)


@partial(jax.jit, static_argnames="tau")
def each_f_score(x: np.ndarray, y: np.ndarray, tau: float) -> Array:
  """`f_score` of [N, P, 3] and [N, Q, 3] row by row, [N]."""
  return jax.lax.map(lambda pair: f_score(*pair, tau), (x, y), batch_size=16)


@jax.jit
def cross_chamfer(x: np.ndarray, y: np.ndarray) -> Array:
  """`chamfer` of every shape of [N, P, 3] with every one of [M, Q, 3], [N, M].

  From |a|^2 - 2 ab + |b|^2, whose rounding is 1e-7 of a square of the unit; without indices,
  which are what takes the time on a CPU.
  """

  def of_row(one: Array) -> Array:
    squares = jnp.square(one).sum(-1)[None, :, None] + jnp.square(y).sum(-1)[:, None]
    squares = jnp.maximum(squares - 2 * jnp.einsum("pf,mqf->mpq", one, y), 0.0)
    return squares.min(2).mean(1) + squares.min(1).mean(1)

  return jax.lax.map(of_row, x)


def emd(x: np.ndarray, y: np.ndarray) -> float:
  """The earth mover's distance: the mean way of the best matching of x [P, 3] and y [Q, 3].

  Exact: an assignment where both have as many points, a transport plan of equal masses (POT)
  where they have not. Rubner et al. (2000).

  Raises:
    UserError: the sizes differ and POT is not installed.
  """
  from scipy.optimize import linear_sum_assignment
  from scipy.spatial.distance import cdist

  ways = cdist(np.asarray(x, np.float64), np.asarray(y, np.float64))
  if len(x) == len(y):
    return float(ways[linear_sum_assignment(ways)].mean())
  try:
    import ot
  except ImportError as error:
    raise UserError(
      f"The EMD of {len(x)} and {len(y)} points is computed by POT, which is not installed:"
      " pip install 'vae-jax[shape]'."
    ) from error
  return float(ot.emd2(ot.unif(len(x)), ot.unif(len(y)), ways))


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Cells of both over cells of either of grids [N, ...] of booleans, [N]; 1 of two empty ones."""
  a, b = (np.asarray(v, bool).reshape(len(v), -1) for v in (a, b))
  either = (a | b).sum(1)
  return np.where(either > 0, (a & b).sum(1) / np.maximum(either, 1), 1.0)


def set_scores(real: np.ndarray, made: np.ndarray) -> SetScores:
  """MMD, COV and 1-NNA of made shapes [n, P, 3] against as many real ones, by Chamfer distance.

  1-NNA is the share of shapes whose nearest neighbour among all others is of their own set, in
  pairs of one real and one made shape. It is 0.5 on average if the sets cannot be told apart.
  Achlioptas et al. (2018) for MMD and COV, Lopez-Paz & Oquab (2017) for the test.

  Raises:
    ValueError: the sets are not of one size.
  """
  if len(real) != len(made):
    raise ValueError(f"{len(real)} real and {len(made)} made shapes; expected as many.")
  across = np.asarray(cross_chamfer(real, made))
  own = [np.array(cross_chamfer(x, x)) for x in (real, made)]
  for square in own:
    np.fill_diagonal(square, np.inf)
  covered = np.isin(np.arange(len(real)), across.argmin(0)).astype(float)
  alike = own[0].min(1) < across.min(1), own[1].min(1) < across.min(0)
  return SetScores(across.min(1), covered, np.mean(alike, 0))
