"""A user's own images: what is read, what is refused, what is written back."""

import numpy as np
import pytest
from helpers import evaluated
from test_restoration import FEW, SIDE, images, open_exact

from vae_jax import report
from vae_jax.applications import inpainting
from vae_jax.inputs import images as given_images
from vae_jax.types import Spec, UserError

GREY, COLOUR = Spec((4, 4, 1), "image", "unit"), Spec((4, 4, 3), "image", "unit")
BITS = Spec((4, 4, 1), "image", "binary")


def holes(shape=(3, 4, 4), dtype=np.float32):
  x = np.random.default_rng(0).uniform(size=shape).astype(dtype)
  x[:, 1, 2] = np.nan
  return x


def written(folder, x, **more):
  path = folder / ("mine.npz" if more else "mine.npy")
  np.savez(path, x=x, **more) if more else np.save(path, x)
  return str(path)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 4, 4, 1), (4, 4)], ids=str)
def test_nan_is_missing_and_what_is_known_comes_back_bit_for_bit(tmp_path, dtype, shape):
  x = np.random.default_rng(0).uniform(size=shape).astype(dtype)
  x.reshape(-1, 4, 4)[:, 1, 2] = np.nan
  given = given_images.read(written(tmp_path, x), GREY)
  count = x.size // 16
  assert given.x.shape == given.observed.shape == (count, 4, 4, 1)
  assert given.observed.sum() == 15 * count
  assert (given.x[:, 1, 2] == 0).all()
  back = given_images.completed(given, np.full(given.x.shape, 0.25, np.float32))
  assert back.shape == x.shape
  assert back.dtype == dtype
  np.testing.assert_array_equal(back[~np.isnan(x)], x[~np.isnan(x)])
  assert (back[np.isnan(x)] == 0.25).all()


def test_grey_levels_have_a_mask_and_stay_integers(tmp_path):
  x = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
  observed = np.ones((2, 4, 4), bool)
  observed[0, 0] = False
  given = given_images.read(written(tmp_path, x, observed=observed), COLOUR)
  np.testing.assert_allclose(given.x[1], x[1] / 255, rtol=1e-6)
  back = given_images.completed(given, np.full(given.x.shape, 0.5, np.float32))
  assert back.dtype == np.uint8
  np.testing.assert_array_equal(back[observed], x[observed])
  assert (back[~observed] == 128).all()


def test_binary_images_are_zeros_and_ones(tmp_path):
  x = np.random.default_rng(0).integers(0, 2, (2, 4, 4)).astype(np.uint8)
  observed = np.ones((2, 4, 4))
  observed[:, 3] = 0
  given = given_images.read(written(tmp_path, x, observed=observed), BITS)
  assert set(np.unique(given.x)) == {0, 1}
  with pytest.raises(UserError, match="binary"):
    given_images.read(written(tmp_path, holes()), BITS)


def test_mistakes_are_told_in_a_sentence(tmp_path):
  half = holes((3, 4, 4, 3))
  half[0, 0, 0, 1] = np.nan
  whole = np.nan_to_num(holes())
  cases = [
    (GREY, {"x": holes((3, 5, 4))}, r"\[N, 4, 4, 1\]"),
    (GREY, {"x": np.zeros((0, 4, 4))}, "shape"),
    (GREY, {"x": np.array(3.0)}, "shape"),
    (GREY, {"x": np.full((1, 4, 4), "a")}, "numbers"),
    (GREY, {"x": holes() * 300}, "0 to 1"),
    (GREY, {"x": holes() - 1}, "0 to 1"),
    (GREY, {"x": whole.astype(np.int64) - 3, "observed": whole > 0.5}, "0 to 255"),
    (GREY, {"x": whole}, "no pixel is missing"),
    (GREY, {"x": whole, "observed": np.ones((3, 4, 4))}, "no pixel is missing"),
    (GREY, {"x": whole, "observed": np.zeros((3, 4, 5))}, "observed"),
    (GREY, {"x": whole, "observed": np.full((3, 4, 4), 0.5)}, "observed"),
    (GREY, {"y": whole, "z": whole}, "expected x"),
    (COLOUR, {"x": half}, "channels"),
  ]
  for spec, arrays, match in cases:
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=match):
      given_images.read(str(path), spec)
  with pytest.raises(UserError, match="no file"):
    given_images.read(str(tmp_path / "yours.npy"), GREY)


@pytest.mark.slow
def test_inpainting_completes_them_in_a_file(tmp_path):
  data = images()
  x = data.splits["test"]["x"][:15, ..., 0].astype(np.float64)  # more than the test images
  truth = x.copy()
  x[:, :, SIDE // 2 :] = np.nan
  settings = {"observation": "gaussian", "std": 0.02, "input": written(tmp_path, x)}
  run = open_exact(data)
  found = evaluated("inpainting", run, FEW | settings)
  assert any("complete in completed.npy" in text for text in found.findings)
  assert found.figures[-1].name == "yours"
  report.save(found, tmp_path)
  folder = tmp_path / "reports" / "inpainting"
  completed = np.load(folder / "completed.npy")
  assert completed.dtype == x.dtype
  assert completed.shape == x.shape
  known = ~np.isnan(x)
  np.testing.assert_array_equal(completed[known], x[known])
  # The model that made the images knows five patterns, and half of the pixels tell them.
  np.testing.assert_allclose(completed[~known], truth[~known], atol=0.05)
  # No file of an earlier report stays.
  report.save(found._replace(arrays={}, scores=None, tables=[], choice=None), tmp_path)
  left = sorted(p.name for p in folder.iterdir())
  assert left == ["arrays.npz", "report.json", "tables"]


def test_a_wrong_file_is_told_before_anything_is_computed(tmp_path, monkeypatch):
  data = images()
  monkeypatch.setattr(inpainting, "prepare", None)
  path = written(tmp_path, np.zeros((2, 9, 9)))
  with pytest.raises(UserError, match=r"\[N, 8, 8, 1\]"):
    evaluated("inpainting", open_exact(data), {"input": path})
