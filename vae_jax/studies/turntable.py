"""Shapes as pictures: points seen by a camera that goes around them."""

import numpy as np

SIZE = 84  # pixels of a side
TILT = 25.0  # degrees that the camera looks down
VIEW = 35.0  # degrees of the first view
REACH = 0.8  # of the cube of side 1, half of what a picture shows


def picture(points: np.ndarray, angle: float = VIEW, dot: float = 1.6) -> np.ndarray:
  """Points [P, 3] seen from an angle in degrees, [SIZE, SIZE, 1] in [0, 1]; 0 is nothing.

  Without perspective. A point is a disc of radius `dot` pixels, the lighter the nearer it is,
  and hides what is behind it.
  """
  turn, tilt = np.deg2rad(angle), np.deg2rad(TILT)
  x, y, z = np.asarray(points, np.float64).T
  across = np.cos(turn) * x - np.sin(turn) * y
  away = np.sin(turn) * x + np.cos(turn) * y
  up = np.cos(tilt) * z + np.sin(tilt) * away
  near = np.sin(tilt) * z - np.cos(tilt) * away
  shade = np.clip(0.62 + 0.55 * near, 0.22, 1.0)
  column, row = (SIZE / 2 * (1 + v / REACH) for v in (across, -up))
  reach = int(np.ceil(dot))
  gap = np.arange(-reach, reach + 1)
  rows, columns = np.floor(row)[:, None] + gap, np.floor(column)[:, None] + gap
  off = np.square(rows + 0.5 - row[:, None])[:, :, None]
  off = off + np.square(columns + 0.5 - column[:, None])[:, None]
  where = (off <= dot**2) & _within(rows)[:, :, None] & _within(columns)[:, None]
  p, i, j = np.nonzero(where)
  canvas = np.zeros((SIZE, SIZE))
  np.maximum.at(canvas, (rows[p, i].astype(int), columns[p, j].astype(int)), shade[p])
  return canvas[..., None].astype(np.float32)


def around(shapes: list[np.ndarray], degrees: float) -> np.ndarray:
  """One picture of each shape, the camera `degrees` further each time, [n, SIZE, SIZE, 1]."""
  return np.stack([picture(one, VIEW + i * degrees) for i, one in enumerate(shapes)])


def surface(grid: np.ndarray) -> np.ndarray:
  """The middles of the cells [n, 3] of a grid [S, S, S] of booleans that have a free side.

  A grid without a cell has the middle of the cube as its one point, so that distances to it
  are defined.
  """
  wide = np.pad(grid, 1)
  core = np.ones_like(grid)
  for axis in range(3):
    for step in (-1, 1):
      core &= np.roll(wide, step, axis)[1:-1, 1:-1, 1:-1]
  cells = np.argwhere(grid & ~core)
  return (cells + 0.5) / len(grid) - 0.5 if len(cells) else np.zeros((1, 3))


def _within(place: np.ndarray) -> np.ndarray:
  return (place >= 0) & (place < SIZE)
