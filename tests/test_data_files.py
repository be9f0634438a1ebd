"""Files of every format are read as they are; every bad one is one sentence of a UserError."""

import gzip
import hashlib
import json
import logging
import sys

import numpy as np
import pytest
import scipy.io
from data_files import GREY, LABELS, idx_folder, tfds_folder

from vae_jax import data
from vae_jax.data import _cache, arrays, idx, tfds
from vae_jax.types import Spec, UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
  monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "cache"))
  return tmp_path / "cache"


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, ".gz"), (bytes, "")])
def test_idx_round_trip_and_its_errors(tmp_path, pack, ending):
  folder = tmp_path / "raw" / "mnist"
  folder.mkdir(parents=True)
  idx_folder(folder, pack=pack, ending=ending)
  made = data.load({"name": "idx", "valid": 10}, str(tmp_path))
  both = np.concatenate([made.splits[s]["x"] for s in ("train", "valid")])
  np.testing.assert_array_equal(both[..., 0], GREY)
  np.testing.assert_array_equal(made.splits["test"]["label"], LABELS)
  for content, match in (
    (b"\0\0\x0d\x03" + bytes(20), "00 00 0d 03"),
    (b"", "nothing"),
    (b"\0\0\x08\x01\0\0\0\x09abc", "says 9 bytes and holds 3"),
  ):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(UserError, match=match):
      idx.read(tmp_path / "bad")
  (tmp_path / "bad.gz").write_bytes(gzip.compress(GREY.tobytes())[:300])
  with pytest.raises(UserError, match="cannot be read"):
    idx.read(tmp_path / "bad.gz")
  with pytest.raises(UserError, match="train-images-idx3-ubyte"):
    data.load({"name": "idx"}, str(tmp_path / "elsewhere"))


@pytest.mark.parametrize(
  ("stored", "config", "shape", "kind", "domain", "dtype"),
  [
    ({"x": GREY}, {}, (6, 5, 1), "image", "unit", np.uint8),
    ({"x": GREY // 255}, {}, (6, 5, 1), "image", "binary", np.bool_),
    ({"x": GREY > 9}, {"kind": "sequence"}, (6, 5), "sequence", "binary", np.bool_),
    ({"x": GREY / 255.0}, {}, (6, 5, 1), "image", "unit", np.float32),
    ({"arr_0": GREY - 7.5}, {}, (6, 5, 1), "image", "real", np.float32),
    ({"x": GREY[..., 0].astype(int)}, {"domain": "count"}, (6,), "table", "count", np.float32),
    ({"x": GREY[..., 0]}, {"domain": "category"}, (6,), "table", "category", np.int32),
    ({"train_images": GREY[..., None], "val_images": GREY[:7, ..., None]}, {}, (6, 5, 1),
     "image", "unit", np.uint8),
  ],
)  # fmt: skip
def test_the_spec_of_own_arrays_is_inferred(
  tmp_path, stored, config, shape, kind, domain, dtype
):
  np.savez(tmp_path / "own.npz", **stored)
  made = data.load({"name": "arrays", "path": "own.npz", **config}, str(tmp_path))
  assert made.spec[:3] == (shape, kind, domain)
  assert {v["x"].dtype for v in made.splits.values()} == {np.dtype(dtype)}


def test_own_splits_and_labels_are_kept(tmp_path):
  path = tmp_path / "own.npz"
  names = np.array(["pear", "apple", "fig"])[LABELS]
  parts = {f"x_{s}": GREY[i::3] for i, s in enumerate(arrays.SPLITS)}
  labels = {f"y_{s}": names[i::3] for i, s in enumerate(arrays.SPLITS)}
  np.savez(path, **parts, **labels, extra=LABELS)
  made = data.load({"name": "arrays", "path": str(path)}, None)
  assert made.spec.classes == ("apple", "fig", "pear")
  assert "extra" in made.note
  for i, split in enumerate(arrays.SPLITS):
    np.testing.assert_array_equal(made.splits[split]["x"][..., 0], GREY[i::3])
    found = np.array(made.spec.classes)[made.splits[split]["label"]]
    np.testing.assert_array_equal(found, names[i::3])


BAD = [
  ({"x": np.where(GREY[9, 0, 0] == GREY, np.nan, 1.0)}, {}, "'x' has nan in row"),
  ({"x": np.full((9, 4), np.inf)}, {}, "'x' has inf in row 0"),
  ({"x": np.zeros(9)}, {}, r"shape \(9,\); expected images"),
  ({"x": np.zeros((0, 4))}, {}, r"shape \(0, 4\)"),
  ({"x": np.zeros((9, 4, 4, 3, 1))}, {}, "expected images"),
  ({"x": GREY}, {"kind": "table"}, "data.kind is 'table'"),
  ({"x": GREY}, {"kind": "picture"}, "data.kind is 'picture'"),
  ({"x": GREY / 200.0}, {"binarise": "static"}, r"0 to 1\.275.*divide them by 255"),
  ({"x": GREY / 200.0}, {"domain": "unit"}, r"has 1\.\d+ in row"),
  ({"x": GREY - 7.5}, {"domain": "count"}, "whole numbers"),
  ({"x": GREY}, {"domain": "grey"}, "domain 'grey'"),
  ({"x": GREY.astype(int)}, {}, "type int64; expected uint8"),
  ({"x": GREY, "label": LABELS / 2}, {}, "labels are float64"),
  ({"x": GREY, "label": LABELS.astype(int) - 1}, {}, "-1 to 1"),
  ({"x": GREY, "label": LABELS[:9]}, {}, "one label a row"),
  ({"x_train": GREY, "x_test": GREY[:9, 1:]}, {}, r"one example is \(5, 5\)"),
  ({"x_train": GREY, "x_test": GREY, "y_train": LABELS}, {}, "none for test"),
  ({"pixels": GREY, "z": GREY}, {}, "keys pixels, z"),
  ({"x": np.array([{}, {}])}, {}, "Python objects"),
  ({"x": GREY * 1j}, {}, "complex"),
  ({"x": GREY}, {"test": 60}, "data.test is 60"),
]  # fmt: skip


@pytest.mark.parametrize(("stored", "config", "match"), BAD)
def test_bad_arrays_are_one_sentence(tmp_path, stored, config, match):
  np.savez(tmp_path / "own.npz", **stored)
  with pytest.raises(UserError, match=match) as caught:
    data.load({"name": "arrays", "path": "own.npz", **config}, str(tmp_path))
  assert "\n" not in str(caught.value)


def test_missing_and_broken_files_and_unknown_options_give_a_hint(tmp_path):
  np.save(tmp_path / "faces.npy", GREY)
  (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 not a zip")
  for config, match in (
    ({"name": "arrays", "path": "face.npy"}, "Did you mean 'faces.npy'"),
    ({"name": "arrays", "path": "broken.npz"}, "cannot be read"),
    ({"name": "arrays"}, "data.path is empty"),
    ({"name": "array"}, "Did you mean 'arrays'"),
    ({"name": "digits", "binarize": "static"}, "Did you mean 'binarise'"),
    ({"name": "digits", "seed": -1}, "data.seed is -1"),
    ({"name": "digits", "valid": 0.0}, "data.valid is 0 of 1547"),
    ({"name": "tfds", "set": "toyy"}, "vae-jax data toyy --data_dir"),
    ({"name": "tfds", "binarise": "larochelle"}, "binarized_mnist_train.amat"),
  ):
    with pytest.raises(UserError, match=match):
      data.load(config, str(tmp_path))


def test_tfds_is_decoded_once_and_a_damaged_cache_is_made_again(tmp_path, cache, caplog):
  made = tfds_folder(tmp_path, {"train": 30, "validation": 7, "test": 9})
  config = {"name": "tfds", "set": "toy"}
  for attempt in ("decoded", "cached", "damaged", "cached"):
    if attempt == "cached":
      tfds_module = sys.modules.pop("tensorflow_datasets", None)
      sys.modules["tensorflow_datasets"] = None  # an import of it would fail
    if attempt == "damaged":
      path = next(cache.rglob("train.x.npy"))
      content = bytearray(path.read_bytes())
      content[-1] ^= 1
      path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
      found = data.load(config, str(tmp_path))
    if attempt == "cached":
      sys.modules["tensorflow_datasets"] = tfds_module
    for split, theirs in (("train", "train"), ("valid", "validation"), ("test", "test")):
      np.testing.assert_array_equal(found.splits[split]["x"], made[theirs])
      np.testing.assert_array_equal(
        found.splits[split]["label"], np.arange(len(made[theirs])) % 2
      )
    assert ("is damaged" in caplog.text) == (attempt == "damaged")
    caplog.clear()
  assert found.spec == Spec((4, 5, 3), "image", "unit", classes=("cat", "dog"))
  assert [p.name for p in cache.iterdir()] == ["tfds"]
  assert len(list((cache / "tfds").iterdir())) == 1


def test_tfds_without_a_writable_cache_large_files_and_missing_splits(
  tmp_path, monkeypatch, caplog
):
  made = tfds_folder(tmp_path / "tfds", {"train": 20}, top=1)
  (tmp_path / "file").write_text("")
  monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "file"))
  config = {"name": "tfds", "set": "toy:1.0.0", "valid": 3}
  found = data.load(config, str(tmp_path))
  assert "decoded in memory" in caplog.text
  monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "other"))
  monkeypatch.setattr(_cache, "MAPPED", 1)
  mapped = data.load(config, str(tmp_path))
  assert isinstance(mapped.splits["train"]["x"].base, np.memmap)
  for one in (found, mapped):
    assert one.spec.domain == "binary"
    assert [len(v["x"]) for v in one.splits.values()] == [15, 3, 2]
    every = np.concatenate([v["x"] for v in one.splits.values()])
    np.testing.assert_array_equal(every, made["train"])


def test_preparing_names_its_extra():
  if "tensorflow" in sys.modules:
    pytest.skip("TensorFlow is here")
  with pytest.raises(UserError, match=r"pip install 'vae-jax\[tfds-prepare\]'"):
    tfds.prepare("mnist", "unused")


def test_published_idx_files_are_checked_by_their_sums(tmp_path, monkeypatch):
  idx_folder(tmp_path)
  assert not idx.published("another", str(tmp_path))
  assert not idx.published("mnist", str(tmp_path / "nowhere"))
  with pytest.raises(UserError, match="has the checksum"):
    idx.published("mnist", str(tmp_path))
  files = {"train-images": 3, "train-labels": 1, "t10k-images": 3, "t10k-labels": 1}
  sums = {
    name: hashlib.md5(
      gzip.decompress((tmp_path / f"{name}-idx{axes}-ubyte.gz").read_bytes())
    ).hexdigest()
    for name, axes in files.items()
  }
  monkeypatch.setitem(idx.PUBLISHED, "mnist", sums)
  assert idx.published("mnist", str(tmp_path))
  (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
  with pytest.raises(UserError, match="no t10k-labels"):
    idx.published("mnist", str(tmp_path))


@pytest.mark.parametrize("layout", ["matlab", "text"])
def test_larochelle_files_in_both_layouts(tmp_path, layout):
  folder, made = tmp_path / "binarized_mnist", {}
  folder.mkdir()
  for i, split in enumerate(arrays.SPLITS):
    x = made[split] = np.random.default_rng(i).integers(0, 2, (4 + i, 784), dtype=np.uint8)
    path = folder / f"binarized_mnist_{split}.amat"
    if layout == "matlab":
      scipy.io.savemat(path, {"X": x}, appendmat=False)
    else:
      np.savetxt(path, x, fmt="%d")
  found = data.load({"name": "tfds", "binarise": "larochelle"}, str(tmp_path))
  assert found.spec == Spec((28, 28, 1), "image", "binary")
  for split, fields in found.splits.items():
    np.testing.assert_array_equal(fields["x"].reshape(-1, 784), made[split])


@pytest.mark.slow
@pytest.mark.data
def test_the_real_sets(data_dir, monkeypatch):
  monkeypatch.setattr(tfds, "CHUNK", 5000)
  mnist = data.load({"name": "tfds", "valid": 10_000}, data_dir)
  raw = data.load({"name": "idx", "valid": 10_000}, data_dir)
  assert [len(v["x"]) for v in mnist.splits.values()] == [50_000, 10_000, 10_000]
  rows = [
    {(x.tobytes(), int(y)) for x, y in zip(d["test"]["x"], d["test"]["label"], strict=True)}
    for d in (mnist.splits, raw.splits)
  ]
  assert rows[0] == rows[1]
  fixed = data.load({"name": "tfds", "binarise": "larochelle"}, data_dir)
  assert [len(v["x"]) for v in fixed.splits.values()] == [50_000, 10_000, 10_000]
  grey = raw.splits["test"]["x"].mean() / 255
  assert abs(fixed.splits["test"]["x"].mean() - grey) < 0.003


@pytest.mark.data
def test_the_rebuilt_fashion_mnist_says_so(data_dir):
  folder = tfds._folder("fashion_mnist", data_dir)
  info = json.loads((folder / "dataset_info.json").read_text())
  rows, _ = tfds._sizes(info, "fashion_mnist")
  assert "1,160 images" in tfds.NOTES[("fashion_mnist", rows["train"], rows["test"])]
