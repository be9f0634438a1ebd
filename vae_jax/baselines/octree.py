"""Sets of points as octrees in a file: each cell says which of its eight children hold points."""

import lzma
import struct

import numpy as np

DEEPEST = 10  # levels; a cell of the last one is a thousandth of the cube


def encode(shapes: np.ndarray, depth: int) -> bytes:
  """A file of shapes [N, P, 3] within the cube of side 1 around 0, as cells of 2^-depth.

  Breadth first, a byte for each occupied cell; bytes of one level of all shapes lie together,
  under LZMA. Points in one cell become one. Meagher (1982); Schnabel & Klein (2006).

  Raises:
    ValueError: a depth that is not from 1 to DEEPEST.
  """
  if not 1 <= depth <= DEEPEST:
    raise ValueError(f"The depth is {depth}; expected 1 to {DEEPEST}.")
  codes = [np.unique(_interleaved(cells(one, depth))) for one in shapes]
  levels = []
  for level in range(depth):
    for code in codes:
      children = np.unique(code >> 3 * (depth - level - 1))
      node = np.cumsum(np.diff(children >> 3, prepend=-1) != 0) - 1
      found = np.zeros(node[-1] + 1, np.uint8)
      np.bitwise_or.at(found, node, (1 << (children & 7)).astype(np.uint8))
      levels.append(found)
  filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
  packed = lzma.compress(np.concatenate(levels), lzma.FORMAT_RAW, filters=filters)
  return struct.pack("<IB", len(shapes), depth) + packed


def decode(content: bytes) -> list[np.ndarray]:
  """The middles of the cells [n, 3] of each shape of a file of `encode`."""
  count, depth = struct.unpack("<IB", content[:5])
  filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
  stream = np.frombuffer(
    lzma.decompress(content[5:], lzma.FORMAT_RAW, None, filters), np.uint8
  )
  codes, at = [np.zeros(1, np.int64)] * count, 0
  for _ in range(depth):
    for i, nodes in enumerate(codes):
      bits = stream[at : at + len(nodes), None] >> np.arange(8) & 1
      node, child = np.nonzero(bits)
      codes[i], at = nodes[node] << 3 | child, at + len(nodes)
  return [(_apart(code, depth) + 0.5) / 2**depth - 0.5 for code in codes]


def cells(points: np.ndarray, depth: int) -> np.ndarray:
  """The cell of each point along each axis, integers [P, 3]."""
  whole = np.floor((np.asarray(points, np.float64) + 0.5) * 2**depth)
  return np.clip(whole, 0, 2**depth - 1).astype(np.int64)


def _interleaved(cell: np.ndarray) -> np.ndarray:
  """The bits of three numbers in turn: the path of a cell through the tree, [P]."""
  bits = cell[..., None] >> np.arange(DEEPEST) & 1
  return (bits << (3 * np.arange(DEEPEST) + np.arange(3)[:, None])).sum((-1, -2))


def _apart(code: np.ndarray, depth: int) -> np.ndarray:
  bits = code[:, None, None] >> (3 * np.arange(depth) + np.arange(3)[:, None]) & 1
  return (bits << np.arange(depth)).sum(-1)
