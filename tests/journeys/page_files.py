"""What the commands of a page read: a data folder with a small MNIST, and files of one's own."""

import functools
import json
import os
import pathlib
import re
import shutil
import wave
import zipfile
from typing import Any

import data_files
import numpy as np
import pytest
from helpers import ROOT
from PIL import Image

from vae_jax import config, data, types

LOAD, MOST = data.load, 150
REAL = pathlib.Path(os.environ.get("VAE_JAX_DATA", ROOT / ".." / "shared" / "data"))
VARIABLES = {"WORK": "/work", "NAME": "name", "INDEX": "0", "HOST_OF_PROCESS_0": "host"}
SHORTER = {  # options of data sets, in the place of the page's
  "tfds": {"data.valid": 0.2},
  "idx": {"data.valid": 0.2, "data.binarise": "dynamic"},
  "molecules": {"data.limit": 200, "data.test": 0.2, "data.valid": 0.2},
  "sentences": {
    "data.limit": 200, "data.test": 0.2, "data.valid": 0.2, "data.unknown": 0.9
  },
  "sprites": {
    "data.side": 16, "data.scales": 2, "data.orientations": 5, "data.positions": 4,
    "data.valid": 0.2, "data.test": 0.2,
  },
  "sounds": {"data.frames": 16, "data.bins": 16, "data.size": 128, "data.hop": 48},
  "videos": {"data.count": 60, "data.frames": 8},
  "shapes": {"data.count": 30, "data.points": 16, "data.pool": 32},
}  # fmt: skip


def shorter(config: dict[str, Any]) -> dict[str, Any]:
  """Fields that make the data of a complete configuration small."""
  data, found = config["data"], dict(SHORTER.get(config["data"]["name"], {}))
  if data["name"] == "sentences" and data["labels"]:
    found["data.limit"] = 200 + 2 * data["labels"]  # train keeps as many as are labelled
  if data["name"] == "sounds" and not data["path"]:
    found |= {"data.count": 60}
  if data["name"] == "series" and data["set"] == "nab":  # anomalous from row 2714
    found |= {"data.series": "artificialWithAnomaly/art_daily_jumpsup", "data.head": 2650.0}
  if data["name"] == "interactions" and data["set"] == "generated":
    found |= {"data.users": 300, "data.items": 80, "data.length": 10, "data.test": 40}
    found |= {"data.valid": 40}
  return found


@functools.cache
def _whole(text: str, folder: str | None, here: str) -> types.Dataset:
  return LOAD(json.loads(text), folder)


def small_load(config: dict[str, Any], data_dir: str | None) -> types.Dataset:
  """`data.load` with MOST examples of each split, evenly spaced, and all that are labelled."""
  whole = _whole(json.dumps(config, sort_keys=True), data_dir, os.getcwd())
  return whole._replace(splits={name: _some(rows) for name, rows in whole.splits.items()})


def _some(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  count = len(fields["x"])
  chosen = np.zeros(count, bool)
  chosen[np.linspace(0, count - 1, min(count, MOST)).astype(int)] = True
  if "labelled" in fields:
    chosen |= fields["labelled"] == 1
  return {name: values[chosen] for name, values in fields.items()}


def needed(words: tuple[str, ...]) -> None:
  """Skips where a command reads published data other than MNIST and there are none."""
  given = [w.partition("=")[2] for w in words if w.startswith("--config=")]
  if not given or "--data_dir=data" not in words or (REAL / "raw").is_dir():
    return
  if config.load(given[0], {})["data"]["name"] not in ("tfds", "idx"):
    pytest.skip(f"no published data: VAE_JAX_DATA or {REAL.name} beside the checkout")


def make(page: pathlib.Path, folder: pathlib.Path) -> None:
  """Fills an empty folder with what the commands of a page name."""
  (folder / "configs").symlink_to(ROOT / "configs")
  (folder / "docs").mkdir()
  shutil.copy(ROOT / "docs" / "likelihood_pictures.py", folder / "docs")
  _data(folder / "data")
  name = str(page.relative_to(ROOT)).removeprefix("docs/")
  for file, maker in OWN.get(name, {}).items():
    maker(folder / file)


def _data(folder: pathlib.Path) -> None:
  """The real files, linked, with scikit-learn's digits in the place of both MNISTs."""
  raw = folder / "raw"
  raw.mkdir(parents=True)
  if (REAL / "raw").is_dir():
    for path in (REAL / "raw").iterdir():
      if path.name not in ("mnist", "binarized_mnist", "sr_sets"):
        (raw / path.name).symlink_to(path.resolve())
  (raw / "sr_sets").mkdir()
  with zipfile.ZipFile(raw / "sr_sets" / "sr_sets.zip", "w") as file:
    for name in ("CSet5", "CSet14"):
      photograph(folder / "one.png")
      file.write(folder / "one.png", f"{name}/one.png")
  x, label = digits()
  parts = {"train": (x[:400], label[:400]), "test": (x[400:], label[400:])}
  (raw / "mnist").mkdir()
  for name, part in (("train", "train"), ("test", "t10k")):
    images, classes = parts[name]
    data_files.idx_folder(raw / "mnist", (part,), x=images[..., 0], label=classes)
  sizes = {name: len(images) for name, (images, _) in parts.items()}
  for name in ("mnist", "fashion_mnist"):
    data_files.tfds_folder(folder / "tfds", sizes, name, (28, 28, 1), given=parts)


def digits() -> tuple[np.ndarray, np.ndarray]:
  """500 digits of scikit-learn as uint8 [500, 28, 28, 1], and what they are."""
  from sklearn.datasets import load_digits

  x, label = load_digits(return_X_y=True)
  large = (x[:500].reshape(-1, 8, 8) * 15).astype(np.uint8).repeat(3, 1).repeat(3, 2)
  return np.pad(large, ((0, 0), (2, 2), (2, 2)))[..., None], label[:500].astype(np.uint8)


def cells(path: pathlib.Path) -> None:
  """Two rows with the columns of the breast table, without their class."""
  from sklearn.datasets import load_breast_cancer

  table = load_breast_cancer(as_frame=True)
  table.data.iloc[:2].to_csv(path, index=False)


def sensors(path: pathlib.Path) -> None:
  """Six hundred rows of an experiment of SKAB, where it is there."""
  archive = REAL / "raw" / "skab" / "skab.zip"
  if archive.is_file():
    with zipfile.ZipFile(archive) as file:
      path.write_bytes(b"\n".join(file.read("other/1.csv").splitlines()[:601]))


def table(path: pathlib.Path) -> None:
  """Rows of two kinds with two numbers that tell them apart, and a word."""
  draw = np.random.default_rng(3)
  kind = np.arange(120) % 2
  rows = [
    f"{a:.3f},{b:.3f},{'red' if b > 0 else 'blue'},{'one' if k else 'two'}"
    for k, a, b in zip(
      kind, kind + draw.normal(size=120), draw.normal(size=120), strict=True
    )
  ]
  path.write_text("\n".join(["width,height,colour,kind", *rows]) + "\n")


def numbers(path: pathlib.Path) -> None:
  """The same without the word."""
  table(path)
  rows = [row.split(",") for row in path.read_text().splitlines()]
  path.write_text("\n".join(f"{a},{b},{kind}" for a, b, _, kind in rows) + "\n")


def holes(path: pathlib.Path) -> None:
  """The same with every seventh width missing."""
  table(path)
  head, *rows = path.read_text().splitlines()
  rows = [f",{r.partition(',')[2]}" if i % 7 == 0 else r for i, r in enumerate(rows)]
  path.write_text("\n".join([head, *rows]) + "\n")


def labelled_rows(path: pathlib.Path) -> None:
  """The same with the class in a column `label`, as rows to make more of."""
  numbers(path)
  path.write_text(path.read_text().replace("kind", "label", 1))


def tone(path: pathlib.Path, hertz: float = 440.0) -> None:
  """Half a second of a sine."""
  wave_ = (20000 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)).astype("<i2")
  with wave.open(str(path), "wb") as file:
    file.setparams((1, 2, 8000, 4000, "NONE", ""))
    file.writeframes(wave_.tobytes())


def small_pictures(path: pathlib.Path) -> None:
  """Digits as `x` [60, 8, 8, 1] uint8."""
  np.savez(path, x=digits()[0][:60, 2:26:3, 2:26:3])


def binary(path: pathlib.Path) -> None:
  """Digits of scikit-learn in black and white, each pixel many: `x` [40, 28, 28, 1] of 0 and 1."""
  from sklearn.datasets import load_digits

  x = np.kron(load_digits().images[:40] > 8, np.ones((1, 4, 4)))[:, 2:30, 2:30, None]
  np.savez(path, x=x.astype(np.float32))


def damaged(path: pathlib.Path) -> None:
  """Four digits of 28 by 28 whose upper half is missing."""
  x = digits()[0][:4] / 255
  x[:, :14] = np.nan
  np.savez(path, x=x.astype(np.float32))


def photograph(path: pathlib.Path) -> None:
  Image.fromarray(np.random.default_rng(4).integers(0, 256, (40, 36), dtype=np.uint8)).save(
    path
  )


def folder_of_pictures(path: pathlib.Path) -> None:
  data_files.pictures(path, size=(40, 36), each=30)


def folder_of_series(path: pathlib.Path) -> None:
  path.mkdir()
  for number in range(40):
    values = np.random.default_rng(number).normal(size=(12, 2)).cumsum(0)
    np.savetxt(path / f"{number}.csv", values, delimiter=",", header="a,b", comments="")


def patients(path: pathlib.Path) -> None:
  """Forty patients with twelve times and two numbers each."""
  draw = np.random.default_rng(5)
  rows = [
    f"{i},{t},{draw.normal():.3f},{draw.normal():.3f}" for i in range(40) for t in range(12)
  ]
  path.write_text("\n".join(["patient,time,pulse,pressure", *rows]) + "\n")


def plant(path: pathlib.Path) -> None:
  """Eight hundred rows of two sensors."""
  rows = np.random.default_rng(6).normal(size=(800, 2))
  text = [f"{i},{a:.3f},{b:.3f}" for i, (a, b) in enumerate(rows)]
  path.write_text("\n".join(["time,flow,heat", *text]) + "\n")


def sequences(path: pathlib.Path) -> None:
  np.savez(path, x=np.random.default_rng(7).normal(size=(60, 12, 2)).astype(np.float32))


def molecules(path: pathlib.Path) -> None:
  """Chains of one to eight carbon atoms with four ends, and a made-up number of each."""
  names = ["C" * n + end for n in range(1, 9) for end in ("O", "N", "C=O", "C#N")]
  rows = [f"{name},{len(name) / 10}" for name in names]
  path.write_text("\n".join(["smiles,logS", *rows]) + "\n")


def melody(path: pathlib.Path) -> None:
  from vae_jax.metrics import midi

  scale = [72, 0, 0, 0, 74, 0, 76, 0, 77, 0, 79, 0, 81, 0, 83, 0] * 2
  path.write_bytes(midi.content([scale]))


def users(path: pathlib.Path) -> None:
  """Two users with items that LastFM has."""
  path.write_text("user,item\n" + "".join(f"{u},{i}\n" for u in (1, 2) for i in range(20)))


def mesh(path: pathlib.Path) -> None:
  """A cube of eight corners."""
  corners = "".join(f"{x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1))
  faces = ("0 1 3 2", "4 6 7 5", "0 4 5 1", "2 3 7 6", "0 2 6 4", "1 5 7 3")
  path.write_text("OFF\n8 6 0\n" + corners + "".join(f"4 {face}\n" for face in faces))


def font(path: pathlib.Path) -> None:
  import matplotlib

  shutil.copy(pathlib.Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), path)


def fonts(path: pathlib.Path) -> None:
  import matplotlib

  shutil.copytree(pathlib.Path(matplotlib.get_data_path(), "fonts/ttf"), path)
  for file in path.glob("cm[es][xy]*"):
    file.unlink()


def objective(path: pathlib.Path) -> None:
  """The file of the page of commands, in a folder that is searched for objectives."""
  path.parent.mkdir()
  blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/commands.md").read_text(), re.S)
  path.write_text(next(block for block in blocks if "def loss" in block))


OWN = {  # page -> the files that its commands name
  "applications/anomaly.md": {"new_rows.csv": cells, "new.csv": sensors},
  "applications/audio.md": {"a.wav": tone, "b.wav": tone},
  "applications/augmentation.md": {"mine.csv": numbers, "more.csv": labelled_rows},
  "applications/compression.md": {"images.npz": binary},
  "applications/editing.md": {
    "me.jpg": photograph, "you.jpg": photograph, "FOLDER": folder_of_pictures
  },
  "applications/inpainting.md": {"mine.npz": damaged},
  "applications/molecules.md": {"mine.csv": molecules},
  "applications/music.md": {"mine.mid": melody, "other.mid": melody},
  "applications/recommendation.md": {"my_users.csv": users},
  "applications/shape.md": {"mine.off": mesh},
  "applications/style.md": {"my_font.ttf": font, "fonts": fonts},
  "commands.md": {
    "mine.npz": small_pictures, "FOLDER": folder_of_pictures, "me.jpg": photograph,
    "objectives/rate_target.py": objective,
  },
  "data.md": {"FOLDER": folder_of_pictures},
  "data_series.md": {
    "patients.csv": patients, "FOLDER": folder_of_series, "x.npz": sequences,
    "plant.csv": plant,
  },
  "data_tables.md": {"mine.csv": holes},
}  # fmt: skip
