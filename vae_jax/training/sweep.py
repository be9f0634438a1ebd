"""A sweep is data: which numbers differ between members, and their stack on [M].

`config.sweep = {"beta": [1, 2, 4], "seed": [0, 1]}` is the grid of six members, the last
name varying fastest. A single run is the sweep of one member.
"""

import itertools

import numpy as np

from vae_jax import registry
from vae_jax.types import UserError


def members(config: dict) -> list[dict]:
  """What distinguishes each member: its seed, always, and the swept numbers.

  Raises:
    UserError: a name that is no number of `hyper`, or values that are no numbers.
  """
  axes = config["sweep"]
  known = ["seed", *config["hyper"]]
  for name, values in axes.items():
    if name not in known:
      raise UserError(
        f"config.sweep has {name!r}, which is no number of hyper and not the seed; what"
        f" changes a shape or the control flow needs its own run."
        f"{registry.nearest(name, known)}"
      )
    if not isinstance(values, list) or not values or not all(map(_is_number, values)):
      raise UserError(f"config.sweep.{name} is {values!r}; it must be a list of numbers.")
  grid = itertools.product(*axes.values())
  rows = [dict(zip(axes, values, strict=True)) for values in grid]
  return [{"seed": int(row.pop("seed", config["seed"])), **row} for row in rows]


def stack(config: dict, rows: list[dict]) -> dict[str, np.ndarray]:
  """The `hyper` of all members: every number [M] float32, and the seed [M] int32."""
  numbers = {
    name: np.asarray([row.get(name, value) for row in rows], np.float32)
    for name, value in config["hyper"].items()
  }
  return {**numbers, "seed": np.asarray([row["seed"] for row in rows], np.int32)}


def label(row: dict) -> str:
  """A member's name in a title: "beta 4, seed 1"."""
  return ", ".join(
    f"{name} {row[name]:g}" for name in [*(k for k in row if k != "seed"), "seed"]
  )


def _is_number(value: object) -> bool:
  return isinstance(value, int | float) and not isinstance(value, bool)
