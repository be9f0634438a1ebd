"""Shapes put together of boxes, cylinders, ellipsoids and cones: surfaces and insides, exactly.

The third axis is up. A cylinder and a cone stand upright and are round: their first two sizes
are equal.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Part(NamedTuple):
  """One solid by its middle and the sides of its bounding box."""

  kind: str  # "box", "cylinder", "ellipsoid" or "cone"
  centre: tuple[float, float, float]
  size: tuple[float, float, float]


def bounds(parts: Sequence[Part]) -> tuple[np.ndarray, float]:
  """The middle [3] of the bounding box of a shape, and its longest side."""
  centre, half = (np.array([part[i] for part in parts]) for i in (1, 2))
  low, high = (centre - half / 2).min(0), (centre + half / 2).max(0)
  return (low + high) / 2, float((high - low).max())


def normalised(parts: Sequence[Part]) -> list[Part]:
  """The shape with the middle of its bounding box at 0 and a longest side of 1."""
  middle, side = bounds(parts)
  move = lambda p: tuple(((np.array(p.centre) - middle) / side).tolist())
  return [Part(p.kind, move(p), tuple(v / side for v in p.size)) for p in parts]


def sample(parts: Sequence[Part], count: int, rng: np.random.Generator) -> np.ndarray:
  """Points [count, 3] float32, uniform on what is seen of the surface.

  A point of one part that is within another is no surface, and is drawn again.
  """
  areas = np.array([area(part) for part in parts])
  found, missing = [], count
  while missing > 0:
    many = rng.multinomial(2 * missing, areas / areas.sum())
    drawn = []
    for i, (part, n) in enumerate(zip(parts, many, strict=True)):
      points = _surface(part, n, rng)
      others = [other for j, other in enumerate(parts) if j != i]
      drawn.append(points[~inside(others, points, -1e-6)])
    points = rng.permutation(np.concatenate(drawn))[:missing]
    found.append(points)
    missing -= len(points)
  return np.concatenate(found).astype(np.float32)


def inside(parts: Sequence[Part], points: np.ndarray, margin: float = 0.0) -> np.ndarray:
  """Whether each of [N, 3] is within some part, [N]; a margin below 0 makes them smaller."""
  found = np.zeros(len(points), bool)
  for part in parts:
    near = np.abs(points - np.array(part.centre)) <= np.array(part.size) / 2 + margin
    rows = np.flatnonzero(near.all(1) & ~found)
    found[rows] = _within(part, points[rows], margin)
  return found


def area(part: Part) -> float:
  """Of the surface of one part; of an ellipsoid within 1.2 % (Thomsen's formula, 2004)."""
  a, b, c = part.size
  if part.kind == "box":
    return 2 * (a * b + a * c + b * c)
  radius = a / 2
  if part.kind == "cylinder":
    return 2 * np.pi * radius * (radius + c)
  if part.kind == "cone":
    return np.pi * radius * (radius + np.hypot(radius, c))
  a, b, c, power = a / 2, b / 2, c / 2, 1.6075
  mean = ((a * b) ** power + (a * c) ** power + (b * c) ** power) / 3
  return 4 * np.pi * mean ** (1 / power)


def _within(part: Part, points: np.ndarray, margin: float) -> np.ndarray:
  """Of points within the bounding box."""
  gap, half = points - np.array(part.centre), np.array(part.size) / 2 + margin
  if part.kind == "box":
    return np.ones(len(points), bool)
  if part.kind == "ellipsoid":
    return np.square(gap / half).sum(1) <= 1
  radius = half[0]
  if part.kind == "cone":
    radius = half[0] * (half[2] - gap[:, 2]) / (2 * half[2])
  return np.hypot(gap[:, 0], gap[:, 1]) <= radius


def _surface(part: Part, count: int, rng: np.random.Generator) -> np.ndarray:
  """Uniform on the surface of one part, [count, 3]."""
  draw = {"box": _box, "ellipsoid": _ellipsoid}.get(part.kind, _round)
  return np.array(part.centre) + draw(part, count, rng)


def _box(part: Part, count: int, rng: np.random.Generator) -> np.ndarray:
  a, b, c = part.size
  share = np.array([b * c, a * c, a * b])
  axis = rng.choice(3, count, p=share / share.sum())
  points = rng.random((count, 3)) - 0.5
  points[np.arange(count), axis] = rng.choice([-0.5, 0.5], count)
  return points * np.array(part.size)


def _round(part: Part, count: int, rng: np.random.Generator) -> np.ndarray:
  """Cylinders and cones: the side, and the discs at their ends."""
  radius, height = part.size[0] / 2, part.size[2]
  cone = part.kind == "cone"
  side = np.pi * radius * np.hypot(radius, height) if cone else 2 * np.pi * radius * height
  discs = np.pi * radius**2 * (1 if cone else 2)
  on_side = rng.random(count) < side / (side + discs)
  angle, along = 2 * np.pi * rng.random(count), rng.random(count)
  root = np.sqrt(rng.random(count))  # of a disc, and of a cone's side from its tip
  end = np.zeros(count) if cone else rng.integers(0, 2, count)
  reach = np.where(on_side & (not cone), 1.0, root)
  level = np.where(on_side, 1 - root if cone else along, end)
  flat = radius * reach
  return np.stack([flat * np.cos(angle), flat * np.sin(angle), (level - 0.5) * height], 1)


def _ellipsoid(part: Part, count: int, rng: np.random.Generator) -> np.ndarray:
  """Directions are kept in proportion to the area they stand for."""
  a, b, c = (v / 2 for v in part.size)
  stretch = np.array([b * c, a * c, a * b])
  found = np.zeros((0, 3))
  while len(found) < count:
    unit = rng.normal(size=(2 * count + 8, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    kept = rng.random(len(unit)) < np.linalg.norm(unit * stretch, axis=1) / stretch.max()
    found = np.concatenate([found, unit[kept]])
  return found[:count] * np.array([a, b, c])
