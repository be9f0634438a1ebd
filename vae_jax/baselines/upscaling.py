"""Small images made large without a network: interpolation, a linear map, neighbours."""

import numpy as np

METHODS = ("nearest", "bicubic", "lanczos")


def resize(y: np.ndarray, shape: tuple[int, int], method: str) -> np.ndarray:
  """Images [N, h, w, C] interpolated by Pillow to [N, *shape, C], clipped to [0, 1].

  nearest; bicubic, Keys (1981) with a = -1/2; lanczos, the windowed sinc with three lobes.
  """
  from PIL import Image

  kind = getattr(Image.Resampling, method.upper())
  one = lambda channel: np.asarray(Image.fromarray(channel).resize(shape[::-1], kind))
  planes = [
    np.stack([one(np.ascontiguousarray(c, np.float32)) for c in np.moveaxis(x, -1, 0)], -1)
    for x in y
  ]
  return np.clip(np.stack(planes), 0, 1).astype(np.float32)


def neighbours(
  y: np.ndarray, small: np.ndarray, train: np.ndarray, k: int = 5
) -> np.ndarray:
  """The mean of the k training images whose small versions are nearest to y.

  Args:
    y: [N, h, w, C].
    small: the training images made small, [P, h, w, C].
    train: [P, H, W, C].
    k: how many.
  """
  flat, points = y.reshape(len(y), -1), small.reshape(len(small), -1)
  distance = np.square(points).sum(-1)[None] - 2 * flat @ points.T
  k = min(k, len(train))
  return train[np.argpartition(distance, k - 1, axis=1)[:, :k]].mean(1)
