"""A first picture within seconds: a few epochs, and held-out pictures above their reconstructions.

It is the training of `vae-jax train` with few epochs, in a run directory of its own.
"""

import argparse
import os
import pathlib
import sys
import time
from typing import Any

import numpy as np

from vae_jax import flags

COUNT = 12  # pictures in a row
SIDE = 64  # pixels at least that each is enlarged to
# Compiling is most of those seconds, and so little is computed that optimising it costs more.
UNOPTIMISED = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"


def main(words: list[str] | None = None, prog: str | None = None) -> None:
  """Trains for some epochs, draws, and says where the picture is and how long it took."""
  began = time.perf_counter()
  parser = argparse.ArgumentParser(prog=prog, description=__doc__, allow_abbrev=False)
  parser.add_argument("--config", default="digits", help="of pictures: digits, mnist, ...")
  parser.add_argument("--workdir", required=True, help="a run directory of its own")
  parser.add_argument("--data_dir", help="where real data is")
  parser.add_argument("--epochs", type=float, default=1.0, help="to train; 1 by default")
  known = parser.parse_args(words)
  if "jax" not in sys.modules:  # which reads them once
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {UNOPTIMISED}".strip()
  with flags.told_in_one_sentence():
    flags.use_compilation_cache()
    path = drawn(known.config, known.workdir, known.data_dir, known.epochs)
    print(
      f"Held-out pictures, and below each what is left of it after {known.epochs:g} epoch(s):"
      f" {path} ({time.perf_counter() - began:.1f} s)",
      flush=True,
    )


def drawn(config: str, workdir: str, data_dir: str | None, epochs: float) -> pathlib.Path:
  """Trains some epochs and writes reconstructions.png into the run directory.

  Raises:
    UserError: also where the data is no pictures.
  """
  from vae_jax import asking, files, run
  from vae_jax import config as configuration
  from vae_jax.training import loop
  from vae_jax.types import UserError

  full = configuration.load(config, {"train.epochs": epochs, "train.steps": 0, "sweep": {}})
  loop.train(full, workdir, data_dir, lambda line: None)
  found = run.open_run(workdir, "latest", data_dir)
  if found.spec.kind != "image":
    raise UserError(f"{config} is of kind {found.spec.kind!r}; expected pictures.")
  some = {name: values[:COUNT] for name, values in found.dataset.splits["test"].items()}
  shown = lambda params, hyper, example, key: (
    example["x"],
    found.vae.mean(params, found.vae.posterior(params, example).mean),
  )
  pairs = asking.apply(found, shown, some, _key())
  path = pathlib.Path(workdir) / "reconstructions.png"
  picture = grid(np.stack([part[0] for part in pairs]))
  files.write_whole(path, lambda to: picture.save(to, format="PNG"))
  return path


def grid(rows: np.ndarray) -> Any:
  """Rows of pictures [R, N, H, W, C] in [0, 1] as one, each pixel a square."""
  from PIL import Image

  times = max(1, -(-SIDE // rows.shape[2]))
  count, columns, height, width, channels = rows.shape
  whole = rows.transpose(0, 2, 1, 3, 4).reshape(count * height, columns * width, channels)
  levels = np.round(255 * np.clip(whole, 0, 1)).astype(np.uint8)
  large = levels.repeat(times, 0).repeat(times, 1)
  return Image.fromarray(large[..., 0] if channels == 1 else large[..., :3])


def _key() -> Any:
  import jax

  return jax.random.key(0)
