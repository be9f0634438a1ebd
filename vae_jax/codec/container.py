"""The file: what it is, which model reads it, how much there is, and the stream.

magic "VJZ" and version (4 bytes), checksum of all that follows (4), model (32), checksum of
the original (32), number of examples (8), lanes (4), random words (4), words (8),
heads (8 each), words (4 each); little endian.
"""

import struct
import zlib
from typing import NamedTuple

import numpy as np

from vae_jax.types import UserError

MAGIC, VERSION = b"VJZ", 1
HEADER = struct.Struct("<32s32sQIIQ")
FRONT = struct.Struct("<3sBI")


class File(NamedTuple):
  """What a file holds."""

  model: bytes  # digest of the model that wrote it
  original: bytes  # digest of what is in it
  count: int  # examples
  borrowed: int  # random words the stream began with; they are in it
  heads: np.ndarray  # [lanes] uint64
  words: np.ndarray  # uint32


def write(file: File) -> bytes:
  """The bytes of a file."""
  counts = file.count, len(file.heads), file.borrowed, len(file.words)
  body = HEADER.pack(file.model, file.original, *counts)
  body += file.heads.astype("<u8").tobytes() + file.words.astype("<u4").tobytes()
  return FRONT.pack(MAGIC, VERSION, zlib.crc32(body)) + body


def read(content: bytes, name: str = "The file") -> File:
  """A file from its bytes.

  Raises:
    UserError: it is none, of another version, cut or altered; told in a sentence, before
      anything of its size is taken from it.
  """
  if len(content) < FRONT.size or content[:3] != MAGIC:
    raise UserError(f"{name} is no file of this codec: it does not begin with VJZ.")
  _, version, checksum = FRONT.unpack_from(content)
  if version != VERSION:
    raise UserError(
      f"{name} has version {version} of the format, and this program reads {VERSION}."
    )
  body = content[FRONT.size :]
  if len(body) < HEADER.size or zlib.crc32(body) != checksum:
    raise UserError(f"{name} is cut or altered: its checksum does not fit.")
  model, original, count, lanes, borrowed, words = HEADER.unpack_from(body)
  if len(body) != HEADER.size + 8 * lanes + 4 * words:
    raise UserError(f"{name} is cut or altered: its length does not fit.")
  heads = np.frombuffer(body, "<u8", lanes, HEADER.size).astype(np.uint64)
  tail = np.frombuffer(body, "<u4", words, HEADER.size + 8 * lanes).astype(np.uint32)
  return File(model, original, count, borrowed, heads, tail)
