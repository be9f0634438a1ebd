"""The file: blocks, each of which says which model reads it, where it stands and what it holds.

A block is magic "VJZ" and version (4 bytes), checksum of all that follows (4), length of all
that follows (8), model (32), checksum of the original up to here (32), examples of the whole
file (8), those before this block (8), those in it (4), lanes (4), random words (4), words (8);
then the heads, 5 bits that say how long each is and its bits behind the first one; then the
words, 4 bytes each. Little endian, and bits the highest first.
"""

import struct
import zlib
from typing import NamedTuple

import numpy as np

from vae_jax.types import UserError

MAGIC, VERSION = b"VJZ", 2
HEADER = struct.Struct("<32s32sQQIIIQ")
FRONT = struct.Struct("<3sBIQ")
LENGTH = 5  # bits that say how long a head is: 32 ... 63 behind its first


class Block(NamedTuple):
  """What a block holds."""

  model: bytes  # digest of the model that wrote it
  original: bytes  # digest of what is in it and in the blocks before it
  total: int  # examples of the whole file
  before: int  # examples of the blocks before it
  count: int  # examples in it
  borrowed: int  # random words the stream began with; they are in it
  heads: np.ndarray  # [lanes] uint64
  words: np.ndarray  # uint32


def write(block: Block) -> bytes:
  """The bytes of a block."""
  counts = block.total, block.before, block.count, len(block.heads), block.borrowed
  body = HEADER.pack(block.model, block.original, *counts, len(block.words))
  body += _packed(block.heads) + block.words.astype("<u4").tobytes()
  return FRONT.pack(MAGIC, VERSION, zlib.crc32(body), len(body)) + body


def read(content: bytes, name: str = "The file") -> list[Block]:
  """The blocks of a file from its bytes.

  Raises:
    UserError: it is none, of another version, cut or altered; told in a sentence, before
      anything of its size is taken from it.
  """
  found, at, content = [], 0, memoryview(content)
  while at < len(content) or not found:
    if found and bytes(content[at : at + 3]) != MAGIC:
      raise UserError(f"{name} is cut or altered: it goes on behind its last block.")
    body = _body(content[at:], name)
    found.append(_block(body, name))
    at += FRONT.size + len(body)
  done = 0
  for block in found:
    if (block.before, block.total, block.model) != (done, found[0].total, found[0].model):
      raise UserError(f"{name} is cut or altered: its blocks do not follow one another.")
    done += block.count
  if done != found[0].total:
    raise UserError(f"{name} is cut: it has {done:,} of {found[0].total:,} examples.")
  return found


def head_bits(heads: np.ndarray) -> int:
  """Bits of the heads in a file."""
  return int((LENGTH + _lengths(heads)).sum())


def _body(content: memoryview, name: str) -> memoryview:
  if len(content) < FRONT.size or bytes(content[:3]) != MAGIC:
    raise UserError(f"{name} is no file of this codec: it does not begin with VJZ.")
  _, version, checksum, length = FRONT.unpack_from(content)
  if version != VERSION:
    raise UserError(
      f"{name} has version {version} of the format, and this program reads {VERSION}."
    )
  body = content[FRONT.size : FRONT.size + length]
  if len(body) < max(length, HEADER.size) or zlib.crc32(body) != checksum:
    raise UserError(f"{name} is cut or altered: its checksum does not fit.")
  return body


def _block(body: memoryview, name: str) -> Block:
  model, original, total, before, count, lanes, borrowed, words = HEADER.unpack_from(body)
  end = len(body) - 4 * words
  heads = _unpacked(body[HEADER.size : end], lanes) if end >= HEADER.size else None
  if heads is None:
    raise UserError(f"{name} is cut or altered: its length does not fit.")
  tail = np.frombuffer(body, "<u4", words, end).astype(np.uint32, copy=False)
  return Block(model, original, total, before, count, borrowed, heads, tail)


def _lengths(heads: np.ndarray) -> np.ndarray:
  """Bits behind the first one of each head, 32 ... 63."""
  high = (heads >> np.uint64(32)).astype(np.float64)  # exact: below 2^32
  return np.frexp(high)[1].astype(np.int64) + 31


def _packed(heads: np.ndarray) -> bytes:
  bits = np.unpackbits(heads.astype(">u8").view(np.uint8)).reshape(-1, 64)
  lengths = _lengths(heads)
  said = np.unpackbits((lengths - 32).astype(np.uint8)[:, None], axis=1)[:, -LENGTH:]
  own = np.arange(64)[None] >= 64 - lengths[:, None]
  every = np.concatenate([said, bits], 1)
  return np.packbits(
    every[np.pad(own, ((0, 0), (LENGTH, 0)), constant_values=True)]
  ).tobytes()


def _unpacked(packed: memoryview, lanes: int) -> np.ndarray | None:
  """So many heads; None where the bytes are not theirs exactly."""
  bits, at, heads = np.unpackbits(np.frombuffer(packed, np.uint8)), 0, []
  for _ in range(min(lanes, len(bits))):
    length = 32 + int("".join(map(str, bits[at : at + LENGTH])) or "0", 2)
    own = bits[at + LENGTH : at + LENGTH + length]
    at += LENGTH + length
    if at > len(bits):
      return None
    heads.append(int("1" + "".join(map(str, own)), 2))
  fits = len(heads) == lanes and -(-at // 8) == len(packed) and not bits[at:].any()
  return np.array(heads, np.uint64) if fits else None
