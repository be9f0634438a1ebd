"""Pictures larger than what a model knows: cut into overlapping tiles, and put together again."""

import io
import pathlib
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vae_jax.baselines import upscaling
from vae_jax.data.patches import luminance
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.protocol import Extra, Member
from vae_jax.inference import damage
from vae_jax.metrics import image
from vae_jax.types import Figure, Spec, Table, UserError

METHODS = ("nearest", "bicubic", "lanczos")
GAUSSIAN, MODEL = "conditional Gaussian", "latent MAP + back-projection"


class Picture(NamedTuple):
  """One picture, whole or its middle."""

  name: str
  x: np.ndarray  # [H, W, C] float32 in [0, 1], H and W multiples of 4


def read(path: str, spec: Spec, crop: int) -> list[Picture]:
  """The PNG pictures of a folder or of a .zip; `<file>.zip:<folder>` takes one folder of it.

  Args:
    path: of the folder or the file.
    spec: of the tiles: of one channel takes the luminance of a picture.
    crop: the largest side; a larger picture gives its middle.

  Raises:
    UserError: nothing there, or a picture smaller than a tile.
  """
  files = _files(path)
  if not files:
    raise UserError(f"{path} has no .png: name a folder or a .zip of pictures.")
  return [_picture(name, raw, spec, crop) for name, raw in files]


def _files(path: str) -> list[tuple[str, bytes]]:
  file, _, inside = path.partition(".zip:")
  file = f"{file}.zip" if inside else file
  place = pathlib.Path(file)
  if place.is_dir():
    return [(p.stem, p.read_bytes()) for p in sorted(place.glob("*.png"))]
  if not zipfile.is_zipfile(place):
    raise UserError(f"There is no folder and no .zip of pictures at {file}.")
  with zipfile.ZipFile(place) as archive:
    names = [n for n in sorted(archive.namelist()) if n.endswith(".png")]
    kept = [n for n in names if n.startswith(f"{inside}/" if inside else "")]
    return [(pathlib.PurePosixPath(n).stem, archive.read(n)) for n in kept]


def _picture(name: str, raw: bytes, spec: Spec, crop: int) -> Picture:
  from PIL import Image

  x = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"), np.float32) / 255
  if min(x.shape[:2]) < max(spec.shape[:2]) or crop < max(spec.shape[:2]):
    raise UserError(
      f"The picture {name} is {x.shape[0]} x {x.shape[1]} and crop {crop}; expected both at"
      f" least a tile of {spec.shape[0]} x {spec.shape[1]}."
    )
  height, width = (min(n, crop) // 4 * 4 for n in x.shape[:2])
  top, left = (x.shape[0] - height) // 2, (x.shape[1] - width) // 2
  x = x[top : top + height, left : left + width]
  return Picture(name, luminance(x) if spec.shape[-1] == 1 else x)


def places(shape: tuple[int, ...], tile: tuple[int, ...]) -> list[tuple[int, int]]:
  """The corners of tiles that cover a picture, half a tile apart in steps of 4."""
  along = []
  for size, side in zip(shape[:2], tile[:2], strict=True):
    step = max(4, side // 8 * 4)
    along.append(sorted({*range(0, size - side, step), size - side}))
  return [(i, j) for i in along[0] for j in along[1]]


def cut(x: np.ndarray, tile: tuple[int, ...]) -> np.ndarray:
  """The tiles [T, h, w, C] of a picture [H, W, C]."""
  return np.stack([x[i : i + tile[0], j : j + tile[1]] for i, j in places(x.shape, tile)])


def join(tiles: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  """The picture [H, W, C] of its tiles [T, h, w, C]: their mean where they overlap."""
  total, count = np.zeros(shape), np.zeros(shape)
  height, width = tiles.shape[1:3]
  for tile, (i, j) in zip(tiles, places(shape, tiles.shape[1:]), strict=True):
    total[i : i + height, j : j + width] += tile
    count[i : i + height, j : j + width] += 1
  return (total / count).astype(np.float32)


def joined(pictures: Sequence[Picture], tiles: np.ndarray, factor: int) -> list[np.ndarray]:
  """All pictures of all their tiles [T, h, w, C], each made to average to its small picture."""
  found, at = [], 0
  for picture in pictures:
    count = len(places(picture.x.shape, tiles.shape[1:]))
    x = join(tiles[at : at + count], picture.x.shape)
    small = damage.block_mean(picture.x, factor)
    found.append(np.asarray(damage.back_project(x, small, factor)))
    at += count
  return found


def interpolated(picture: Picture, factor: int, method: str) -> np.ndarray:
  """A picture made small and interpolated again."""
  small = np.asarray(damage.block_mean(picture.x, factor))
  return upscaling.resize(small[None], picture.x.shape[:2], method)[0]


def report(
  pictures: list[Picture],
  members: list[Member],
  ours: dict[int, np.ndarray],
  theirs: np.ndarray,
  factors: Sequence[int],
) -> Extra:
  """PSNR of every picture and method, who is ahead, and the pictures side by side.

  Args:
    pictures: as read.
    members: of the sweep.
    ours: by the number of a member its tiles enlarged [C, T, h, w, C], a factor each.
    theirs: those of the conditional Gaussian.
    factors: of a side.
  """
  rows, said, figures = [], [], []
  for c, factor in enumerate(factors):
    made = {
      (None, name): [interpolated(p, factor, name) for p in pictures] for name in METHODS
    }
    made[None, GAUSSIAN] = joined(pictures, theirs[c], factor)
    for member in members:
      made[member.number, MODEL] = joined(pictures, ours[member.number][c], factor)
    scores = {who: _psnr(pictures, found) for who, found in made.items()}
    names = {member.number: of_members.title(member, members) for member in members}
    for (number, method), values in scores.items():
      member = names.get(number) or None
      rows.append([member, method, factor, float(np.mean(values)), *values])
    means = {who: np.mean(values) for who, values in scores.items()}
    best = [max((w for w in means if (w[0] is None) == b), key=means.get) for b in (0, 1)]
    word = "ahead of" if means[best[0]] > means[best[1]] else "and the baseline wins:"
    said.append(
      f"Large pictures, {factor}×: the model reaches {means[best[0]]:.2f} dB, {word}"
      f" {best[1][1]} at {means[best[1]]:.2f} dB (mean of {len(pictures)}, no interval)."
    )
    lead = min(names), MODEL
    figures.append(
      _figure(pictures, [made[None, "bicubic"], made[None, GAUSSIAN], made[lead]], factor)
    )
  columns = ("member", "method", "factor", "mean", *(p.name for p in pictures))
  note = (
    "PSNR in dB of each picture, of its middle where it is larger than the setting crop. Small"
    " pictures are block averages, and a factor is that of a side. Conditional Gaussian and"
    " model: tiles half a tile apart, their mean where they overlap, then back-projection."
  )
  return Extra([Table("Large pictures by tiles", columns, rows, note)], figures, said)


def _psnr(pictures: list[Picture], found: list[np.ndarray]) -> list[float]:
  pairs = zip(pictures, found, strict=True)
  return [float(image.psnr(np.mean(np.square(p.x - x), dtype=float))) for p, x in pairs]


def _figure(pictures: list[Picture], made: list[list[np.ndarray]], factor: int) -> Figure:
  """Pictures of one size beside what bicubic, the Gaussian and the first member made of them."""
  sizes = [p.x.shape for p in pictures]
  common = max(set(sizes), key=sizes.count)
  rows = [i for i, size in enumerate(sizes) if size == common][:6]
  parts = [[p.x for p in pictures], *made]
  images = np.stack([np.stack([part[i] for i in rows]) for part in parts]).swapaxes(0, 1)
  data = {"images": images, "rows": [pictures[i].name for i in rows]}
  data |= {"columns": ["original", "bicubic", "Gaussian", "model"]}
  data |= {"palette": "gray", "limits": (0.0, 1.0)}
  caption = f"Large pictures enlarged {factor} times along each side, by tiles."
  return Figure(f"large_{factor}", "image_grid", data, caption)
