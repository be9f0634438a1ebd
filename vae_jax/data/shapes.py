"""Shapes in space as sets of points or as voxels: generated furniture, or meshes from files.

Every shape is moved and scaled: the middle of its bounding box is 0, its longest side is 1. The
third axis is up. With an empty `path`, chairs, tables and plain solids of boxes and cylinders are
GENERATED; the field `parameters` has the numbers they were made from. Else `path` is a mesh or a
set of points, a folder or a .zip of them, or an array [N, P, 3] of N sets of points.
"""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.data import _files, _furniture, _meshes, _solids, _split
from vae_jax.data.arrays import find_file, read_arrays
from vae_jax.types import Array, Dataset, Example, Spec, UserError

OPTIONS = {
  "form": "points",  # or "voxels"
  "path": "",  # of a file, a folder or a .zip; empty: generated
  "points": 256,  # P of an example
  "pool": 1024,  # points of each shape that they are drawn from, anew in each epoch
  "side": 32,  # cells along each axis of the voxels
  "count": 3000,  # generated shapes
  "test": 0.1,
}
FORMS = ("points", "voxels")


class Shape(NamedTuple):
  """What one shape can be asked for."""

  sample: Callable[[int, np.random.Generator], np.ndarray]  # -> [count, 3] on its surface
  voxels: Callable[[int, np.random.Generator], np.ndarray]  # -> bool [side, side, side]
  group: str = ""  # its class
  parameters: np.ndarray | None = None


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [P, 3] of points, or [side, side, side] of zeros and ones.

  Held-out examples also have `surface` and `again`, two more draws [P, 3] of points of the
  same shape: the distance of two draws is what no model can be below.

  Raises:
    UserError: an unknown form, a number out of range, or a file that holds no shape.
  """
  _check(config)
  if config["path"]:
    shapes, note = _read(config, data_dir)
  else:
    shapes, note = _generated(config["count"])
  groups = sorted({s.group for s in shapes if s.group}, key=_order)
  # RandomState, unlike a Generator, promises the same numbers in every NumPy to come.
  order = np.random.RandomState(0).permutation(len(shapes))
  fields = {"place": order.astype(np.int32)}
  fields["x"] = order  # `_split` counts it
  rest, test = _split.last(fields, config["test"], "test")
  train, valid = _split.last(rest, config["valid"], "valid")
  splits = {
    name: _fields(part["place"], shapes, groups, config, name != "train")
    for name, part in (("train", train), ("valid", valid), ("test", test))
  }
  points = config["form"] == "points"
  shape = (config["points"], 3) if points else (config["side"],) * 3
  domain = "real" if points else "binary"
  spec = Spec(shape, config["form"], domain, classes=tuple(groups))
  return Dataset(
    "shapes", spec, splits, note, drawing(config["points"]) if points else None
  )


def drawing(count: int) -> Callable[[Array, Example], Example]:
  """The transform that takes `count` of the points of a pool [Q, 3], from a random one on.

  The points of a pool are in random order, so that a part of it is a random part.
  """

  def transform(key: Array, example: Example) -> Example:
    pool = example["x"]
    start = jax.random.randint(key, (), 0, len(pool))
    rows = jnp.mod(start + jnp.arange(count), len(pool))
    return {**example, "x": pool[rows]}

  return transform


def _check(config: dict[str, Any]) -> None:
  if config["form"] not in FORMS:
    raise UserError(f"data.form is {config['form']!r}; expected one of {FORMS}.")
  for name, least in (("points", 8), ("side", 8), ("count", 20)):
    if config[name] < least:
      raise UserError(f"data.{name} is {config[name]}; expected at least {least}.")
  if config["pool"] < config["points"]:
    raise UserError(
      f"data.pool is {config['pool']} and data.points {config['points']}: the pool is what"
      " they are drawn from, and must be as large."
    )


def _order(group: str) -> tuple[int, str]:
  """Generated classes in the order of their list, others by name."""
  known = list(_furniture.CLASSES)
  return (known.index(group) if group in known else len(known), group)


def _fields(
  rows: np.ndarray, shapes: list[Shape], groups: list[str], config: dict, held_out: bool
) -> dict[str, np.ndarray]:
  """The arrays of one split; each shape has random numbers of its own."""
  points, found = config["points"], {}
  stream = lambda row, use: np.random.default_rng([int(row), use])
  if config["form"] == "points":
    pool = config["pool"]
    found["x"] = np.stack([shapes[r].sample(pool, stream(r, 0)) for r in rows])
  else:
    side = config["side"]
    found["x"] = np.stack([shapes[r].voxels(side, stream(r, 1)) for r in rows])
  if held_out:
    for use, name in enumerate(("surface", "again"), 2):
      found[name] = np.stack([shapes[r].sample(points, stream(r, use)) for r in rows])
  if groups:
    found["label"] = np.array([groups.index(shapes[r].group) for r in rows], np.int32)
  if shapes[0].parameters is not None:
    found["parameters"] = np.stack([shapes[r].parameters for r in rows])
  return found


def _generated(count: int) -> tuple[list[Shape], str]:
  rng, names = np.random.default_rng(0), list(_furniture.CLASSES)
  shapes = []
  for group in rng.choice(len(names), count, p=_furniture.SHARES):
    parts, known = _furniture.draw(rng, names[group])
    parts = _solids.normalised(parts)
    sample = lambda n, rng, parts=parts: _solids.sample(parts, n, rng)
    voxels = lambda side, rng, parts=parts: _solids.inside(parts, centres(side)).reshape(
      side, side, side
    )
    shapes.append(Shape(sample, voxels, names[group], known))
  note = (
    f"GENERATED: {count:,} chairs, tables and solids of boxes and cylinders, with known"
    " parameters; neither designed nor scanned."
  )
  return shapes, note


def centres(side: int) -> np.ndarray:
  """The middles of all cells of a grid over the cube of side 1 around 0, [side^3, 3]."""
  line = (np.arange(side) + 0.5) / side - 0.5
  return np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)


def read_file(path: str) -> _meshes.Solid:
  """The mesh or the set of points of one file; see `_meshes.read`.

  Raises:
    UserError: there is no such file, or it holds no shape.
  """
  file = pathlib.Path(path)
  if not file.is_file():
    raise UserError(f"There is no file {path} of a shape.")
  return _meshes.read(file.name, file.read_bytes())


def frame(solid: _meshes.Solid) -> tuple[np.ndarray, float]:
  """The middle [3] of the bounding box of a shape, and its longest side."""
  return _meshes.frame(solid)


def of_solid(solid: _meshes.Solid, group: str = "") -> Shape:
  """A shape of a file, moved and scaled."""
  solid = _meshes.normalised(solid)
  return Shape(
    lambda count, rng: _meshes.sample(solid, count, rng),
    lambda side, rng: _meshes.voxels(solid, side, rng),
    group,
  )


def _read(config: dict[str, Any], data_dir: str | None) -> tuple[list[Shape], str]:
  """The shapes of a file, a folder or a .zip; folders within are classes."""
  path = pathlib.Path(config["path"])
  if not path.exists() and data_dir is not None:
    path = pathlib.Path(data_dir) / path
  if path.suffix in (".npy", ".npz"):
    return _arrays(find_file(config["path"], data_dir))
  if not path.exists():
    raise UserError(f"There is no file or folder {config['path']} of shapes.")
  if path.is_dir():
    files = sorted(f for f in path.rglob("*") if f.suffix.lower() in _meshes.MESHES)
    contents = {str(f.relative_to(path)): f.read_bytes() for f in files}
  elif path.suffix == ".zip":
    packed = sorted(_files.archive(path).items())
    contents = {n: c for n, c in packed if n.lower().endswith(_meshes.MESHES)}
  else:
    contents = {path.name: path.read_bytes()}
  if len(contents) < 3:
    raise UserError(
      f"{config['path']} has {len(contents)} shapes ({', '.join(_meshes.MESHES)}); expected 3"
      " or more: some are held out."
    )
  parents = [pathlib.PurePath(name).parent.parts for name in contents]
  # ModelNet has <class>/train/<file>: the class is the first folder that differs.
  common = range(min(map(len, parents)))
  level = next((i for i in common if len({p[i] for p in parents}) > 1), None)
  group = lambda p: "" if level is None else p[level]
  shapes = [
    of_solid(_meshes.read(name, content), group(p))
    for (name, content), p in zip(contents.items(), parents, strict=True)
  ]
  return shapes, f"{len(shapes):,} shapes of {path.name}, each scaled to a side of 1."


def _arrays(path: pathlib.Path) -> tuple[list[Shape], str]:
  arrays = read_arrays(path)
  if "x" not in arrays:
    raise UserError(f"{path.name} has the arrays {', '.join(arrays)}; expected x.")
  x = arrays["x"]
  if x.ndim != 3 or x.shape[-1] != 3 or len(x) < 3 or x.dtype.kind not in "iuf":
    raise UserError(
      f"{path.name} has an array {x.shape} of {x.dtype}; expected sets of points [N, P, 3],"
      " three or more."
    )
  none = np.zeros((0, 3), int)
  solid = lambda i: _meshes.Solid(f"{path.name}, row {i},", x[i].astype(np.float64), none)
  shapes = [of_solid(_meshes.checked(solid(i))) for i in range(len(x))]
  return shapes, f"{len(x):,} sets of points of {path.name}, each scaled to a side of 1."
