"""Meshes and sets of points from files: read, checked, sampled, filled with voxels."""

import io
import pathlib
from typing import NamedTuple

import numpy as np

from vae_jax.data import _files
from vae_jax.types import UserError

MESHES = (".off", ".obj", ".stl", ".ply")
TABLES = (".npy", ".npz", ".csv", ".xyz", ".txt")
DENSE = 40  # points for each cell of a side of the grid: no cell of a surface is missed


class Solid(NamedTuple):
  """One shape of a file: triangles, or points where there are none."""

  name: str
  points: np.ndarray  # [N, 3] vertices, or the points themselves, float64
  faces: np.ndarray  # [F, 3] int, empty for points


def read(name: str, content: bytes) -> Solid:
  """A mesh (.off, .obj, .stl, .ply) or a set of points (.ply, .csv, .xyz, .txt, .npy).

  Args:
    name: of the file; its ending says how it is read.
    content: of the file.

  Raises:
    UserError: it is none of these, cannot be read, is empty, or has no extent.
  """
  ending = pathlib.PurePath(name).suffix.lower()
  if ending in MESHES:
    found = _mesh(name, ending, content)
  elif ending in TABLES:
    found = Solid(name, _table(name, ending, content), np.zeros((0, 3), int))
  else:
    raise UserError(
      f"{name} is no shape: expected a mesh ({', '.join(MESHES)}) or points"
      f" ({', '.join(TABLES)})."
    )
  return checked(found)


def checked(solid: Solid) -> Solid:
  """The shape, refused where nothing can be sampled from it.

  Raises:
    UserError: it has no points, numbers that are not finite, or no extent.
  """
  points, faces = solid.points, solid.faces
  if not len(points):
    raise UserError(f"{solid.name} has no points: expected a mesh or a set of points.")
  if not np.isfinite(points).all() or np.abs(points).max() > 1e15:
    raise UserError(f"{solid.name} has coordinates that are not finite, or beyond 1e15.")
  if len(faces) and (faces.min() < 0 or faces.max() >= len(points)):
    raise UserError(
      f"{solid.name} has a face of the vertex {faces.max()}, and {len(points)} vertices."
    )
  used = points[faces.ravel()] if len(faces) else points
  extent = float(np.ptp(used, axis=0).max())
  if not extent > 0 or (len(faces) and not _areas(solid).sum() > 0):
    raise UserError(f"{solid.name} is a single point or a line: it has no surface.")
  return solid


def frame(solid: Solid) -> tuple[np.ndarray, float]:
  """The middle [3] of the bounding box of a shape, and its longest side."""
  used = solid.points[solid.faces.ravel()] if len(solid.faces) else solid.points
  low, high = used.min(0), used.max(0)
  return (low + high) / 2, float((high - low).max())


def normalised(solid: Solid) -> Solid:
  """The shape with the middle of its bounding box at 0 and a longest side of 1."""
  middle, side = frame(solid)
  return solid._replace(points=(solid.points - middle) / side)


def sample(solid: Solid, count: int, rng: np.random.Generator) -> np.ndarray:
  """Points [count, 3] float32, uniform on the triangles; of points each at most once.

  Raises:
    UserError: the file has fewer points.
  """
  if not len(solid.faces):
    if len(solid.points) < count:
      raise UserError(
        f"{solid.name} has {len(solid.points)} points and {count} are drawn of each shape:"
        " lower data.points and data.pool, or give a mesh."
      )
    return rng.permutation(solid.points)[:count].astype(np.float32)
  areas = _areas(solid)
  chosen = rng.choice(len(areas), count, p=areas / areas.sum())
  corners = solid.points[solid.faces[chosen]]
  u, v = rng.random((2, count, 1))
  root = np.sqrt(u)
  points = (1 - root) * corners[:, 0] + root * (1 - v) * corners[:, 1]
  return (points + root * v * corners[:, 2]).astype(np.float32)


def voxels(solid: Solid, side: int, rng: np.random.Generator) -> np.ndarray:
  """The cells [side, side, side] that the surface touches, and those that it encloses."""
  import scipy.ndimage

  dense = sample(solid, DENSE * side**2, rng) if len(solid.faces) else solid.points
  cells = np.clip(np.floor((dense + 0.5) * side).astype(int), 0, side - 1)
  grid = np.zeros((side, side, side), bool)
  grid[tuple(cells.T)] = True
  return scipy.ndimage.binary_fill_holes(grid)


def _areas(solid: Solid) -> np.ndarray:
  a, b, c = np.moveaxis(solid.points[solid.faces], 1, 0)
  return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _mesh(name: str, ending: str, content: bytes) -> Solid:
  try:
    import trimesh
  except ImportError as error:
    raise UserError(
      f"{name} is read by trimesh, which is not installed: pip install 'vae-jax[shape]', or"
      " give points as .npy or .csv."
    ) from error
  with _files.told(name, "export it again as OFF, OBJ, STL or PLY"):
    scene = trimesh.load_scene(io.BytesIO(content), file_type=ending[1:], process=False)
    points, faces, at = [np.zeros((0, 3))], [np.zeros((0, 3), int)], 0
    for one in scene.dump():
      points.append(np.asarray(one.vertices, np.float64).reshape(-1, 3))
      faces.append(np.asarray(getattr(one, "faces", faces[0]), int).reshape(-1, 3) + at)
      at += len(points[-1])
  return Solid(name, np.concatenate(points), np.concatenate(faces))


def _table(name: str, ending: str, content: bytes) -> np.ndarray:
  """Points [N, 3] of a table with three columns, or of an array."""
  if ending in (".npy", ".npz"):
    with _files.told(name, "save points [N, 3] with numpy.save"):
      found = np.load(io.BytesIO(content), allow_pickle=False)
      found = found["x"] if ending == ".npz" else found
      points = np.asarray(found, np.float64)
  else:
    text, _ = _files.text(content, name)
    lines = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
    comma = "," if any("," in line for line in lines[:3]) else None
    if lines and comma and not _number(lines[0].split(comma)[0]):
      lines = lines[1:]  # names
    with _files.told(name, "write three numbers in a line, x, y and z"):
      points = np.array([[float(v) for v in line.split(comma)[:3]] for line in lines])
  if points.ndim != 2 or points.shape[-1] != 3:
    raise UserError(f"{name} has numbers {points.shape}; expected points [N, 3].")
  return points


def _number(word: str) -> bool:
  try:
    float(word)
  except ValueError:
    return False
  return True
