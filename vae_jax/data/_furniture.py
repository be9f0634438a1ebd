"""Generated chairs, tables and plain solids, each from a few numbers that are known.

The proportions are drawn at random, within ranges that look like furniture. All
stand upright and face the same way. Lengths are those before a shape is scaled to a side of 1.
"""

from collections.abc import Callable

import numpy as np

from vae_jax.data._solids import Part

PARAMETERS = ("width", "depth", "height", "thickness", "leg", "back", "round", "arms")
"""What every shape is made from; 0 where a class has no such part."""
Made = tuple[list[Part], dict[str, float]]


def draw(rng: np.random.Generator, name: str) -> tuple[list[Part], np.ndarray]:
  """A shape of one class, and its parameters [8] in the order of PARAMETERS."""
  parts, known = CLASSES[name](rng)
  return parts, np.array([known.get(p, 0.0) for p in PARAMETERS], np.float32)


def _chair(rng: np.random.Generator) -> Made:
  width, depth, height = rng.uniform((0.4, 0.4, 0.35), (0.65, 0.6, 0.55))
  thickness, leg, back = rng.uniform((0.04, 0.035, 0.35), (0.1, 0.07, 0.7))
  round_, arms = int(rng.random() < 0.4), int(rng.random() < 0.4)
  top = height + thickness
  parts = [Part("box", (0, 0, height + thickness / 2), (width, depth, thickness))]
  parts += _legs(width, depth, height, leg, round_)
  rear = depth / 2 - leg / 2
  parts.append(Part("box", (0, rear, top + back / 2), (width, leg, back)))
  if arms:
    level, side = top + 0.2, width / 2 - leg / 2
    for x in (-side, side):
      parts.append(Part("box", (x, 0, level), (leg, depth, leg)))
      parts.append(Part("box", (x, -rear, (level + top) / 2), (leg, leg, level - top)))
  known = {"width": width, "depth": depth, "height": height, "thickness": thickness}
  return parts, known | {"leg": leg, "back": back, "round": round_, "arms": arms}


def _table(rng: np.random.Generator) -> Made:
  width, depth, height = rng.uniform((0.7, 0.5, 0.4), (1.4, 0.9, 0.8))
  thickness, leg = rng.uniform((0.03, 0.04), (0.08, 0.09))
  round_ = int(rng.random() < 0.4)
  level = height + thickness / 2
  known = {"width": width, "depth": depth, "height": height, "thickness": thickness}
  if round_:  # a disc on one column with a foot
    parts = [Part("cylinder", (0, 0, level), (width, width, thickness))]
    parts.append(Part("cylinder", (0, 0, height / 2), (2 * leg, 2 * leg, height)))
    foot = 0.5 * width
    parts.append(Part("cylinder", (0, 0, thickness / 2), (foot, foot, thickness)))
    return parts, known | {"leg": leg, "round": 1, "depth": width}
  parts = [Part("box", (0, 0, level), (width, depth, thickness))]
  parts += _legs(width, depth, height, leg, int(rng.random() < 0.3))
  return parts, known | {"leg": leg}


def _legs(width: float, depth: float, height: float, leg: float, round_: int) -> list[Part]:
  kind, x, y = "cylinder" if round_ else "box", (width - leg) / 2, (depth - leg) / 2
  places = ((-x, -y), (-x, y), (x, -y), (x, y))
  return [Part(kind, (a, b, height / 2), (leg, leg, height)) for a, b in places]


def _solid(kind: str) -> Callable[[np.random.Generator], Made]:
  def made(rng: np.random.Generator) -> Made:
    width, depth, height = rng.uniform(0.4, 1.0, 3)
    if kind in ("cylinder", "cone"):
      depth = width
    known = {"width": width, "depth": depth, "height": height}
    known["round"] = int(kind != "box")
    return [Part(kind, (0, 0, height / 2), (width, depth, height))], known

  return made


CLASSES: dict[str, Callable[[np.random.Generator], Made]] = {
  "chair": _chair,
  "table": _table,
  "box": _solid("box"),
  "cylinder": _solid("cylinder"),
  "ellipsoid": _solid("ellipsoid"),
  "cone": _solid("cone"),
}
SHARES = (0.35, 0.25, 0.1, 0.1, 0.1, 0.1)  # of the classes, in their order
