"""Compresses examples with a trained run, and gives them back: see --help of each command."""

import argparse
import pathlib
import sys

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

  run, x = _run(known), _read(known.source)
  with tqdm(total=len(x), unit="example", disable=not sys.stderr.isatty()) as bar:
    made = codec.compress(run, x, say=lambda done: bar.update(done - bar.n))
  _write(known.target, lambda path: path.write_bytes(made.content))
  size, values = len(made.content), max(1, x.size)
  print(
    f"{len(x):,} examples in {size:,} bytes: {8 * size / values:.4f} bits a value,"
    f" {(made.bits - made.borrowed) / values:.4f} without the random bits it began with."
  )


def _decompress(known: argparse.Namespace) -> None:
  from vae_jax import codec

  content = _bytes(known.source)
  run = _run(known)
  with tqdm(unit="example", disable=not sys.stderr.isatty()) as bar:
    say = lambda done: bar.update(done - bar.n)
    x = codec.decompress(run, content, name=known.source, say=say)
  save = np.savez_compressed if known.target.endswith(".npz") else np.save
  named = {"x": x} if save is np.savez_compressed else {}

  def write(path: pathlib.Path) -> None:
    with path.open("wb") as file:
      save(file, **named) if named else save(file, x)

  _write(known.target, write)
  print(f"{len(x):,} examples of shape {x.shape[1:]} in {known.target}.")


def _info(known: argparse.Namespace) -> None:
  from vae_jax.codec import container

  file = container.read(_bytes(known.source), known.source)
  print(
    f"{known.source}: format {container.VERSION}, {file.count:,} examples,"
    f" {len(file.heads)} lanes, {len(file.words):,} words, {32 * file.borrowed:,} random bits;"
    f" model {file.model.hex()[:16]}, original {file.original.hex()[:16]}."
  )


def _run(known: argparse.Namespace):
  from vae_jax import run

  found = run.open_runs(known.run, "best", known.data_dir)
  for one in found:
    if known.member in one.numbers:
      return run.select(one, one.numbers.index(known.member))
  raise UserError(f"There is no member {known.member} in {known.run}.")


def _read(path: str) -> np.ndarray:
  from vae_jax.data.arrays import find_file, read_arrays

  arrays = read_arrays(find_file(path, None))
  if "x" not in arrays:
    raise UserError(f"{path} has the arrays {', '.join(arrays)}; expected x.")
  return arrays["x"]


def _bytes(path: str) -> bytes:
  if not pathlib.Path(path).is_file():
    raise UserError(f"There is no file {path}.")
  return pathlib.Path(path).read_bytes()


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
