"""Inputs as they come: what can be read is read, what cannot be meant is one sentence."""

import gzip
import io
import struct
import time
import zipfile

import data_files
import numpy as np
import pytest
from helpers import tiny

from vae_jax import config as configuration
from vae_jax import data, flags
from vae_jax.data import _files
from vae_jax.training import sweep
from vae_jax.types import UserError

GREY = data_files.GREY


def own(tmp_path, content, name="a.csv", **options):
  (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
  options = {"name": "tables", "set": "own", "path": name, "rate": 0.0, **options}
  return data.load(options, str(tmp_path))


ROWS = [f"{'é' if i % 2 else 'u'},{i / 4},{i % 3}" for i in range(20)]
TABLE = "\n".join(["näme,size,kind", *ROWS]) + "\n"


@pytest.mark.parametrize(
  "encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-32"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_csv_in_its_encoding_and_with_its_separator(tmp_path, encoding, separator):
  made = own(tmp_path, TABLE.replace(",", separator).encode(encoding))
  assert [c.name for c in made.spec.columns] == ["näme", "size", "kind"]
  assert ("read as cp1252" in made.note) == (encoding in ("latin-1", "cp1252"))
  assert made.spec.columns[0].names == ("u", "é")
  sizes = made.splits["test"]["truth"][:, 1] * made.spec.columns[1].scale
  np.testing.assert_allclose(
    sizes + made.spec.columns[1].shift, np.arange(20) / 4, atol=1e-6
  )


def test_quoted_cells_may_hold_separators_and_lines(tmp_path):
  text = 'a,b\n"x, y; z\nw",1\n"x",2\n"x",3\n'
  made = own(tmp_path, text, valid=1.0)
  assert made.spec.columns[0].names == ("x", "x, y; z\nw")


BAD_CSV = {
  "no letter": (
    TABLE.encode().replace(b"\nu,0.0", b"\nu\x81,0.0"),
    r"byte 0x\w\w in row 2, which is no letter in UTF-8",
  ),
  "long cell": ("a,b\n" + "1,2\n" * 5 + "x" * 140_000 + ",3\n", "row 7"),
  "open quote": ('a,b\n1,2\n"' + "1,2\n" * 50_000, "quotation mark that is not closed"),
  "decimal comma": ("a;b\n1,5;2\n2,5;3\n3,5;4\n", "row 2 has '1,5'; write a decimal point"),
  "short row": ("a,b\n1,2\n1\n2,3\n3,3\n", "row 3 has 1 cells"),
  "infinite": ("a,b\n1,2\n1,1e999\n2,3\n3,3\n", "'b' has inf in row 3"),
  "huge": ("a,b\n1,2\n1,-1e200\n2,3\n3,3\n", "'b' has -1e\\+200 in row 3"),
  "one line": ("a,b\n", "has 1 lines"),
}


@pytest.mark.parametrize("how", BAD_CSV)
def test_a_csv_that_cannot_be_read_names_its_row(tmp_path, how):
  content, match = BAD_CSV[how]
  with pytest.raises(UserError, match=match):
    own(tmp_path, content)


def saved(**values) -> bytes:
  file = io.BytesIO()
  np.savez(file, **values)
  return file.getvalue()


def zipped(name: str, content: bytes, **options) -> bytes:
  file = io.BytesIO()
  with zipfile.ZipFile(file, "w", **options) as archive:
    archive.writestr(name, content)
  return file.getvalue()


def encrypted() -> bytes:
  """An archive whose entry says that it needs a password."""
  content = bytearray(saved(x=GREY))
  for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
    content[content.index(mark) + at] |= 1
  return bytes(content)


def header(shape, size=10) -> bytes:
  """An array that says it is of this shape, and has `size` bytes."""
  file = io.BytesIO()
  np.lib.format.write_array_header_1_0(
    file, {"descr": "<f8", "fortran_order": False, "shape": shape}
  )
  return file.getvalue() + bytes(size)


def bomb() -> bytes:
  """Three entries of 4 GB each as the directory says, one of them enough to be refused."""
  file = io.BytesIO()
  with zipfile.ZipFile(file, "w") as archive:
    for name in "xyz":
      archive.writestr(f"{name}.npy", header((4,)))
  content = file.getvalue()
  at = -1
  while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
    content = content[: at + 24] + struct.pack("<I", 2**32 - 2) + content[at + 28 :]
  return content


BAD_ARRAYS = {
  "encrypted": ("a.npz", encrypted(), "password|encrypted"),
  "damaged": ("a.npz", saved(x=GREY)[:-90], "cannot be read"),
  "flipped": (
    "a.npz",
    saved(x=GREY).replace(GREY.tobytes()[:8], b"\xff" * 8),
    "Bad CRC-32",
  ),
  "no array": ("a.npz", zipped("x.txt", b"hello"), "'x.txt', which is no .npy array"),
  "declared": (
    "a.npz",
    zipped("x.npy", header((10**9, 100))),
    "says that it holds 800,000,000,000",
  ),
  "declared npy": ("a.npy", header((10**9, 100)), "says that it holds 800,000,000,000"),
  "unpacked": ("a.npz", bomb(), "12,884,901,882 bytes when unpacked"),
  "objects": (
    "a.npy",
    b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}".ljust(
      127
    )
    + b"\n",
    "Python objects",
  ),
  "negative": ("a.npy", header((-3, 4)), "says that it holds"),
}


@pytest.mark.parametrize("how", BAD_ARRAYS)
def test_arrays_that_are_none_are_refused_before_memory_is_taken(tmp_path, how):
  name, content, match = BAD_ARRAYS[how]
  (tmp_path / name).write_bytes(content)
  began = time.perf_counter()
  with pytest.raises(UserError, match=match):
    data.load({"name": "arrays", "path": name}, str(tmp_path))
  assert time.perf_counter() - began < 5


def test_a_gz_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
  monkeypatch.setattr(_files, "MOST", 1000)
  (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"a b\n" * 1000))
  with pytest.raises(UserError, match="holds more when unpacked, and at most 1,000 bytes"):
    data.load({"name": "sentences", "path": "a.txt.gz"}, str(tmp_path))


@pytest.mark.parametrize(
  ("stored", "options", "match"),
  [
    ({"x": GREY[:, 0].astype(float), "label": np.arange(9)}, {}, "label is int64 of shape"),
    ({"x": GREY[:, 0].astype(float), "label": np.array([b"a"] * 60)}, {}, "label is"),
    ({"x": GREY[:, 0] * np.nan}, {}, "no observed entry"),
  ],
)
def test_tables_of_arrays_with_wrong_labels(tmp_path, stored, options, match):
  with pytest.raises(UserError, match=match):
    own(tmp_path, saved(**stored), "a.npz", **options)


def test_labels_of_a_table_may_be_words(tmp_path):
  words = np.array(["no", "yes"])[np.arange(60) % 2]
  made = own(
    tmp_path, saved(x=GREY[:, 0].astype(float), label=words), "a.npz", target="label"
  )
  assert made.spec.classes == ("no", "yes")


@pytest.mark.parametrize("row", [0, 17, 59])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_the_row_that_is_named_is_the_files(tmp_path, row, value):
  x = GREY.astype(np.float64)
  x[row, 2, 1] = value
  (tmp_path / "a.npz").write_bytes(saved(x=x))
  with pytest.raises(UserError, match=f"in row {row}; expected finite"):
    data.load({"name": "arrays", "path": "a.npz"}, str(tmp_path))


@pytest.mark.parametrize(
  ("largest", "domain", "good"),
  [
    (2**31, "category", False),
    (2**24 + 1, "count", False),
    (2**24, "count", True),
    (9, "category", True),
  ],
)
def test_categories_and_counts_that_are_not_kept_exactly(tmp_path, largest, domain, good):
  x = np.arange(60, dtype=np.int64).reshape(20, 3) % 7
  x[3, 1] = largest
  (tmp_path / "a.npz").write_bytes(saved(x=x))
  load = lambda: data.load(
    {"name": "arrays", "path": "a.npz", "domain": domain}, str(tmp_path)
  )
  if good:
    parts = load().splits.values()
    assert max(part["x"].max() for part in parts) == largest
    return
  with pytest.raises(UserError, match=f"x reaches {largest} and data.domain is"):
    load()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0, 1.5, 0.0])
@pytest.mark.parametrize("option", ["valid", "test"])
def test_shares_that_hold_out_nothing(tmp_path, option, value):
  np.save(tmp_path / "a.npy", GREY)
  with pytest.raises(UserError, match=f"data.{option} is"):
    data.load({"name": "arrays", "path": "a.npy", option: value}, str(tmp_path))


def hivae(tmp_path, **changes):
  inside = {
    "data.csv": "\n".join(f"{i % 3},{i},{i / 4}" for i in range(20)),
    "data_types.csv": "type,dim,nclass\ncat,1,3\ncount,1,\nreal,1,\n",
    "Missing10_1.csv": "1,1\n",
  }
  with zipfile.ZipFile(tmp_path / "uci_hivae.zip", "w") as archive:
    for name, text in {**inside, **changes}.items():
      archive.writestr(f"Toy/{name}", text)
  options = {"name": "tables", "set": "hivae/Toy", "mechanism": "published", "rate": 0.1}
  return data.load(options, str(tmp_path))


@pytest.mark.parametrize(
  ("file", "text", "match"),
  [
    (
      "data_types.csv",
      "type,dim,nclass\ncat,1,2\ncount,1,\nreal,1,\n",
      "from 0 to 2 and .* says 2 classes",
    ),
    (
      "data_types.csv",
      "type,dim,nclass\ncat,1,3\ncount,1,\n",
      "has 2 columns and data.csv has 3",
    ),
    (
      "data_types.csv",
      "type,dim,nclass\ncat,1,3\ncount,1,\nrael,1,\n",
      "Did you mean 'real'",
    ),
    (
      "data_types.csv",
      "type,dim,nclass\ncat,1,many\ncount,1,\nreal,1,\n",
      "cannot be read",
    ),
    ("data_types.csv", "kind\ncat\ncount\nreal\n", "cannot be read"),
    ("data.csv", "0,1,2\n1,2\n", "cannot be read"),
    ("data.csv", "0,20000000,1\n1,2,3\n2,3,4\n", "counts beyond 2\\^24"),
    ("data.csv", "0,1,inf\n1,2,3\n2,3,4\n", "infinite value"),
    ("Missing10_1.csv", "0,0\n", "count rows and columns from 1"),
    ("Missing10_1.csv", "a,b\n", "no list of pairs"),
  ],
)
def test_tables_of_hivae_that_do_not_fit_their_types(tmp_path, file, text, match):
  assert hivae(tmp_path).spec.columns[0].categories == 3
  with pytest.raises(UserError, match=match):
    hivae(tmp_path, **{file: text})


@pytest.mark.parametrize(
  ("file", "set_", "content", "match"),
  [
    (
      "yeast.data",
      "yeast",
      "A 1 2 3 4 5 6 7 8 CYT\nB 1 2 3 x 5 6 7 8 CYT\n",
      "row 2, is no row of 8",
    ),
    ("yeast.data", "yeast", "A 1 2 3\n", "row 1, is no row of 8 numbers"),
    ("yeast.data", "yeast", "\n", "is empty"),
    (
      "winequality-white.csv",
      "white",
      '"a";"quality"\n1;5\n2\n',
      "row 3, is no row of 2 numbers",
    ),
    (
      "winequality-white.csv",
      "white",
      '"a";"quality"\n1;5.5\n',
      "no quality, a whole number",
    ),
    ("winequality-white.csv", "white", '"a";"quality"\n1;1e999\n', "row 2"),
  ],
)
def test_published_tables_that_are_damaged(tmp_path, file, set_, content, match):
  (tmp_path / file).write_text(content)
  with pytest.raises(UserError, match=match):
    data.load({"name": "tables", "set": set_}, str(tmp_path))


@pytest.mark.parametrize(
  ("options", "match"),
  [
    ({"encoding": "rot13"}, "cannot be read as rot13"),
    ({"encoding": "undefined"}, "cannot be read as undefined"),
    ({"encoding": "unicode_escape"}, "no encoding of letters"),
    ({"encoding": "a\0b"}, "cannot be read as"),
    ({"encoding": ""}, "cannot be read as"),
    ({"limit": -1}, "data.limit is -1; expected at least 0"),
    ({"length": 0}, "data.length is 0"),
    ({"unknown": -0.5}, "data.unknown is -0.5"),
    ({"path": "", "n": 10**12}, "data.n is 1000000000000"),
  ],
)
def test_sentences_with_options_that_cannot_be_meant(tmp_path, options, match):
  (tmp_path / "a.txt").write_text("a b c\n" * 30)
  with pytest.raises(UserError, match=match):
    data.load({"name": "sentences", "path": "a.txt", **options}, str(tmp_path))


BAD_FLAGS = {
  "hyper=3": r"config\.hyper is 3; it has fields",
  "train=None": r"config\.train is None; it has fields",
  "model=mlp": r"config\.model is 'mlp'; it has fields: write config\.model\.name=<value>",
  "sweep=3": r"config\.sweep has 3; expected axes",
  "model.name=3": r"config\.model\.name is 3; it must be a name",
  "train.steps=1e999": r"config\.train\.steps is inf; it must be of type int",
  "seed=1e999": r"config\.seed is inf",
  "seed=4294967296": r"config\.seed is 4294967296; an integer in \[0, 2\^31\)",
  "seed=-1": r"config\.seed is -1",
  "model.hidden=[0]": r"config\.model\.hidden is \[0\]; it must be at least 1",
  "model.hidden=[-3,4]": r"config\.model\.hidden is \[-3, 4\]",
  "optimizer.b1=-5": r"config\.optimizer\.b1 is -5\.0; it lies in \[0, 1\)",
  "optimizer.b2=1": r"config\.optimizer\.b2 is 1\.0",
  "optimizer.eps=0": r"config\.optimizer\.eps is 0\.0",
  "train.epochs=-1": r"config\.train\.epochs is -1\.0; it must not be negative",
  "train.epochs=1e999": r"config\.train\.epochs is inf; it must be a finite number",
  "hyper.beta=1e39": r"config\.hyper\.beta is 1e\+39; .* within float32",
  "sweep={'beta': [1e39]}": r"config\.sweep\.beta is 1e\+39",
  "sweep={'beta': [1e999]}": r"config\.sweep\.beta has inf",
  "data.valid=1e999": r"config\.data\.valid is inf",
}


@pytest.mark.parametrize("word", BAD_FLAGS)
def test_flags_that_cannot_be_meant(tmp_path, word):
  partial = {
    "data": {"name": "digits"},
    "model": {"name": "mlp"},
    "likelihood": {"name": "gaussian"},
    "objective": {"name": "beta"},
  }
  path = tmp_path / "mine.py"
  path.write_text(f"def get_config(argument=''):\n  return {partial}\n")
  with pytest.raises(UserError, match=BAD_FLAGS[word]):
    sweep.parts(configuration.load(str(path), flags.overrides([f"--config.{word}"])))


@pytest.mark.parametrize(
  ("given", "members"),
  [
    ({"grid": {f"a{i}": list(range(10)) for i in range(9)}}, "1,000,000,000"),
    ({f"a{i}": list(range(10)) for i in range(9)}, "1,000,000,000"),
    ({"product": [{"beta": list(range(1000))}, {"seed": list(range(1000))}]}, "1,000,000"),
    ({"chain": [{"beta": list(range(60_000))}] * 2}, "120,000"),
    ({"zip": {"beta": list(range(100_001))}}, "100,001"),
    ({"list": [{"beta": i} for i in range(100_001)]}, "100,001"),
  ],
)
def test_a_sweep_is_counted_before_it_is_made(given, members):
  config, began = {**tiny(), "sweep": given}, time.perf_counter()
  with pytest.raises(
    UserError, match=f"config.sweep has {members} members, and at most 100,000"
  ):
    sweep.parts(config)
  assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
  "given",
  [
    {"beta": [1, 2], "seed": [0, 1, 2]},
    {"zip": {"beta": [1, 2], "seed": [3, 4]}},
    [{"beta": 1}, {"beta": 2}],
    {"chain": [{"beta": [1, 2]}, [{"beta": 3}]]},
    {"product": [{"beta": [1, 2]}, {"chain": [{"seed": [1]}, {"seed": [2, 3]}]}]},
    {},
  ],
)
def test_the_count_is_that_of_the_rows(given):
  assert (sweep.count(given) or 0) == len(sweep.rows(given)) or given == {}


def test_too_many_programs_are_refused():
  config = {**tiny(), "sweep": {"model.latents": list(range(1, 1002))}}
  with pytest.raises(UserError, match="has 1,001 programs"):
    sweep.parts(config)
