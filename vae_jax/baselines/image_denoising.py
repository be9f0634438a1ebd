"""Classic filters against noise, each with one number that is chosen on validation."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.ndimage import median_filter

Filter = Callable[[np.ndarray, Any], np.ndarray]  # y [N, H, W, C], its number -> x


def median(y: np.ndarray, size: int) -> np.ndarray:
  """The median of each size x size neighbourhood, edges reflected. Tukey (1977)."""
  return median_filter(y, (1, size, size, 1))


def non_local_means(y: np.ndarray, strength: float) -> np.ndarray:
  """Averages of pixels whose 5 x 5 neighbourhoods look alike. Buades et al. (2005), eq. 1."""
  from skimage.restoration import denoise_nl_means

  options = {"patch_size": 5, "patch_distance": 6, "h": strength, "channel_axis": -1}
  return _each(lambda x: denoise_nl_means(x, **options), y)


def total_variation(y: np.ndarray, weight: float) -> np.ndarray:
  """The image near y of least total variation. Rudin et al. (1992); Chambolle (2004)."""
  from skimage.restoration import denoise_tv_chambolle

  return _each(lambda x: denoise_tv_chambolle(x, weight=weight, channel_axis=-1), y)


def bm3d(y: np.ndarray, std: float) -> np.ndarray:
  """Block matching and 3-D filtering of the package bm3d. Dabov et al. (2007)."""
  import bm3d as package

  # The package pads less than its 8 x 8 blocks need, so that a small image is given a margin.
  margin = ((0, 0), (8, 8), (8, 8), (0, 0))
  wide = np.pad(y, margin, mode="reflect" if min(y.shape[1:3]) > 8 else "edge")
  one = lambda x: package.bm3d(x, std).reshape(x.shape)
  return _each(one, wide)[:, 8:-8, 8:-8]


GRID: dict[str, tuple[Filter, tuple]] = {
  "median": (median, (3, 5)),
  "non-local means": (non_local_means, (0.1, 0.3, 0.6, 1.0)),
  "total variation": (total_variation, (0.1, 0.3, 0.6, 1.0)),
}


def has_bm3d() -> bool:
  """Whether the optional package of the extra `bm3d` is installed."""
  return importlib.util.find_spec("bm3d") is not None


def choose(method: Filter, grid: tuple, y: np.ndarray, x: np.ndarray) -> Any:
  """The number of the grid of least squared error between method(y) and x, on validation."""
  return min(grid, key=lambda n: float(np.mean(np.square(method(y, n) - x))))


def _each(one: Callable[[np.ndarray], np.ndarray], y: np.ndarray) -> np.ndarray:
  # Some filters drop the axis of a single channel.
  return np.clip(np.stack([one(x) for x in y]).reshape(y.shape), 0, 1).astype(np.float32)
