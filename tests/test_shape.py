"""The application `shape` on models whose answer is known, points and voxels."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, means
from made import identity, open_with, table_data
from test_shapes_data import CUBE

from vae_jax import data, report
from vae_jax.applications.shape import _solids
from vae_jax.codec import numbers
from vae_jax.metrics import shapes
from vae_jax.types import UserError

SMALL = {"limit": 6, "tune": 4, "samples": 6, "map_steps": 1, "components": 2}


def load(**options):
  return data.load(
    {"name": "shapes", "count": 40, "points": 16, "pool": 32, **options}, None
  )


def run_of(dataset):
  return open_with(dataset, identity(dataset))


POINTS = load()


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
  """The report of a model that keeps every point, with a mesh of one's own, and its folder."""
  pytest.importorskip("trimesh")
  folder = tmp_path_factory.mktemp("shape")
  (folder / "box.off").write_text(CUBE)
  found = evaluated("shape", run_of(POINTS), {**SMALL, "input": str(folder / "box.off")})
  report.save(found, folder)
  return found, folder


def test_a_model_that_keeps_every_point_is_at_the_floor(answered):
  found, _ = answered
  test = POINTS.splits["test"]
  floor = 1e4 * float(shapes.each_chamfer(test["again"], test["surface"]).mean())
  mine = means(found, "chamfer")
  assert mine["another draw (floor)", ""] == pytest.approx(floor, rel=1e-4)
  assert mine["encode and decode", ""] == pytest.approx(floor, rel=0.5)
  assert means(found, "floor")["another draw (floor)", ""] == pytest.approx(1, rel=1e-4)
  assert {v["baseline"] for v in found.verdicts} <= {
    "PCA",
    "nearest in train",
    "kept points",
  }


def test_kept_points_lie_far_apart_and_all_of_them_are_the_shape():
  x = np.array([[[0, 0, 0], [1, 0, 0], [1.1, 0, 0], [5, 0, 0]]], np.float32)
  assert {*map(tuple, _solids.kept(x, 2)[0])} == {(0, 0, 0), (5, 0, 0)}
  np.testing.assert_array_equal(np.sort(_solids.kept(x, 4)[0], 0), np.sort(x[0], 0))


def test_samples_are_scored_and_drawn(answered):
  found, folder = answered
  for metric in ("mmd", "cov", "nna"):
    names = {method for method, _ in means(found, metric)}
    assert {"samples of N(0, I)", "samples of a mixture", "PCA + mixture"} < names
  assert (
    means(found, "mmd")["samples of N(0, I)", ""] > means(found, "mmd")["train (floor)", ""]
  )
  drawn = {path.name for path in (folder / "figures").iterdir()}
  assert {
    f"shape_{n}.png" for n in ("side_by_side", "samples", "turntable", "files")
  } <= drawn


def test_the_file_of_codes_is_real(answered):
  found, folder = answered
  (table,) = [t for t in found.tables if t.title == "Files"]
  content = (folder / "reports" / "shape" / "codes.bin").read_bytes()
  assert len(content) in [row[2] for row in table.rows if row[0] == "model"]
  assert numbers.unpack(content).shape == (4, 48)
  finest = [row for row in table.rows if row[0] == "model"][-1]
  assert finest[-1] == pytest.approx(
    means(found, "floor")["encode and decode", ""], rel=0.1
  )


def test_a_mesh_of_ones_own_comes_back_where_it_was(answered):
  found, folder = answered
  lines = (folder / "reports" / "shape" / "rebuilt.ply").read_text().splitlines()
  points = np.array([[float(v) for v in line.split()] for line in lines[7:]])
  assert points.shape == (16, 3)
  assert (points >= -1e-3).all()
  assert (points <= np.array([2, 2, 4]) + 1e-3).all()
  assert any("box.off: rebuilt from 48 numbers" in said for said in found.findings)


def test_voxels_that_are_kept_have_all_of_their_cells(tmp_path):
  pytest.importorskip("trimesh")
  made = load(form="voxels", side=8)
  run = run_of(made)
  (tmp_path / "box.off").write_text(CUBE)
  found = evaluated("shape", run, {**SMALL, "input": str(tmp_path / "box.off")})
  assert means(found, "iou")["encode and decode", ""] == 1
  distance = means(found, "chamfer")
  assert distance["encode and decode", ""] == pytest.approx(distance["its own voxels", ""])
  triangles = found.arrays["rebuilt.stl"]
  assert triangles.reshape(-1, 3).max(0) == pytest.approx([2, 2, 4], abs=0.5)


def test_other_data_and_other_applications_are_refused():
  other = open_with(table_data(), identity(table_data()))
  with pytest.raises(UserError, match="shape needs shapes in space"):
    evaluated("shape", other)
  with pytest.raises(UserError, match="no second draw"):
    evaluated("shape", run_of(POINTS), {**SMALL, "split": "train"})
  with pytest.raises(UserError, match="reconstruction knows no points in space"):
    evaluated("reconstruction", run_of(POINTS))
  with pytest.raises(UserError, match=r"There is no file nowhere\.off"):
    evaluated("shape", run_of(POINTS), {**SMALL, "input": "nowhere.off"})


def test_a_model_that_says_one_shape_is_behind_the_nearest_of_train():
  vae = identity(POINTS)._replace(mean=lambda params, z: jnp.zeros((16, 3)))
  found = evaluated("shape", open_with(POINTS, vae), SMALL)
  assert found.verdicts[0]["verdict"] in ("behind", "open")
  assert means(found, "nna")["samples of N(0, I)", ""] == 100
