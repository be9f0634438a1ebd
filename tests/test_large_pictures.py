"""Larger pictures by tiles: what is read, how it is cut and put together, who is compared."""

import zipfile

import numpy as np
import PIL.Image
import pytest
from data_files import sheets
from helpers import evaluated
from test_restoration import FEW, SIDE, basis, images, open_exact

from vae_jax import data
from vae_jax.applications import super_resolution
from vae_jax.inference.damage import block_mean
from vae_jax.inputs import large_pictures as of_large
from vae_jax.types import Spec, UserError

GREY, COLOUR = Spec((8, 8, 1), "image", "unit"), Spec((8, 8, 3), "image", "unit")


def smooth(height, width):
  """A picture every tile of which the true model knows: a tiled combination of its patterns."""
  x = 0.5 + np.tensordot(np.array([0.7, -1, 0.4, 1, 0.5]), basis()[..., 0], 1)
  return np.tile(x, (height // SIDE, width // SIDE))


def write(folder, *names, size=(24, 16)):
  folder.mkdir(exist_ok=True)
  for name in names:
    grey = np.round(255 * smooth(*size)).astype(np.uint8)
    PIL.Image.fromarray(np.stack([grey] * 3, -1)).save(folder / f"{name}.png")
  return str(folder)


def test_tiles_cover_a_picture_and_make_it_again():
  x = np.random.default_rng(0).uniform(size=(28, 20, 3)).astype(np.float32)
  tiles = of_large.cut(x, (8, 8, 3))
  places = of_large.places(x.shape, (8, 8, 3))
  assert len(tiles) == len(places) == 6 * 4
  assert {i % 4 for place in places for i in place} == {0}  # blocks of 4 stay blocks
  np.testing.assert_array_equal(tiles[5], x[4:12, 4:12])
  np.testing.assert_allclose(of_large.join(tiles, x.shape), x, atol=1e-6)
  picture = of_large.Picture("a", x)
  made = of_large.joined([picture, picture], np.concatenate([tiles, 0 * tiles]), 2)
  np.testing.assert_allclose(made[0], x, atol=1e-6)
  np.testing.assert_allclose(block_mean(made[1], 2), block_mean(x, 2), atol=1e-3)


def test_pictures_are_read_from_a_folder_and_from_a_zip(tmp_path):
  folder = write(tmp_path / "some", "b", "a")
  found = of_large.read(folder, GREY, 96)
  assert [p.name for p in found] == ["a", "b"]
  assert found[0].x.shape == (24, 16, 1)
  np.testing.assert_allclose(found[0].x[..., 0], smooth(24, 16), atol=3e-3)
  assert of_large.read(folder, COLOUR, 96)[0].x.shape == (24, 16, 3)
  middle = of_large.read(folder, GREY, 14)[0].x
  np.testing.assert_array_equal(middle, found[0].x[6:18, 2:14])
  path = tmp_path / "sets.zip"
  with zipfile.ZipFile(path, "w") as archive:
    archive.write(tmp_path / "some" / "a.png", "one/a.png")
    archive.write(tmp_path / "some" / "b.png", "two/b.png")
  assert [p.name for p in of_large.read(f"{path}:two", GREY, 96)] == ["b"]
  assert len(of_large.read(str(path), GREY, 96)) == 2
  for wrong, crop, match in (
    (str(tmp_path / "none"), 96, "no folder"),
    (f"{path}:three", 96, r"no \.png"),
    (folder, 4, "tile of 8 x 8"),
  ):
    with pytest.raises(UserError, match=match):
      of_large.read(wrong, GREY, crop)


@pytest.mark.slow
def test_a_model_that_knows_the_tiles_is_ahead(tmp_path):
  folder = write(tmp_path / "some", "a", "b")
  run = open_exact(images())
  settings = FEW | {"std": 0.01, "pictures": folder}
  found = evaluated("super_resolution", run, settings)
  table = next(t for t in found.tables if t.title == "Large pictures: PSNR, dB")
  at = table.columns.index
  psnr = {row[at("method")]: row[at("2×")] for row in table.rows}
  assert len(table.rows) == 5
  assert psnr[super_resolution.PROJECTED] > psnr["bicubic"] + 3
  assert psnr["bicubic"] > psnr["nearest"]
  assert {"large_2", "large_4"} <= {figure.name for figure in found.figures}
  assert any(
    text.startswith("Large pictures: PSNR of latent MAP") and "2×" in text
    for text in found.findings
  )


def test_a_wrong_folder_is_told_before_anything_is_computed(monkeypatch):
  monkeypatch.setattr(super_resolution, "prepare", None)
  with pytest.raises(UserError, match="no folder"):
    evaluated("super_resolution", open_exact(images()), {"pictures": "nowhere"})


def test_tiles_of_the_sheets_are_their_pixels(tmp_path):
  made = sheets(tmp_path / "cifar10_subset")
  config = {"name": "patches", "side": 16, "colour": True, "valid": 4}
  found = data.load(config, str(tmp_path))
  image = made[0][0].reshape(32, 32, 3)
  x = found.splits["train"]["x"]
  np.testing.assert_array_equal(x[1], image[:16, 16:])
  np.testing.assert_array_equal(x[2], image[16:, :16])
  sizes = {name: len(fields["x"]) for name, fields in found.splits.items()}
  assert sizes == {"train": 24 * 4 - 4, "valid": 4, "test": 12 * 4}
  whole = data.load({"name": "patches", "side": 32, "colour": False}, str(tmp_path))
  grey = whole.splits["test"]["x"][3, :, :, 0]
  weighted = made[50][3].reshape(32, 32, 3) @ [0.299, 0.587, 0.114]
  np.testing.assert_allclose(grey, weighted, atol=0.51)
  for side in (2, 12, 64):
    with pytest.raises(UserError, match=r"data\.side"):
      data.load({"name": "patches", "side": side}, str(tmp_path))


def test_sheets_that_are_not_there_or_not_sheets_are_refused(tmp_path):
  with pytest.raises(UserError, match=r"cifar10_batch_<n>\.png"):
    data.load({"name": "patches"}, str(tmp_path))
  folder = tmp_path / "cifar10_subset"
  sheets(folder)
  (folder / "cifar10_batch_50.png").unlink()
  with pytest.raises(UserError, match="expected both"):
    data.load({"name": "patches"}, str(tmp_path))
  PIL.Image.fromarray(np.zeros((3, 5, 3), np.uint8)).save(folder / "cifar10_batch_50.png")
  with pytest.raises(UserError, match="an image a row"):
    data.load({"name": "patches"}, str(tmp_path))


@pytest.mark.data
def test_the_real_sheets_are_read(data_dir):
  found = data.load({"name": "patches", "side": 32, "colour": True}, data_dir)
  assert len(found.splits["test"]["x"]) == 1000
  assert sum(len(found.splits[s]["x"]) for s in ("train", "valid")) == 6000
