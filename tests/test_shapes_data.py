"""Shapes: what is drawn of them, files of them, distances between them, codes in files."""

import io
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from vae_jax import data, registry
from vae_jax.baselines import draco, octree, ordered_points
from vae_jax.codec import numbers
from vae_jax.codec.stack import StreamError
from vae_jax.data import _furniture, _meshes, _solids
from vae_jax.inputs import shapes as inputs
from vae_jax.metrics import shapes
from vae_jax.studies import turntable
from vae_jax.types import Spec, UserError

CUBE = """OFF
8 6 0
0 0 0
2 0 0
2 2 0
0 2 0
0 0 4
2 0 4
2 2 4
0 2 4
4 0 3 2 1
4 4 5 6 7
4 0 1 5 4
4 1 2 6 5
4 2 3 7 6
4 3 0 4 7
"""
RNG = np.random.default_rng(0)


def loaded(data_dir=None, **options):
  small = {"count": 40, "points": 16, "pool": 32, "side": 16}
  return data.load({"name": "shapes", **small, **options}, data_dir)


@pytest.mark.parametrize("kind", ["box", "cylinder", "ellipsoid"])
def test_points_lie_on_a_solid_and_are_uniform_on_it(kind):
  part = _solids.Part(kind, (0.1, -0.2, 0.3), (0.6, 0.6, 0.9))
  points = _solids.sample([part], 20_000, np.random.default_rng(1))
  assert _solids.inside([part], points, 1e-5).all()
  assert not _solids.inside([part], points, -1e-5).any()
  # A thin shell of the solid has the volume area x thickness, in every part of space alike.
  box = RNG.uniform(-0.5, 0.5, (400_000, 3)) * 1.1 * part.size + np.array(part.centre)
  shell = _solids.inside([part], box, 0.004) & ~_solids.inside([part], box, -0.004)
  for axis in range(3):
    share = (points[:, axis] > part.centre[axis] + 0.1).mean()
    assert share == pytest.approx(
      (box[shell, axis] > part.centre[axis] + 0.1).mean(), abs=0.03
    )
  volume = shell.mean() * np.prod(1.1 * np.array(part.size))
  assert _solids.area(part) == pytest.approx(volume / 0.008, rel=0.04)


def test_a_cone_has_the_surface_of_its_side_and_its_disc():
  part = _solids.Part("cone", (0, 0, 0), (0.6, 0.6, 0.8))
  points = _solids.sample([part], 20_000, np.random.default_rng(1))
  side, disc = np.pi * 0.3 * np.hypot(0.3, 0.8), np.pi * 0.09
  assert _solids.area(part) == pytest.approx(side + disc)
  assert (points[:, 2] < -0.3999).mean() == pytest.approx(disc / (side + disc), abs=0.02)
  upper = (points[:, 2] > 0).mean()  # the upper half is a cone of half the size
  assert upper == pytest.approx(side / 4 / (side + disc), abs=0.02)
  assert _solids.inside([part], points, 1e-5).all()


def test_what_lies_within_another_part_is_no_surface():
  parts = [
    _solids.Part("box", (0, 0, 0), (1, 1, 1)),
    _solids.Part("box", (0, 0, 0.5), (1, 1, 1)),
  ]
  points = _solids.sample(parts, 2000, np.random.default_rng(0))
  assert not _solids.inside(parts, points, -1e-4).any()
  assert points[:, 2].max() == 1.0


def test_generated_shapes_have_a_side_of_one_and_are_made_from_their_parameters():
  made = loaded()
  for split, fields in made.splits.items():
    assert np.abs(fields["x"]).max() <= 0.5 + 1e-6
    assert ("again" in fields) == (split != "train")
  assert "GENERATED" in made.note
  assert made.spec == Spec((16, 3), "points", "real", classes=tuple(_furniture.CLASSES))
  parts, known = _furniture.draw(np.random.default_rng(3), "table")
  named = dict(zip(_furniture.PARAMETERS, known, strict=True))
  _, side = _solids.bounds(parts)
  assert side == pytest.approx(
    max(named["width"], named["depth"], named["height"] + named["thickness"]), rel=1e-6
  )


def test_points_of_a_pool_are_drawn_anew():
  made = loaded()
  pool = jnp.asarray(made.splits["train"]["x"][0])
  draw = lambda seed: np.asarray(made.transform(jax.random.key(seed), {"x": pool})["x"])
  first, other = draw(0), draw(1)
  rows = {row.tobytes() for row in np.asarray(pool)}
  assert len({row.tobytes() for row in first} & rows) == 16
  assert not np.array_equal(first, other)


def test_voxels_are_the_inside():
  made = loaded(form="voxels")
  assert made.splits["train"]["x"].shape[1:] == (16, 16, 16)
  fields = made.splits["test"]
  box = made.spec.classes.index("box")
  label = np.concatenate([made.splits[s]["label"] for s in made.splits])
  known = np.concatenate([made.splits[s]["parameters"] for s in made.splits])[label == box]
  x = np.concatenate([made.splits[s]["x"] for s in made.splits])[label == box]
  sides = known[:, :3] / known[:, :3].max(1, keepdims=True)
  np.testing.assert_allclose(x.mean((1, 2, 3)), sides.prod(1), atol=0.16)
  near = [cKDTree(turntable.surface(g)).query(p)[0].max() for g, p in zip(
    fields["x"], fields["surface"], strict=True)]  # fmt: skip
  assert np.median(near) < 1.8 / 16


def test_a_mesh_is_sampled_scaled_filled_and_handed_back(tmp_path):
  pytest.importorskip("trimesh")
  solid = _meshes.read("box.off", CUBE.encode())
  middle, side = _meshes.frame(solid)
  assert (middle.tolist(), side) == ([1, 1, 2], 4)
  grid = _meshes.voxels(_meshes.normalised(solid), 16, RNG)
  assert grid.mean() == pytest.approx(
    0.25, abs=0.08
  )  # 2 x 2 x 4 of a cube of 4, and its rim
  (tmp_path / "box.off").write_text(CUBE)
  given = inputs.read(str(tmp_path / "box.off"), Spec((500, 3), "points", "real"))
  back = inputs.back(given, given.x[0])
  assert back.min(0) == pytest.approx([0, 0, 0], abs=1e-5)
  assert back.max(0) == pytest.approx([2, 2, 4], abs=1e-5)
  # Its sides have areas of 4, 4 and four times 8: a tenth lies at the bottom.
  assert (back[:, 2] < 1e-4).mean() == pytest.approx(0.1, abs=0.04)
  corners = inputs.mesh(grid)
  assert corners.reshape(-1, 3).max(0) == pytest.approx([0.25, 0.25, 0.5], abs=1 / 16)


def test_all_formats_and_folders_of_classes(tmp_path):
  trimesh = pytest.importorskip("trimesh")
  for group in ("flat", "tall"):
    (tmp_path / "set" / group).mkdir(parents=True)
    for i, ending in enumerate(("off", "obj", "stl", "ply")):
      mesh = trimesh.creation.box((1, 1 + 0.1 * i, 0.2 if group == "flat" else 3))
      mesh.export(tmp_path / "set" / group / f"{i}.{ending}")
  options = {"test": 2, "valid": 2, "path": "set"}
  made = loaded(str(tmp_path), **options)
  assert made.spec.classes == ("flat", "tall")
  tall = np.ptp(made.splits["train"]["x"][:, :, 2], axis=1) > 0.9
  np.testing.assert_array_equal(tall, made.splits["train"]["label"] == 1)
  with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
    for path in sorted((tmp_path / "set").rglob("*.*")):
      packed.write(path, path.relative_to(tmp_path / "set"))
  again = loaded(str(tmp_path), **options | {"path": "set.zip"})
  np.testing.assert_array_equal(made.splits["test"]["x"], again.splits["test"]["x"])


def test_sets_of_points_are_shapes_too(tmp_path):
  x = np.random.default_rng(0).normal(size=(9, 40, 3))
  np.save(tmp_path / "own.npy", x)
  made = loaded(str(tmp_path), path="own.npy", test=3, valid=2)
  assert [len(made.splits[s]["x"]) for s in made.splits] == [4, 2, 3]
  assert made.spec.classes == ()
  with pytest.raises(UserError, match="40 points and 64 are drawn"):
    loaded(str(tmp_path), path="own.npy", pool=64)


BAD = {
  "empty.off": (b"", "cannot be read"),
  "words.off": (b"hello there", "cannot be read"),
  "none.off": (b"OFF\n0 0 0\n", "empty.off|no points|cannot be read"),
  "line.off": (b"OFF\n3 1 0\n0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n", "no surface"),
  "far.off": (b"OFF\n3 1 0\n0 0 0\n1 0 0\n2 5 0\n3 0 1 9\n", "face of the vertex 9|cannot be read"),
  "noise.stl": (bytes(range(256)) * 2, "cannot be read|no points"),
  "empty.csv": (b"", r"expected points \[N, 3\]"),
  "text.csv": (b"x,y,z\n1,2,3\n1,two,3\n", "cannot be read"),
  "nan.xyz": (b"1 2 3\n1 2 nan\n", "not finite"),
  "one.xyz": (b"1 2 3\n1 2 3\n", "single point"),
  "flat.npy": (b"garbage", "cannot be read"),
  "mine.pdf": (b"%PDF", "is no shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_shape_is_one_sentence(name, tmp_path):
  pytest.importorskip("trimesh")
  content, said = BAD[name]
  (tmp_path / name).write_bytes(content)
  with pytest.raises(UserError, match=said) as error:
    inputs.read(str(tmp_path / name), Spec((16, 3), "points", "real"))
  assert "\n" not in str(error.value)


def test_options_that_cannot_be_are_one_sentence(tmp_path):
  for options, said in (
    ({"form": "mesh"}, r"data\.form is 'mesh'"),
    ({"points": 4}, r"data\.points is 4"),
    ({"pool": 8}, "the pool is what"),
    ({"path": "nowhere"}, "no file or folder nowhere"),
    ({"path": str(tmp_path)}, "has 0 shapes"),
  ):
    with pytest.raises(UserError, match=said):
      loaded(**options)


@pytest.mark.data
def test_modelnet(data_dir):
  pytest.importorskip("trimesh")
  path = "raw/modelnet10_mini/modelnet10_mini.zip"
  made = loaded(data_dir, path=path, test=2, valid=2)
  assert sum(len(v["x"]) for v in made.splits.values()) == 10


def brute(x, y):
  ways = cdist(x, y)
  return ways.min(1), ways.min(0)


def test_distances_are_those_of_brute_force():
  x, y = RNG.normal(size=(7, 3)), RNG.normal(size=(12, 3))
  there, back = brute(x, y)
  want = np.mean(there**2) + np.mean(back**2)
  assert float(shapes.chamfer(jnp.asarray(x), jnp.asarray(y))) == pytest.approx(
    want, rel=1e-5
  )
  pair = [np.float32(v)[None] for v in (x, y)]
  assert float(shapes.cross_chamfer(*pair)[0, 0]) == pytest.approx(want, rel=1e-4)
  assert float(shapes.each_chamfer(*pair)[0]) == pytest.approx(want, rel=1e-4)
  recall, precision = (there < 1).mean(), (back < 1).mean()
  want = 2 * precision * recall / (precision + recall)
  assert float(shapes.f_score(jnp.asarray(x), jnp.asarray(y), 1.0)) == pytest.approx(want)


def test_the_gradient_of_a_distance_is_that_of_the_points_it_is_between():
  x, y = jnp.asarray(RNG.normal(size=(6, 3))), jnp.asarray(RNG.normal(size=(6, 3)))
  got = jax.grad(lambda x: shapes.chamfer(x, y))(x)
  small = lambda x: sum(np.mean(d**2) for d in brute(x, y))
  for p, axis in np.ndindex(6, 3):
    step = np.zeros((6, 3))
    step[p, axis] = 1e-5
    slope = (small(np.asarray(x) + step) - small(np.asarray(x) - step)) / 2e-5
    assert float(got[p, axis]) == pytest.approx(slope, abs=1e-3)


def test_the_earth_movers_distance_is_that_of_pot():
  ot = pytest.importorskip("ot")
  x, y = RNG.normal(size=(9, 3)), RNG.normal(size=(9, 3))
  plan = lambda a, b: ot.emd2(ot.unif(len(a)), ot.unif(len(b)), cdist(a, b))
  assert shapes.emd(x, y) == pytest.approx(plan(x, y))
  assert shapes.emd(x, x[::-1]) == 0
  assert shapes.emd(x, y[:5]) == pytest.approx(plan(x, y[:5]))


def test_sets_that_are_alike_and_sets_that_are_not():
  real = RNG.normal(size=(30, 8, 3)).astype(np.float32)
  same = shapes.set_scores(real, RNG.normal(size=(30, 8, 3)).astype(np.float32))
  assert same.accuracy.mean() == pytest.approx(0.5, abs=0.2)
  far = shapes.set_scores(real, real + 100)
  assert far.accuracy.mean() == 1
  # One shape again and again is near to nobody but to the one it covers.
  one = shapes.set_scores(real, np.repeat(real[:1], 30, 0))
  assert one.coverage.sum() == 1
  assert one.mmd[0] == pytest.approx(0, abs=1e-5)


def test_intersection_over_union():
  a, b = np.zeros((2, 4, 4, 4), bool), np.zeros((2, 4, 4, 4), bool)
  a[0, :2], b[0, 1:3] = True, True
  assert shapes.iou(a, b).tolist() == [1 / 3, 1.0]


def test_the_chamfer_likelihood_is_what_it_says_and_no_density():
  spec = Spec((5, 3), "points", "real")
  family = registry.find("likelihoods", "chamfer")(spec, std=0.1)
  x, theta = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3, 1))
  there, back = brute(x, theta[..., 0])
  want = -(np.sum(there**2) + np.sum(back**2)) / 4 / 0.01
  assert float(family.log_prob(jnp.asarray(theta), jnp.asarray(x))) == pytest.approx(
    want, rel=1e-4
  )
  assert not family.proper
  turned = jnp.asarray(theta)[::-1]
  assert float(family.log_prob(turned, jnp.asarray(x))) == pytest.approx(want, rel=1e-4)
  with pytest.raises(UserError, match="compares sets of points"):
    registry.find("likelihoods", "chamfer")(Spec((5, 3), "table", "real"))
  with pytest.raises(UserError, match="must be above 0"):
    registry.find("likelihoods", "chamfer")(spec, std=0.0)


def test_the_code_of_points_does_not_depend_on_their_order():
  model = registry.find("models", "points").Model((6, 3), 1, 2, widths=(8, 8), dense=8)
  x = jnp.asarray(RNG.normal(size=(6, 3)), jnp.float32)
  params = jax.jit(model.init)(jax.random.key(0), x)
  one, other = (model.apply(params, v, method="encode") for v in (x, x[::-1]))
  np.testing.assert_allclose(one.mean, other.mean, atol=1e-6)
  moved = model.apply(params, x + 1, method="encode")
  assert np.abs(moved.mean - one.mean).max() > 1e-4


@pytest.mark.parametrize("depth", [1, 4, 7])
def test_draco_comes_back_as_its_cells(depth):
  pytest.importorskip("DracoPy")
  x = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 40, 3))
  files = draco.encode(x, depth)
  for points, found in zip(x, draco.decode(files, depth), strict=True):
    want = {tuple(cell) for cell in octree.cells(points, depth)}
    assert {tuple(cell) for cell in octree.cells(found, depth)} == want


@pytest.mark.parametrize("depth", [1, 4, 7])
def test_an_octree_comes_back_as_its_cells(depth):
  x = RNG.uniform(-0.5, 0.5, (3, 50, 3))
  for points, found in zip(x, octree.decode(octree.encode(x, depth)), strict=True):
    want = {tuple(cell) for cell in octree.cells(points, depth)}
    assert {tuple(cell) for cell in octree.cells(found, depth)} == want
    assert len(found) == len(want)


def test_numbers_in_a_file_come_back_rounded_and_take_their_entropy():
  std = np.array([0.05, 1.0, 3.0])
  z = RNG.normal(size=(400, 3)) * std + 2
  content = numbers.pack(z, z.mean(0), z.std(0), 0.1)
  assert np.abs(numbers.unpack(content) - z).max() < 0.0501
  entropy = np.log2(np.sqrt(2 * np.pi * np.e) * std[1:] / 0.1).sum() * 400 / 8
  assert entropy < len(content) < 1.25 * entropy + 120  # the narrow column is below a bit
  for bad in (content[:-4], content + b"1234"):
    with pytest.raises(StreamError):
      numbers.unpack(bad)


def test_an_order_is_found_again_and_pca_is_exact_where_shapes_are_linear():
  base, axes = RNG.normal(size=(12, 3)) * 3, RNG.normal(size=(2, 12, 3)) * 0.1
  z = RNG.normal(size=(20, 2))
  true = base + np.einsum("nl,lpf->npf", z, axes)
  mixed = np.stack(
    [np.random.default_rng(i).permutation(one) for i, one in enumerate(true)]
  )
  fitted = ordered_points.fit(mixed, 2)
  found = ordered_points.rebuild(fitted._replace(rounds=1), mixed.astype(np.float32))
  assert np.asarray(shapes.each_chamfer(mixed, found)).max() < 1e-8


def test_a_picture_shows_what_is_near_and_turns():
  points = np.array([[0, 0, 0.4], [0, 0, -0.4]])
  first = turntable.picture(points)[..., 0]
  high, low = first[: turntable.SIZE // 2].max(), first[turntable.SIZE // 2 :].max()
  assert high > low > 0  # the camera looks down: what is above is nearer
  np.testing.assert_array_equal(first, turntable.picture(points, 123.0)[..., 0])
  grid = np.zeros((5, 5, 5), bool)
  grid[1:4, 1:4, 1:4] = True
  assert len(turntable.surface(grid)) == 26
  assert turntable.surface(np.zeros((4, 4, 4), bool)).tolist() == [[0, 0, 0]]


def test_points_and_triangles_are_files(tmp_path):
  trimesh = pytest.importorskip("trimesh")
  from vae_jax.report import store

  points, corners = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3, 3))
  store.FILES[".ply"](tmp_path / "a.ply", points)
  store.FILES[".stl"](tmp_path / "a.stl", corners)
  read = trimesh.load(io.BytesIO((tmp_path / "a.ply").read_bytes()), file_type="ply")
  np.testing.assert_allclose(read.vertices, points, rtol=1e-5)
  mesh = trimesh.load(tmp_path / "a.stl", process=False)
  np.testing.assert_allclose(mesh.triangles, corners, rtol=1e-5)
