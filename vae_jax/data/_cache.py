"""Decoded arrays kept on disk, so that a compressed dataset is decoded once.

One folder per dataset under VAE_JAX_CACHE (default ~/.cache/vae_jax): one .npy per split
and field, and `meta.json` with their checksums. A folder is written under another name and
renamed, so a run that is killed leaves nothing half done; one that fails its check is made
again.
"""

import json
import logging
import pathlib
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vae_jax.flags import cache_folder

Fields = dict[str, np.ndarray]
Read = Callable[[str], Iterator[Fields]]  # split -> chunks of its rows, in order

MAPPED = 2**30  # bytes from which a file is memory-mapped, and its checksum not computed
log = logging.getLogger(__name__)


def fetch(
  key: str, rows: dict[str, int], read: Read, about: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Fields]]:
  """The arrays of `key`, from its cache or from `read`, which then fills the cache.

  Args:
    key: names the content; anything that changes it must change the key.
    rows: the splits and how many examples each has.
    read: chunks of a split.
    about: JSON values that are kept with the arrays.

  Returns:
    what `about` said, and splits of fields [N, ...].
  """
  folder = cache_folder() / key
  if folder.exists():
    try:
      return _open(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
      log.warning("The cache %s is damaged (%s); it is made again.", folder, error)
      shutil.rmtree(folder, ignore_errors=True)
  facts = about()
  try:
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
  except OSError as error:
    log.warning("No cache can be written to %s (%s); decoded in memory.", folder, error)
    return facts, {split: _join(read(split)) for split in rows}
  try:
    _write(made, rows, read, facts)
    made.rename(folder)
  except OSError:
    if not folder.exists():  # else another process made it meanwhile
      raise
  finally:
    shutil.rmtree(made, ignore_errors=True)
  return _open(folder)


def _open(folder: pathlib.Path) -> tuple[dict[str, Any], dict[str, Fields]]:
  meta = json.loads((folder / "meta.json").read_text())
  splits: dict[str, Fields] = {}
  for name, crc in meta["crc"].items():
    large = (folder / name).stat().st_size >= MAPPED
    values = np.load(folder / name, mmap_mode="r" if large else None, allow_pickle=False)
    if not large and zlib.crc32(values) != crc:
      raise ValueError(f"{name} does not have its checksum")
    split, field = name.removesuffix(".npy").split(".")
    splits.setdefault(split, {})[field] = values
  return meta["about"], splits


def _write(
  folder: pathlib.Path, rows: dict[str, int], read: Read, about: dict[str, Any]
) -> None:
  """Writes chunk after chunk, so that a split need not fit in memory."""
  crc: dict[str, int] = {}
  for split, count in rows.items():
    files: dict[str, Any] = {}
    try:
      for chunk in read(split):
        for field, values in chunk.items():
          name = f"{split}.{field}.npy"
          if name not in files:
            files[name] = (folder / name).open("wb")
            _header(files[name], (count, *values.shape[1:]), values.dtype)
          data = np.ascontiguousarray(values)
          files[name].write(data)
          crc[name] = zlib.crc32(data, crc.get(name, 0))
    finally:
      for file in files.values():
        file.close()
  (folder / "meta.json").write_text(json.dumps({"crc": crc, "about": about}))


def _header(file: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
  descr = np.lib.format.dtype_to_descr(dtype)
  header = {"shape": shape, "fortran_order": False, "descr": descr}
  np.lib.format.write_array_header_1_0(file, header)


def _join(chunks: Iterator[Fields]) -> Fields:
  parts = list(chunks)
  return {field: np.concatenate([part[field] for part in parts]) for field in parts[0]}
