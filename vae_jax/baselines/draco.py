"""Sets of points by Draco, Google's codec for meshes and point clouds."""

import numpy as np

from vae_jax.baselines import octree
from vae_jax.types import UserError

LEVELS = (0, 5, 10)  # of its effort; on small sets a lower one may be smaller


def encode(shapes: np.ndarray, depth: int) -> list[bytes]:
  """A file for each shape [P, 3] within the cube of side 1 around 0, as cells of 2^-depth.

  Points in one cell become one, as in `octree`. Of LEVELS the smallest file is kept.

  Raises:
    UserError: the extra shape is not installed.
  """
  draco = _draco()

  def smallest(points: np.ndarray) -> bytes:
    cells = np.unique(octree.cells(points, depth), axis=0).astype(np.float32)
    options = {"quantization_bits": depth, "quantization_range": 2.0**depth - 1}
    options["quantization_origin"] = [0.0, 0.0, 0.0]
    made = [draco.encode(cells, compression_level=level, **options) for level in LEVELS]
    return min(made, key=len)

  return [smallest(points) for points in shapes]


def decode(files: list[bytes], depth: int) -> list[np.ndarray]:
  """The middles of the cells [n, 3] of each file of `encode`."""
  found = [np.asarray(_draco().decode(file).points, np.float64) for file in files]
  return [(np.round(cells) + 0.5) / 2**depth - 0.5 for cells in found]


def _draco():
  try:
    import DracoPy
  except ImportError as error:
    raise UserError(
      "Draco is a baseline of the extra shape: pip install 'vae-jax[shape]'."
    ) from error
  return DracoPy
