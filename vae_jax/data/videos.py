"""Short videos: digits that move and bounce, sprites composed of layers, or one's own folder.

Moving digits are made with a fixed seed: a digit starts at a place and a velocity that are drawn
and is thrown back by the borders, as in Srivastava et al. (2015), section 4.1, there with two
digits on 64 x 64. Digits of train, valid and test are different images. Sprites are in `_sheets`:
characters of train, valid and test are different ones.
"""

import pathlib
from typing import Any

import numpy as np

from vae_jax import registry
from vae_jax.data import _sheets, _split, _video_files
from vae_jax.types import Dataset, Spec, UserError

OPTIONS = {
  "path": "",  # a folder of videos, or of the layers of sprites; empty: moving digits
  "source": "digits",  # "digits" of scikit-learn, "idx", MNIST's own files, or "sprites"
  "side": 32,  # pixels of a frame, which is a square
  "frames": 20,  # of a clip
  "count": 4000,  # moving clips of train; valid and test have their shares beside it
  "objects": 1,  # digits of a clip
  "every": 1,  # which frames of a file count: each, each second, ...
  "test": 0.1,  # a fraction or a count: of a folder's videos, or beside `count`
}
SPEED = (0.03, 0.09)  # of the side, in a frame
SIZE = 0.5  # of a digit, as a share of the side


def load(config: dict[str, Any], data_dir: str | None) -> Dataset:
  """x [T, side * side] uint8, a frame a row; `label` where one digit moves.

  Raises:
    UserError: a number that cannot be, or files that are no videos.
  """
  _check(config)
  shape = (config["frames"], config["side"] ** 2)
  if config["source"] == "sprites":
    return _sprites(config, data_dir, shape)
  if config["path"]:
    return _from_files(config, data_dir, shape)
  splits = _moving(config, data_dir)
  spec = Spec(shape, "sequence", "unit", classes=tuple("0123456789"))
  if config["objects"] > 1:
    splits = {k: {"x": v["x"]} for k, v in splits.items()}
    spec = spec._replace(classes=())
  count = f"{config['objects']} digit" + "s" * (config["objects"] > 1)
  note = (
    f"Generated: {count} of {config['source']} that move and bounce,"
    f" {config['frames']} frames of {config['side']} x {config['side']}."
  )
  return Dataset("moving_digits", spec, splits, note)


def _check(config: dict[str, Any]) -> None:
  limits = {"side": (8, 256), "frames": (3, 1000), "count": (10, 10**6), "objects": (1, 8)}
  for name, (low, high) in {**limits, "every": (1, 1000)}.items():
    if not low <= config[name] <= high:
      raise UserError(f"data.{name} is {config[name]}; expected {low} to {high:,}.")
  if config["source"] not in ("digits", "idx", "sprites"):
    raise UserError(
      f"data.source is {config['source']!r}; expected digits, idx or sprites."
    )


def _counts(config: dict[str, Any]) -> dict[str, int]:
  """Clips of each split that is made: `count` of train, and the shares beside it."""
  total = config["count"]
  held = {name: _split.count(config[name], total, name) for name in ("valid", "test")}
  return {"train": total, **held}


def _sprites(
  config: dict[str, Any], data_dir: str | None, shape: tuple[int, int]
) -> Dataset:
  """Clips of characters; three quarters of all are train's, an eighth is of valid and of test."""
  if not config["path"]:
    raise UserError(
      "data.source=sprites needs data.path, the folder or .zip of the layers."
    )
  place = _find(config["path"], data_dir)
  sheets = _sheets.read(place)
  every, splits = _sheets.characters(sheets), {}
  ends = np.round(np.array([0, 0.75, 0.875, 1]) * len(every)).astype(int)
  if (np.diff(ends) < 1).any():
    raise UserError(
      f"{place.name} has layers for {len(every)} characters; expected 8 or more."
    )
  for number, (split, size) in enumerate(_counts(config).items()):
    rng, own = np.random.RandomState(number), every[ends[number] : ends[number + 1]]
    chosen, action = own[rng.randint(len(own), size=size)], rng.randint(9, size=size)
    x = _sheets.clips(sheets, chosen, action, *(config[k] for k in ("frames", "side")))
    splits[split] = {"x": x, "label": action.astype(np.int32)}
  note = (
    f"Composed: {len(every):,} characters of {place.name}, nine actions, {config['frames']} grey"
    f" frames of {config['side']} x {config['side']}; valid and test have characters of their own."
  )
  spec = Spec(shape, "sequence", "unit", classes=_sheets.CLASSES)
  return Dataset("sprite_clips", spec, splits, note)


def _moving(config: dict[str, Any], data_dir: str | None) -> dict[str, dict]:
  module = registry.find("data", config["source"])
  still = module.load({**module.OPTIONS, "valid": 0.1, "seed": 0}, data_dir).splits
  found = {}
  for place, (split, size) in enumerate(_counts(config).items()):
    rng = np.random.RandomState(place)
    rows = rng.randint(len(still[split]["x"]), size=(size, config["objects"]))
    images = still[split]["x"][..., 0]
    images = images if images.dtype == np.uint8 else np.round(255 * images)
    x = clips(rng, images.astype(np.float32), rows, config["frames"], config["side"])
    found[split] = {"x": x, "label": still[split]["label"][rows[:, 0]].astype(np.int32)}
  return found


def clips(
  rng: np.random.RandomState, images: np.ndarray, rows: np.ndarray, frames: int, side: int
) -> np.ndarray:
  """Clips [N, T, side^2] uint8 of images [P, h, w] that bounce; rows [N, objects] says which.

  Places are whole pixels, rounded; where two digits meet the lighter pixel is seen.
  """
  size = max(4, round(SIZE * side))
  small = {i: _resized(images[i], size) for i in np.unique(rows)}
  count, objects = rows.shape
  room = side - size
  start = rng.uniform(0, room, (count, objects, 2))
  angle = rng.uniform(0, 2 * np.pi, (count, objects))
  speed = rng.uniform(*SPEED, (count, objects)) * side
  velocity = speed[..., None] * np.stack([np.sin(angle), np.cos(angle)], -1)
  time = np.arange(frames)[:, None, None, None]
  at = np.abs((start + time * velocity + room) % (2 * room) - room)  # [T, N, objects, 2]
  at = np.round(at).astype(int)
  x = np.zeros((count, frames, side, side), np.uint8)
  for n in range(count):
    for o in range(objects):
      digit = small[rows[n, o]]
      for t in range(frames):
        i, j = at[t, n, o]
        window = x[n, t, i : i + size, j : j + size]
        np.maximum(window, digit, out=window)
  return x.reshape(count, frames, -1)


def _resized(image: np.ndarray, size: int) -> np.ndarray:
  from PIL import Image

  way = Image.Resampling.BILINEAR
  return np.asarray(Image.fromarray(image.astype(np.uint8)).resize((size, size), way))


def _from_files(
  config: dict[str, Any], data_dir: str | None, shape: tuple[int, int]
) -> Dataset:
  """Clips of a folder; the splits are of videos, never of clips of one video."""
  place = _find(config["path"], data_dir)
  if not place.is_dir():
    raise UserError(f"{place.name} is no folder; expected a folder of videos.")
  made = _video_files.read_all(place, config["side"], config["frames"], config["every"])
  if len(made) < 3:
    raise UserError(f"{place} has {len(made)} videos; train, valid and test need one each.")
  rows = {"x": np.arange(len(made))}
  rest, test = _split.shuffled(rows, config["test"], "test", config["seed"])
  train, valid = _split.shuffled(rest, config["valid"], "valid", config["seed"])
  parts = {"train": train, "valid": valid, "test": test}
  splits = {
    split: {"x": np.concatenate([made[i][1] for i in part["x"]]).reshape(-1, *shape)}
    for split, part in parts.items()
  }
  note = f"{len(made):,} videos of {place.name}, middle squares, grey, by video."
  return Dataset(place.name, Spec(shape, "sequence", "unit"), splits, note)


def _find(name: str, data_dir: str | None) -> pathlib.Path:
  root = pathlib.Path(data_dir or ".")
  for path in (pathlib.Path(name), root / name, root / "raw" / name):
    if path.is_dir() or (path.suffix == ".zip" and path.is_file()):
      return path
  beside = [p.name for p in root.iterdir()] if root.is_dir() else []
  raise UserError(f"There is no folder of videos {name!r}.{registry.nearest(name, beside)}")
