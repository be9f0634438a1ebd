"""Folders of pictures: classes, splits, attributes, sizes, and every way they can be bad."""

import io
import zipfile

import numpy as np
import PIL.Image
import pytest
from data_files import pictures, tfds_folder

from vae_jax import data
from vae_jax.data import _pictures, images
from vae_jax.types import Spec, UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
  monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "cache"))


def load(folder, name="images", **options):
  return data.load({"name": name, **options}, str(folder))


def every(made):
  return np.concatenate([fields["x"] for fields in made.splits.values()])


def test_a_folder_is_read_as_it_is_and_its_subfolders_are_classes(tmp_path):
  drawn = pictures(tmp_path / "in")
  made = load(tmp_path / "in", side=0)
  assert made.spec == Spec((9, 7, 1), "image", "unit", classes=("a", "b"))
  rows = {x.tobytes(): name for name, x in drawn.items()}
  for fields in made.splits.values():
    for x, label in zip(fields["x"], fields["label"], strict=True):
      assert rows.pop(x.tobytes())[0] == "ab"[label]
  assert not rows
  assert [len(v["x"]) for v in made.splits.values()] == [32, 4, 4]


def test_ink_on_paper_is_inverted_and_made_binary(tmp_path):
  pictures(tmp_path / "in")
  plain, dark = (load(tmp_path / "in", side=0, invert=invert) for invert in (False, True))
  np.testing.assert_array_equal(every(dark), 255 - every(plain))
  assert "Dark and light are exchanged." in dark.note
  black = load(tmp_path / "in", side=0, invert=True, binarise="static")
  assert black.spec.domain == "binary"
  np.testing.assert_array_equal(every(black), every(plain) <= 127)
  with pytest.raises(UserError, match="expected one of none, static, dynamic"):
    load(tmp_path / "in", binarise="black")


def test_a_zip_with_a_folder_of_its_own_is_the_same(tmp_path):
  drawn = pictures(tmp_path / "in")
  with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
    for name in drawn:
      file.write(tmp_path / "in" / name, f"all/{name}")
    file.writestr("__MACOSX/all/._0.png", b"no picture")
  packed = load(tmp_path, path="all.zip", side=0)
  assert packed.spec.classes == ("a", "b")
  np.testing.assert_array_equal(every(packed), every(load(tmp_path / "in", side=0)))


def test_splits_and_whole_classes_are_held_out(tmp_path):
  for number, split in enumerate(("train", "val", "test")):
    pictures(tmp_path / "in" / split, each=3, classes=("a", "b"), seed=number)
  made = load(tmp_path / "in")
  assert [len(v["x"]) for v in made.splits.values()] == [6, 6, 6]
  pictures(tmp_path / "people", each=2, classes=[f"s{i}" for i in range(10)])
  made = load(tmp_path / "people", hold_out="classes", test=0.3)
  who = [set(v["label"].tolist()) for v in made.splits.values()]
  assert [len(people) for people in who] == [6, 1, 3]
  assert len(set.union(*who)) == 10
  assert made.spec.classes[:3] == ("s0", "s1", "s2")  # s10 would be after s9


def test_attributes_lie_beside_the_pictures(tmp_path):
  drawn = pictures(tmp_path / "in", each=5, classes=("all",))
  smile, shape = [0, 1, 1, 0, 1], ["round", "long", "long", "round", "oval"]
  text = "file,Smile,face,height,split\n"
  for i, name in enumerate(drawn):
    split = ("train", "train", "train", "valid", "test")[i]
    text += f"{name},{smile[i]},{shape[i]},{1.5 * (i % 2)},{split}\n"
  (tmp_path / "in" / "attributes.csv").write_text(text)
  made = load(tmp_path / "in", side=0)
  assert [(f.name, f.values, f.names) for f in made.spec.factors] == [
    ("Smile", (0.0, 1.0), ()),
    ("face", (0.0, 1.0, 2.0), ("long", "oval", "round")),
    ("height", (0.0, 1.5), ()),
  ]
  known = np.concatenate([v["factors"] for v in made.splits.values()])
  np.testing.assert_array_equal(known[:, 0], smile)
  np.testing.assert_array_equal(known[:, 1], [2, 0, 0, 2, 1])
  np.testing.assert_array_equal(every(made)[..., 0], list(drawn.values()))


def test_the_table_of_celeba_is_read_as_published(tmp_path):
  pictures(tmp_path / "in", each=4, classes=("img",), ending="jpg")
  text = "4\nMale Smiling\n" + "\n".join(f"{i}.jpg  {2 * (i % 2) - 1} -1" for i in range(4))
  (tmp_path / "in" / "list_attr_celeba.txt").write_text(text)
  made = load(tmp_path / "in", test=1.0, valid=1.0)
  assert [f.values for f in made.spec.factors] == [(0.0, 1.0), (-1.0,)]
  known = np.concatenate([v["factors"] for v in made.splits.values()])
  assert sorted(known[:, 0]) == [0, 0, 1, 1]


@pytest.mark.parametrize(
  ("text", "said"),
  [
    ("file,a\nall/0.png,1\n", "no row for the picture all/1.png"),
    ("file,a\n0,1\n1,\n", "column 'a' is empty for all/1.png"),
    ("file,a\n0,1\n1,0,3\n", "row 3 has 3 cells"),
    ("file,a,a\n0,1,1\n1,0,1\n", "two columns alike"),
    ("file,a,split\n0,1,train\n1,0,hold\n", "'hold' is no split"),
    ("file\n0\n1\n", "needs a line of names"),
    ("file,a\n0,nan\n1,1\n", "not finite"),
  ],
)
def test_a_bad_table_is_a_sentence(tmp_path, text, said):
  pictures(tmp_path / "in", each=2, classes=("all",))
  (tmp_path / "in" / "attributes.csv").write_text(text)
  with pytest.raises(UserError, match=said):
    load(tmp_path / "in")
  with pytest.raises(UserError, match=r"Did you mean 'attributes.csv'"):
    load(tmp_path / "in", attributes="attribute.csv")


def test_a_bad_folder_is_a_sentence(tmp_path):
  (tmp_path / "none").mkdir()
  with pytest.raises(UserError, match="has no picture"):
    load(tmp_path / "none")
  with pytest.raises(UserError, match=r"There is no folder and no \.zip"):
    load(tmp_path, path="gone")
  with pytest.raises(UserError, match="--data_dir=FOLDER"):
    data.load({"name": "images"}, None)
  pictures(tmp_path / "in", each=3)
  with pytest.raises(UserError, match=r"data\.side is 2"):
    load(tmp_path / "in", side=2)
  with pytest.raises(UserError, match="Did you mean 'crop'"):
    load(tmp_path / "in", fit="cropp")
  PIL.Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "in" / "b" / "x.png")
  with pytest.raises(UserError, match=r"set\s+data\.side"):
    load(tmp_path / "in", side=0)
  (tmp_path / "in" / "b" / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
  with pytest.raises(UserError, match=r"b/x\.png cannot be read"):
    load(tmp_path / "in")
  pictures(tmp_path / "flat", each=3, classes=("",))
  with pytest.raises(UserError, match="the pictures have none"):
    load(tmp_path / "flat", hold_out="classes")


def encoded(picture, kind="PNG", **options):
  file = io.BytesIO()
  picture.save(file, kind, **options)
  return file.getvalue()


def test_frames_keep_what_they_say():
  wide = np.zeros((10, 20, 3), np.uint8)
  wide[:, 5:15] = (200, 100, 50)
  raw = encoded(PIL.Image.fromarray(wide))
  fit = lambda way, c=3: _pictures.fitted(raw, "x", _pictures.Frame(10, 10, c, way))
  np.testing.assert_array_equal(fit("crop"), wide[:, 5:15])
  padded = fit("pad")
  assert (padded[:2] == 255).all()
  assert (padded[-2:] == 255).all()
  assert abs(int(padded[5, 5, 0]) - 200) < 9
  grey = fit("crop", 1)
  assert set(np.unique(grey)) == {round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)}
  unit = images.fitted(raw, "x", Spec((10, 10, 3), "image", "unit"))
  np.testing.assert_allclose(unit, wide[:, 5:15] / 255)


def test_transparency_turning_and_16_bits_are_seen():
  clear = np.zeros((4, 4, 4), np.uint8)
  clear[:2, :, 3] = 255
  frame = _pictures.Frame(4, 4, 1, "crop")
  x = _pictures.fitted(encoded(PIL.Image.fromarray(clear)), "x", frame)
  assert (x[:2] == 0).all()
  assert (x[2:] == 255).all()
  picture = PIL.Image.fromarray(
    np.array([[0, 255], [0, 255]], np.uint8).repeat(2, 0).repeat(2, 1)
  )
  exif = PIL.Image.Exif()
  exif[0x0112] = 6  # turned by a quarter
  x = _pictures.fitted(encoded(picture, exif=exif), "x", frame)
  assert (x[:2] == 0).all()
  assert (x[2:] == 255).all()
  deep = PIL.Image.fromarray((np.arange(16).reshape(4, 4) * 4369).astype(np.uint16))
  x = _pictures.fitted(encoded(deep), "x", frame)
  np.testing.assert_array_equal(x[..., 0], np.arange(16).reshape(4, 4) * 17)


def test_colour_is_found_and_grey_kept_grey(tmp_path):
  pictures(tmp_path / "in", size=(8, 8, 3), each=3, ending="jpg")
  assert load(tmp_path / "in").spec.shape == (64, 64, 3)
  assert load(tmp_path / "in", colour="grey").spec.shape == (64, 64, 1)
  pictures(tmp_path / "grey", size=(8, 8), each=3, ending="jpg")
  assert load(tmp_path / "grey").spec.shape == (64, 64, 1)


def test_faces_are_split_by_person_and_by_time(tmp_path):
  people = [f"s{i}" for i in range(1, 11)]
  pictures(tmp_path / "raw" / "orl_faces", each=2, classes=people, ending="pgm")
  made = load(tmp_path, "faces", set="orl", side=8)
  who = [set(v["label"].tolist()) for v in made.splits.values()]
  assert len(set.union(*who)) == sum(map(len, who)) == 10
  film = np.random.default_rng(0).integers(0, 256, (50, 28, 20), dtype=np.uint8)
  (tmp_path / "raw" / "freyfaces").mkdir()
  np.savez(tmp_path / "raw" / "freyfaces" / "freyfaces.npz", x=film)
  made = load(tmp_path, "faces", set="frey")
  np.testing.assert_array_equal(every(made)[..., 0], film)
  drawn = load(tmp_path, "faces", set="frey", frames="drawn")
  where = lambda part: [
    int(np.square(film - x[..., 0]).sum((1, 2)).argmin()) for x in part["x"]
  ]
  train, valid, test = (where(drawn.splits[name]) for name in ("train", "valid", "test"))
  assert sorted([*train, *valid, *test]) == [*range(50)]
  assert test != [*range(45, 50)]
  assert (len(valid), len(test)) == (4, 5)
  with pytest.raises(UserError, match="'last' or 'drawn'"):
    load(tmp_path, "faces", set="frey", frames="any")
  with pytest.raises(UserError, match="Did you mean 'frey'"):
    load(tmp_path, "faces", set="fry")
  with pytest.raises(UserError, match=r"There is no smiles_balanced\.zip"):
    load(tmp_path, "faces")


def test_arrays_of_another_layout_or_range_are_told(tmp_path):
  x = np.random.default_rng(0).uniform(0, 1, (30, 3, 8, 8)).astype(np.float32)
  np.save(tmp_path / "x.npy", x)
  with pytest.raises(UserError, match=r"x\.transpose\(0, 2, 3, 1\)"):
    load(tmp_path, "arrays", path="x.npy")
  assert load(tmp_path, "arrays", path="x.npy", kind="image").spec.shape == (3, 8, 8)
  np.save(tmp_path / "y.npy", 255 * x.transpose(0, 2, 3, 1))
  with pytest.raises(UserError, match="divide them by 255"):
    load(tmp_path, "arrays", path="y.npy")
  assert load(tmp_path, "arrays", path="y.npy", domain="real").spec.domain == "real"


def test_attributes_of_a_prepared_set_are_factors_and_sizes_are_brought_down(tmp_path):
  words = ("Smiling", "Male")
  drawn = tfds_folder(
    tmp_path, {"train": 12, "test": 6}, shape=(12, 8, 3), attributes=words
  )
  made = load(tmp_path, "tfds", set="toy", side=4, valid=2.0)
  assert made.spec.shape == (4, 4, 3)
  assert [f.name for f in made.spec.factors] == ["Male", "Smiling"]
  known = made.splits["test"]["factors"]
  np.testing.assert_array_equal(known[:, 1], np.arange(6) % 2 == 0)
  np.testing.assert_array_equal(known[:, 0], np.arange(6) % 3 == 0)
  whole = load(tmp_path, "tfds", set="toy", valid=2.0)
  np.testing.assert_array_equal(whole.splits["test"]["x"], drawn["test"])
  exact = _pictures.resized(drawn["test"][0], 4)
  np.testing.assert_array_equal(made.splits["test"]["x"][0], exact)
  flat = np.full((12, 8, 1), 77, np.uint8)
  np.testing.assert_array_equal(_pictures.resized(flat, 4), np.full((4, 4, 1), 77))
