"""Small pictures of many members: how many fit into a page, and their bytes."""

from typing import NamedTuple

import numpy as np

SIDE = 64  # pixels of a small picture at most
# Of all small pictures together: about as many bytes at worst, 10 MB in a page.
PIXELS = 15_000_000
# Reconstructions, samples, latents and steps of a traversal; the first that fits is taken.
LAYOUTS = ((10, 30, 6, 9), (10, 20, 5, 7), (8, 8, 4, 7), (6, 6, 3, 5))


class Plan(NamedTuple):
  """How many small pictures of how many members."""

  reconstructions: int
  samples: int
  latents: int
  steps: int
  stride: int  # pixels of the example for one of the picture
  members: int

  @property
  def tiles(self) -> int:
    """Pictures of one member."""
    return self.reconstructions + self.samples + self.latents * self.steps


def plan(members: int, shape: tuple[int, ...]) -> Plan:
  """The largest layout that keeps all pictures within PIXELS; of fewer members if none does."""
  stride = -(-max(shape[:2]) // SIDE)
  pixels = (shape[0] // stride) * (shape[1] // stride)
  for layout in LAYOUTS:
    found = Plan(*layout, stride, members)
    if members * found.tiles * pixels <= PIXELS:
      return found
  return found._replace(members=max(1, PIXELS // (found.tiles * pixels)))


def small(x: np.ndarray, stride: int, limits: tuple[float, float]) -> np.ndarray:
  """Pictures [..., H, W, C] as bytes, each pixel the mean of stride x stride of them."""
  *front, height, width, channels = x.shape
  height, width = height // stride, width // stride
  x = x[..., : height * stride, : width * stride, :]
  x = x.reshape(*front, height, stride, width, stride, channels).mean((-4, -2))
  unit = (x - limits[0]) / (limits[1] - limits[0])
  return np.round(255 * np.clip(np.nan_to_num(unit), 0, 1)).astype(np.uint8)
