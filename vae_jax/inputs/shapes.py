"""A user's own mesh or points, moved and scaled as a model knows them, and handed back."""

from typing import NamedTuple

import numpy as np

from vae_jax.data import shapes
from vae_jax.types import Spec


class Given(NamedTuple):
  """The shape of a file."""

  name: str  # of the file
  x: np.ndarray  # [1, P, 3] float32, or [1, S, S, S] of booleans: as the model's data
  surface: np.ndarray  # [P, 3] other points of it, scaled alike
  middle: np.ndarray  # [3] of its bounding box, in the file's unit
  side: float  # the longest of it


def read(path: str, spec: Spec, points: int = 1024) -> Given:
  """The shape of a mesh or a file of points, with the middle at 0 and a longest side of 1.

  A file with fewer points than the model reads has them repeated, which its code does not see.

  Args:
    path: of the file; see `data.shapes`.
    spec: of the data that the model was trained on.
    points: of the other draw, for models of voxels.

  Raises:
    UserError: there is no such file, or it holds no shape.
  """
  solid = shapes.read_file(path)
  middle, side = shapes.frame(solid)
  rng = np.random.default_rng(0)
  many = spec.shape[0] if spec.kind == "points" else points
  if not len(solid.faces) and len(solid.points) < many:
    rows = np.resize(np.arange(len(solid.points)), many)
    solid = solid._replace(points=solid.points[rows])
  shape = shapes.of_solid(solid)
  asked = shape.sample if spec.kind == "points" else shape.voxels
  x = asked(spec.shape[0], rng)[None]
  return Given(solid.name, x, shape.sample(many, rng), middle, side)


def back(given: Given, points: np.ndarray) -> np.ndarray:
  """Points [..., 3] of the model in the place and the unit of the file."""
  return points * given.side + given.middle


def mesh(grid: np.ndarray) -> np.ndarray:
  """The surface of a grid [S, S, S] of numbers in [0, 1] at 0.5, triangles [T, 3, 3].

  Marching cubes (Lewiner et al., 2003); none where nothing is above 0.5.
  """
  from skimage.measure import marching_cubes

  wide = np.pad(np.asarray(grid, np.float32), 1)
  if wide.max() <= 0.5:
    return np.zeros((0, 3, 3), np.float32)
  vertices, faces, _, _ = marching_cubes(wide, 0.5)
  return ((vertices - 0.5) / len(grid) - 0.5)[faces]
