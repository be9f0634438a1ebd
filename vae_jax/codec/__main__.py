"""Compresses examples with a trained run, and gives them back: see --help of each command."""

import argparse
import contextlib
import mmap
import pathlib
import sys
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from vae_jax import flags
from vae_jax.types import UserError


def main(words: list[str] | None = None, prog: str | None = None) -> None:
  """Flags in, `compress`, `decompress` or `info` out."""
  parser = argparse.ArgumentParser(
    prog=prog or "python -m vae_jax.codec", description=__doc__, allow_abbrev=False
  )
  commands = parser.add_subparsers(dest="command", required=True)
  for name, text in (
    ("compress", "a .npy, or the array x of a .npz, into a file"),
    ("decompress", "a file into a .npy or .npz"),
  ):
    command = commands.add_parser(name, help=text, allow_abbrev=False)
    command.add_argument("source")
    command.add_argument("target")
    command.add_argument("--run", required=True, help="the run directory whose model codes")
    command.add_argument("--member", type=int, default=0, help="of a sweep, from 0")
    command.add_argument("--data_dir", help="where the data of the run is now")
  commands.add_parser("info", help="what a file says of itself").add_argument("source")
  known = parser.parse_args(words)
  with flags.told_in_one_sentence():
    flags.use_compilation_cache()
    {"compress": _compress, "decompress": _decompress, "info": _info}[known.command](known)


def _compress(known: argparse.Namespace) -> None:
  from vae_jax import codec

  run, arrays = _run(known), _read(known.source)
  x, label = arrays["x"], arrays.get("label")
  net, size = 0.0, 0

  def write(path: pathlib.Path) -> None:
    nonlocal net, size
    with (
      path.open("wb") as file,
      tqdm(total=len(x), unit="example", disable=not sys.stderr.isatty()) as bar,
    ):
      say = lambda done: bar.update(done - bar.n)
      for made in codec.blocks(run, x, say=say, label=label):
        size += file.write(made.content)
        net += made.bits - made.borrowed

  _write(known.target, write)
  values = max(1, x.size)
  print(
    f"{len(x):,} examples in {size:,} bytes: {8 * size / values:.4f} bits a value,"
    f" {net / values:.4f} without the random bits it began with."
  )


def _decompress(known: argparse.Namespace) -> None:
  from vae_jax import codec
  from vae_jax.codec import container

  content, run = _bytes(known.source), _run(known)
  if run.vae.given is not None and not known.target.endswith(".npz"):
    raise UserError(
      f"{known.source} holds labels beside x: give a target that ends in .npz."
    )

  def write(path: pathlib.Path) -> None:
    nonlocal shape
    with tqdm(unit="example", disable=not sys.stderr.isatty()) as bar:
      say = lambda done: bar.update(done - bar.n)
      parts = codec.unblocked(run, content, name=known.source, say=say)
      total = container.read(content, known.source)[0].total
      save = _packed if known.target.endswith(".npz") else _plain
      shape = save(path, parts, total, run)

  shape: tuple[int, ...] = ()
  _write(known.target, write)
  print(f"{shape[0]:,} examples of shape {shape[1:]} in {known.target}.")


def _plain(path: pathlib.Path, parts: Iterator, total: int, run) -> tuple[int, ...]:
  """Block after block into a .npy, with one of them in memory."""
  done, shape, file = 0, (total, *run.spec.shape), None
  for x, _ in parts:
    if file is None:
      file = np.lib.format.open_memmap(path, "w+", x.dtype, shape) if total else None
    if file is not None:
      file[done : done + len(x)] = x
    done += len(x)
  if file is None:
    with path.open("wb") as empty:
      np.save(empty, np.zeros(shape, np.uint8))
  return shape


def _packed(path: pathlib.Path, parts: Iterator, total: int, run) -> tuple[int, ...]:
  x, label = (np.concatenate(part) for part in zip(*parts, strict=True))
  named = {"x": x} if run.vae.given is None else {"x": x, "label": label}
  with path.open("wb") as file:
    np.savez_compressed(file, **named)
  return x.shape


def _info(known: argparse.Namespace) -> None:
  from vae_jax.codec import container

  blocks = container.read(_bytes(known.source), known.source)
  words = sum(len(block.words) for block in blocks)
  random = sum(block.borrowed for block in blocks)
  print(
    f"{known.source}: format {container.VERSION}, {blocks[0].total:,} examples in"
    f" {len(blocks)} block(s), {len(blocks[0].heads)} lanes, {words:,} words,"
    f" {32 * random:,} random bits; model {blocks[0].model.hex()[:16]}, original"
    f" {blocks[-1].original.hex()[:16]}."
  )


def _run(known: argparse.Namespace):
  from vae_jax import run

  found = run.open_runs(known.run, "best", known.data_dir)
  for one in found:
    if known.member in one.numbers:
      return run.select(one, one.numbers.index(known.member))
  raise UserError(f"There is no member {known.member} in {known.run}.")


def _read(path: str) -> dict[str, np.ndarray]:
  from vae_jax.data.arrays import find_file, read_arrays

  place = find_file(path, None)
  if place.suffix == ".npy":
    with contextlib.suppress(ValueError, OSError):  # else `read_arrays` says what is wrong
      return {"x": np.load(place, mmap_mode="r", allow_pickle=False)}
  arrays = read_arrays(place)
  if "x" not in arrays:
    raise UserError(f"{path} has the arrays {', '.join(arrays)}; expected x.")
  return arrays


def _bytes(path: str) -> bytes | mmap.mmap:
  place = pathlib.Path(path)
  if not place.is_file():
    raise UserError(f"There is no file {path}.")
  if not place.stat().st_size:
    return b""
  with place.open("rb") as file:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _write(path: str, write) -> None:
  """A file that a killed process leaves either as it was or complete."""
  place = pathlib.Path(path)
  if not place.parent.is_dir():
    raise UserError(f"There is no folder {place.parent} to write {place.name} into.")
  scratch = place.with_name(f".{place.name}.part")
  try:
    write(scratch)
    scratch.replace(place)
  finally:
    scratch.unlink(missing_ok=True)


if __name__ == "__main__":
  main()
