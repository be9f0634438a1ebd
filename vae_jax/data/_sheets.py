"""Sprites composed of layers: characters that walk, slash or cast, from sheets of frames.

A sheet holds 21 rows of 13 frames of 64 x 64: the layout of the Liberated Pixel Cup. Layers of one
character lie on one another: a body, eyes, trousers, shoes, a top, hair, one sheet each. The
actions and directions are those of Li & Mandt (2018), section 4.1; there in colour.
"""

import io
import itertools
import pathlib

import numpy as np

from vae_jax.data import _pictures
from vae_jax.types import UserError

LAYERS = ("body", "eyes", "bottomwear", "shoes", "topwear", "hair")  # from below to above
FRAME, ROWS, COLUMNS = 64, 21, 13
ACTIONS = {"cast": (0, 7), "walk": (8, 9), "slash": (12, 6)}  # first row, and frames
DIRECTIONS = {"left": 1, "front": 2, "right": 3}  # rows after the first one
CLASSES = tuple(f"{action} {way}" for action in ACTIONS for way in DIRECTIONS)

Sheets = dict[str, list[np.ndarray]]  # of each layer, RGBA [ROWS, COLUMNS, 64, 64, 4] uint8


def read(path: pathlib.Path) -> Sheets:
  """All sheets of a folder or a .zip with one folder for each of LAYERS.

  Raises:
    UserError: a layer has no sheet, or a sheet is no picture of 832 x 1344.
  """
  from PIL import Image

  source, found = _pictures.find(path), {}
  for layer in LAYERS:
    names = [n for n in source.names if pathlib.PurePosixPath(n).parent.name == layer]
    if not names:
      raise UserError(
        f"{path.name} has no sheets in a folder {layer!r}; expected the layers {', '.join(LAYERS)}."
      )
    found[layer] = []
    for name, raw in source.each(names):
      with _pictures.readable(name):
        sheet = np.asarray(Image.open(io.BytesIO(raw)).convert("RGBA"))
      size = (FRAME * ROWS, FRAME * COLUMNS)
      if sheet.shape[:2] != size:
        raise UserError(
          f"{name} is {sheet.shape[1]} x {sheet.shape[0]} pixels; a sheet has {size[1]} x"
          f" {size[0]}."
        )
      tiles = sheet.reshape(ROWS, FRAME, COLUMNS, FRAME, 4)
      found[layer].append(tiles.swapaxes(1, 2))
  return found


def characters(sheets: Sheets) -> np.ndarray:
  """Every choice of one sheet of each layer, [C, layers], in an order that is drawn once."""
  every = [*itertools.product(*(range(len(sheets[layer])) for layer in LAYERS))]
  return np.random.RandomState(0).permutation(np.asarray(every))


def clips(
  sheets: Sheets, chosen: np.ndarray, action: np.ndarray, frames: int, side: int
) -> np.ndarray:
  """Clips [N, T, side^2] uint8 of grey levels on black; an action begins again at its end.

  Args:
    sheets: of `read`.
    chosen: [N, layers], a sheet of each layer.
    action: [N], of CLASSES.
    frames: T.
    side: of a frame, made smaller by area.
  """
  found = np.zeros((len(chosen), frames, side, side), np.uint8)
  kinds = [*itertools.product(ACTIONS.values(), DIRECTIONS.values())]
  for n, (parts, kind) in enumerate(zip(chosen, action, strict=True)):
    (first, length), way = kinds[kind]
    layers = [
      sheets[layer][i][first + way, :length] for layer, i in zip(LAYERS, parts, strict=True)
    ]
    each = [_small(frame, side) for frame in composed(layers)]
    found[n] = np.stack([each[t % length] for t in range(frames)])
  return found.reshape(len(chosen), frames, -1)


def composed(layers: list[np.ndarray]) -> np.ndarray:
  """Layers RGBA [T, H, W, 4] on one another and on black: RGB [T, H, W, 3] uint8.

  Porter & Duff (1984), "over": c = a_top c_top + (1 - a_top) c_below.
  """
  below = np.zeros((*layers[0].shape[:-1], 3), np.float32)
  for layer in layers:
    alpha = layer[..., 3:].astype(np.float32) / 255
    below = alpha * layer[..., :3] + (1 - alpha) * below
  return np.round(below).astype(np.uint8)


def _small(frame: np.ndarray, side: int) -> np.ndarray:
  from PIL import Image

  grey = Image.fromarray(frame).convert("L")
  return np.asarray(grey.resize((side, side), Image.Resampling.BOX))
