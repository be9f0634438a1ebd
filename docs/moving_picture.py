"""Draws the moving picture of the front page: python docs/moving_picture.py.

A sweep of eight β on the digits of scikit-learn is trained; a frame for each β shows its place
on the curve of rate and distortion, digits, their reconstructions, and samples.
"""

import argparse
import io
import pathlib
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import vae_jax
from vae_jax import config, data, files

TARGET = pathlib.Path(__file__).parent / "images" / "sweep.gif"
BETAS = [0.05, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
ACROSS, DOWN = 10, 2  # pictures of a panel
MILLISECONDS = 900  # of a frame


def main() -> None:
  """Trains, and writes the picture."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--steps", type=int, default=3000, help="of the training")
  steps = parser.parse_args().steps
  shown = data.load(config.load("digits", {})["data"], None).splits["test"]["x"]
  with tempfile.TemporaryDirectory() as folder:
    model = vae_jax.fit("digits", workdir=folder, beta=BETAS, steps=steps, quiet=True)
    rows = files.read_rows(pathlib.Path(folder) / "metrics.jsonl")
    curve = [best(rows, i) for i in range(len(BETAS))]
    originals = shown[: ACROSS * DOWN]
    again = model.decode(model.encode(originals))
    made = model.sample(ACROSS * DOWN)
  frames = [
    frame(i, curve, [originals, again[i], made[i]]) for i in (*range(8), *range(6, 0, -1))
  ]
  shared = [one.quantize(112, dither=Image.Dither.NONE) for one in frames]
  shared[0].save(
    TARGET, save_all=True, append_images=shared[1:], duration=MILLISECONDS, loop=0,
    optimize=True,
  )  # fmt: skip


def best(rows: list[dict], member: int) -> tuple[float, float]:
  """Rate and distortion of a member at its least validation loss, whose parameters are kept."""
  own = [row for row in rows if row["split"] == "valid" and row["member"] == member]
  kept = min(own, key=lambda row: row["loss"])
  return kept["rate"], kept["distortion"]


def frame(at: int, curve: list[tuple], panels: list[np.ndarray]) -> Image.Image:
  """One β: the curve with its place, and three panels of pictures."""
  figure, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 3.0), dpi=90, width_ratios=[1, 1.35]
  )
  left.plot(*zip(*curve, strict=True), "o-", color="#9bb4cc", markersize=4)
  left.plot(*curve[at], "o", color="#c2571a", markersize=10)
  left.set(xlabel="rate, nats", ylabel="distortion, nats", title=f"β = {BETAS[at]:g}")
  titles = ("digits", "reconstructed", "invented")
  right.imshow(np.concatenate([_panel(p) for p in panels]), cmap="gray", vmin=0, vmax=1)
  right.set_yticks([8 * DOWN * (i + 0.5) + i for i in range(3)], titles)
  right.set_xticks([])
  right.tick_params(length=0)
  figure.tight_layout()
  buffer = io.BytesIO()
  figure.savefig(buffer)
  plt.close(figure)
  return Image.open(buffer).convert("RGB")


def _panel(pictures: np.ndarray) -> np.ndarray:
  """Pictures [N, 8, 8, 1] in rows, with a white line below."""
  grid = pictures.reshape(DOWN, ACROSS, 8, 8).transpose(0, 2, 1, 3)
  return np.pad(grid.reshape(DOWN * 8, ACROSS * 8), ((0, 1), (0, 0)), constant_values=1)


if __name__ == "__main__":
  main()
