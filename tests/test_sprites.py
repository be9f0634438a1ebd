"""The sprites are the shapes they say, in the order they say, and packed without loss."""

import io
import json
import zipfile

import jax
import numpy as np
import pytest

from vae_jax import data
from vae_jax.data import _bits, _sprites, _sprites_files, sprites
from vae_jax.training import feed
from vae_jax.types import UserError

SMALL = {"name": "sprites", "side": 16, "scales": 2, "orientations": 5, "positions": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
  monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "cache"))


def grid(side, scales, orientations, positions):
  """All pictures [3, scales, orientations, positions, positions, side, side], bool."""
  known = _sprites.factors(scales, orientations, positions)
  packed = np.concatenate(list(_sprites.render(known, side)))
  x = _bits.unpack(_bits.words(packed), (side, side))
  return known, x.reshape(3, scales, orientations, positions, positions, side, side)


def test_the_grid_is_that_of_dsprites():
  known = _sprites.factors(6, 40, 32)
  assert [len(f.values) for f in known] == [3, 6, 40, 32, 32]
  names = ["shape", "scale", "orientation", "position x", "position y"]
  assert [f.name for f in known] == names
  assert known[0].names == ("square", "ellipse", "heart")
  np.testing.assert_allclose(known[1].values, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
  np.testing.assert_allclose(np.diff(known[2].values), 2 * np.pi / 40)
  assert known[2].values[0] == 0
  assert (known[3].values[0], known[3].values[-1]) == (0, 1)
  table = _sprites.table(known)
  assert table.shape == (737_280, 5)
  assert table[1].tolist() == [0, 0, 0, 0, 1]
  assert table[-1].tolist() == [2, 5, 39, 31, 31]
  published = _sprites_files.as_published(known)
  assert published[2].values[-1] == pytest.approx(2 * np.pi)


def test_areas_are_those_of_the_shapes():
  _, x = grid(128, 6, 7, 2)
  area = x.sum((-1, -2)).mean((2, 3, 4)) / 32**2  # [3, 6] in quarters of the side
  scale = np.linspace(0.5, 1, 6)
  exact = {"square": 1.4**2, "ellipse": np.pi * 0.96 * 0.54, "heart": 3.6616 / 1.3**2}
  for row, name in enumerate(_sprites.SHAPES):
    np.testing.assert_allclose(area[row], exact[name] * scale**2, rtol=0.02)


def test_a_step_in_position_is_a_pixel_and_nothing_is_cut_off():
  _, x = grid(64, 2, 7, 32)
  sizes = x.sum((-1, -2))
  assert (sizes == sizes[:, :, :, :1, :1]).all()
  first = x[:, :, :, 0, 0]
  for right, down in ((1, 0), (0, 1), (31, 17)):
    moved = np.roll(first, (down, right), axis=(-2, -1))
    np.testing.assert_array_equal(x[:, :, :, right, down], moved)


def test_orientation_turns_clockwise_and_repeats_by_symmetry():
  _, x = grid(64, 2, 8, 2)
  centred = np.roll(x[:, 1, :, 0, 0], (15, 15), axis=(-2, -1))  # the middle is at 31.5
  square, ellipse, heart = (one[:, 1:-1, 1:-1] for one in centred)
  at = lambda shape: np.stack(np.nonzero(shape), -1).mean(0) - (shape.shape[0] - 1) / 2
  assert abs(at(square[0])).max() < 1.01
  np.testing.assert_array_equal(square[0], square[2])
  np.testing.assert_array_equal(ellipse[1], ellipse[5])
  assert (ellipse[0] != ellipse[2]).any()
  assert len({one.tobytes() for one in heart}) == 8
  rows, columns = np.nonzero(heart[0])
  tip = rows == rows.max()
  assert np.ptp(columns[tip]) <= 2  # one tip, below
  rows, columns = np.nonzero(heart[2])
  assert np.ptp(rows[columns == columns.min()]) <= 2  # a quarter turn on: at the left


def test_fields_say_what_is_in_the_picture():
  made = data.load(SMALL, None)
  _, x = grid(16, 2, 5, 4)
  for fields in made.splits.values():
    index = fields["factors"]
    np.testing.assert_array_equal(fields["x"][..., 0], x[tuple(index.T)])
    np.testing.assert_array_equal(fields["label"], index[:, 0])
  assert made.spec.classes == _sprites.SHAPES
  assert [len(made.splits[s]["x"]) for s in ("valid", "test")] == [48, 48]


def test_no_held_out_picture_is_trained_on_and_nothing_else_is_lost():
  made = data.load(SMALL, None)
  seen = {s: [x.tobytes() for x in fields["x"]] for s, fields in made.splits.items()}
  held = {*seen["valid"], *seen["test"]}
  assert not held & {*seen["train"]}
  _, x = grid(16, 2, 5, 4)
  every = [one.tobytes() for one in x.reshape(-1, 16, 16, 1)]
  assert len(seen["train"]) == sum(one not in held for one in every)
  assert len({*every}) < len(every)  # or the rule would not be tried
  other = data.load({**SMALL, "seed": 3}, None)
  np.testing.assert_array_equal(other.splits["test"]["x"], made.splits["test"]["x"])


def test_packed_pictures_reach_the_program_as_plain_ones_do(monkeypatch):
  plain = data.load(SMALL, None)
  monkeypatch.setattr(sprites, "PLAIN_BYTES", 0)
  packed = data.load(SMALL, None)
  assert packed.splits["train"]["x"].dtype == np.int32
  assert packed.splits["train"]["x"].shape[1:] == (8,)
  batches = []
  for made in (plain, packed):
    source = feed.make(made, "train", 16, 0, 2**30)
    batches.append(jax.jit(source.batch)(source.source(0, 2), 1))
  for name, values in batches[0].items():
    np.testing.assert_array_equal(values, batches[1][name])
  assert set(np.unique(batches[0]["x"])) == {0.0, 1.0}


def test_bits_are_unpacked_as_they_were_packed():
  x = np.random.default_rng(0).random((7, 8, 12, 1)) < 0.5
  np.testing.assert_array_equal(_bits.unpack(_bits.pack(x), x.shape[1:]), x)
  one = {"x": _bits.pack(x)[3]}
  made = _bits.unpacking(x.shape[1:])(None, one)["x"]
  np.testing.assert_array_equal(np.asarray(made), x[3])


@pytest.mark.parametrize(
  ("option", "match"),
  [
    ({"side": 20}, "multiple of 8"),
    ({"scales": 1}, "at least 2"),
    ({"source": "draw"}, "render, npz or tfds"),
    ({"source": "npz"}, "whose grid is fixed"),
    ({"valid": 300, "test": 300}, "hold out 600 of 480"),
  ],
)
def test_options_are_checked(option, match):
  with pytest.raises(UserError, match=match):
    data.load({**SMALL, **option}, None)


def test_a_train_of_repeats_alone_is_refused(monkeypatch):
  monkeypatch.setattr(sprites, "_hash", lambda words: np.zeros(len(words), np.uint64))
  with pytest.raises(UserError, match="leave no picture"):
    data.load(SMALL, None)


def test_factors_are_checked():
  made = data.load(SMALL, None)
  train = made.splits["train"]
  for wrong, match in (
    (train["factors"] + 5, "'factors', shape has"),
    (train["factors"][:, :4], r"shape \[N, 5\]"),
    (train["factors"].astype(float), "is float64"),
  ):
    splits = {**made.splits, "train": {**train, "factors": wrong}}
    with pytest.raises(UserError, match=match):
      data._check.dataset(made._replace(splits=splits))


def write_npz(folder, x):
  """The published layout, with `imgs` compressed among its other arrays."""
  np.savez_compressed(folder / _sprites_files.FILE, imgs=x, metadata=np.zeros(2))


def test_the_published_file_is_read(tmp_path, monkeypatch):
  monkeypatch.setattr(_sprites_files, "CHUNK", 1000)
  known = _sprites.factors(2, 5, 8)
  rows = len(_sprites.table(known))
  x = (np.random.default_rng(0).random((rows, 64, 64)) < 0.3).astype(np.uint8)
  (tmp_path / "raw").mkdir()
  write_npz(tmp_path / "raw", x)
  key, parts, count = _sprites_files.opened("npz", str(tmp_path), (3, 2, 5, 8, 8))
  found = np.concatenate([_bits.words(part) for part in parts])
  assert count == 2
  assert key.startswith("sprites/npz-")
  np.testing.assert_array_equal(_bits.unpack(found, (64, 64)), x)
  sizes = dict(zip(sprites.GRID, (64, 2, 5, 8), strict=True))
  for name, value in sizes.items():
    monkeypatch.setitem(sprites.OPTIONS, name, value)
  made = data.load({"name": "sprites", "source": "npz"}, str(tmp_path))
  assert made.spec.factors[2].values[-1] == pytest.approx(2 * np.pi)
  test = made.splits["test"]
  at = np.ravel_multi_index(test["factors"].T, (3, 2, 5, 8, 8))
  np.testing.assert_array_equal(test["x"][..., 0], x[at])


def test_a_broken_file_is_refused(tmp_path):
  read = lambda rows: list(_sprites_files.opened("npz", str(tmp_path), (rows,))[1])
  with pytest.raises(UserError, match=r"set data\.source to render"):
    read(10)
  write_npz(tmp_path, np.zeros((10, 64, 64), np.uint8))
  with pytest.raises(UserError, match="expected bytes"):
    read(11)
  write_npz(tmp_path, np.full((10, 64, 64), 7, np.uint8))
  with pytest.raises(UserError, match="neither off nor on"):
    read(10)
  buffer = io.BytesIO()
  np.save(buffer, np.zeros((10, 64, 64), np.uint8))
  with zipfile.ZipFile(tmp_path / _sprites_files.FILE, "w") as archive:
    archive.writestr("imgs.npy", buffer.getvalue()[:-4096])
  with pytest.raises(UserError, match="ends after"):
    read(10)
  (tmp_path / _sprites_files.FILE).write_bytes(b"no zip")
  with pytest.raises(UserError, match="cannot be read"):
    read(10)


def test_the_tfds_set_is_brought_into_the_order_of_the_grid(tmp_path):
  import tensorflow_datasets
  from array_record.python import array_record_module
  from tensorflow_datasets.proto import tf_example_generated_pb2

  features = {"image": tensorflow_datasets.features.Image(shape=(64, 64, 1))}
  sizes = dict(zip(_sprites_files.LABELS, (3, 2, 2, 2, 2), strict=True))
  for name, count in sizes.items():
    label = tensorflow_datasets.features.ClassLabel(num_classes=count)
    features[f"label_{name}"] = label
  folder = tmp_path / "dsprites" / "2.0.0"
  folder.mkdir(parents=True)
  tensorflow_datasets.features.FeaturesDict(features).save_config(str(folder))
  index = _sprites.table(_sprites.factors(2, 2, 2))
  x = np.random.default_rng(0).integers(0, 2, (len(index), 64, 64), dtype=np.uint8)
  shuffled = np.random.default_rng(1).permutation(len(index))
  path = folder / "dsprites-train.array_record-00000-of-00001"
  writer = array_record_module.ArrayRecordWriter(str(path), "group_size:1")
  for row in shuffled:
    example, png = tf_example_generated_pb2.Example(), io.BytesIO()
    import PIL.Image

    PIL.Image.fromarray(x[row]).save(png, "PNG")
    example.features.feature["image"].bytes_list.value.append(png.getvalue())
    for name, value in zip(_sprites_files.LABELS, index[row], strict=True):
      example.features.feature[f"label_{name}"].int64_list.value.append(int(value))
    writer.write(example.SerializeToString())
  writer.close()
  split = {"name": "train", "shardLengths": [str(len(x))], "numBytes": "1"}
  split["filepathTemplate"] = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
  info = {"name": "dsprites", "version": "2.0.0", "fileFormat": "array_record"}
  (folder / "dataset_info.json").write_text(json.dumps({**info, "splits": [split]}))
  _, parts, _ = _sprites_files.opened("tfds", str(tmp_path), (3, 2, 2, 2, 2))
  found = _bits.unpack(np.concatenate([_bits.words(p) for p in parts]), (64, 64))
  np.testing.assert_array_equal(found, x)
