"""The pictures of the sprites: one shape, its scale, its turn and its place, analytically.

A pixel is on if its centre is inside the shape. In the shape's own coordinates (u, v),
u to the right and v down, turned by the orientation (clockwise as seen) and divided by the
scale and by a quarter of the side, every shape is in the unit disc:

  square   max(|u|, |v|) <= 0.7
  ellipse  (u / 0.96)^2 + (v / 0.54)^2 <= 1
  heart    (p^2 + q^2 - 1)^3 <= p^2 q^3,  p = 1.3 u,  q = 0.29 - 1.3 v

So no sprite leaves the image, as centres keep a quarter of the side from its border. The
heart's centre is that of its area.
"""

from collections.abc import Iterator

import numpy as np

from vae_jax.types import Factor

SHAPES = ("square", "ellipse", "heart")


def factors(scales: int, orientations: int, positions: int) -> tuple[Factor, ...]:
  """The five factors in the order of dSprites, the last varying fastest.

  Scales are spaced evenly in [0.5, 1] and positions in [0, 1]. Orientations are spaced evenly
  in [0, 2 pi); dSprites also has 2 pi itself, whose pictures are those of 0.
  """
  even = lambda low, high, count: tuple(np.linspace(low, high, count).tolist())
  turns = tuple((2 * np.pi * np.arange(orientations) / orientations).tolist())
  return (
    Factor("shape", (1.0, 2.0, 3.0), SHAPES),
    Factor("scale", even(0.5, 1, scales)),
    Factor("orientation", turns),
    Factor("position x", even(0, 1, positions)),
    Factor("position y", even(0, 1, positions)),
  )


def table(known: tuple[Factor, ...]) -> np.ndarray:
  """Every combination of the factors' indices, int32 [N, F], the last varying fastest."""
  sizes = [len(factor.values) for factor in known]
  return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), 1).astype(np.int32)


def render(known: tuple[Factor, ...], side: int) -> Iterator[np.ndarray]:
  """The pictures of `table` in its order, packed: one array for each shape, scale and turn.

  Args:
    known: of `factors`.
    side: of the image in pixels, a multiple of 8.

  Yields:
    uint8 [P P, side side / 8], lowest bit first; P positions each way.
  """
  shapes, scales, turns, across, down = known
  x, x_at = _offsets(across.values, side)
  y, y_at = _offsets(down.values, side)
  for shape in shapes.names:
    for scale in scales.values:
      for turn in turns.values:
        inside = _inside(shape, x / scale, y / scale, turn)  # [Y, X] of distinct offsets
        rows = np.packbits(inside[:, x_at], axis=-1, bitorder="little")  # [Y, P, side / 8]
        yield rows[y_at].transpose(2, 0, 1, 3).reshape(len(x_at) * len(y_at), -1)


def _offsets(places: tuple[float, ...], side: int) -> tuple[np.ndarray, np.ndarray]:
  """From centre to pixel, in quarters of the side: the distinct ones, and which [P, side].

  With 32 places on 64 pixels, or 16 on 32, a step is one pixel and few offsets are distinct.
  """
  centres = side / 2 + (np.asarray(places) - 0.5) * (side / 2 - 1)
  offsets = np.arange(side)[None] + 0.5 - centres[:, None]
  distinct, index = np.unique(np.round(offsets, 6), return_inverse=True)
  return distinct / (side / 4), index.reshape(offsets.shape)


def _inside(shape: str, x: np.ndarray, y: np.ndarray, turn: float) -> np.ndarray:
  """Whether the point (x, y) is in the shape: [X] and [Y] -> bool [Y, X]."""
  sine, cosine = np.sin(turn), np.cos(turn)
  u = cosine * x[None] + sine * y[:, None]
  v = cosine * y[:, None] - sine * x[None]
  if shape == "square":
    return np.maximum(abs(u), abs(v)) <= 0.7
  if shape == "ellipse":
    return (u / 0.96) ** 2 + (v / 0.54) ** 2 <= 1
  p, q = 1.3 * u, 0.29 - 1.3 * v
  return (p**2 + q**2 - 1) ** 3 <= p**2 * q**3
