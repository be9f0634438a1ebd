"""Damaged files and flags that cannot be meant: each succeeds or is one sentence of a UserError.

2,000 cases of files and 1,000 of flags, the same at every run; a case that fails is shrunk by
hypothesis to the smallest one that does.
"""

import gzip
import io
import json
import pathlib
import struct
import zipfile

import data_files
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vae_jax import config as configuration
from vae_jax import data, files, flags, report
from vae_jax.report import trusted
from vae_jax.training import sweep, workdir
from vae_jax.types import Figure, Report, Table, UserError

EACH = {
  "deadline": None,
  "derandomize": True,
  "database": None,
  "suppress_health_check": list(HealthCheck),
}
GREY = data_files.GREY[:12]


def outcome(call) -> str:
  """Success, or one sentence; whatever else is raised is the failure of the test."""
  try:
    call()
  except UserError as error:
    text = str(error)
    assert "\n" not in text.strip(), text
    assert len(text) > 20, text
    return "sentence"
  return "success"


def npz(**arrays) -> bytes:
  file = io.BytesIO()
  np.savez(file, **arrays)
  return file.getvalue()


def npy(x) -> bytes:
  file = io.BytesIO()
  np.save(file, x)
  return file.getvalue()


def idx(x) -> bytes:
  return bytes([0, 0, 8, x.ndim]) + struct.pack(f">{x.ndim}I", *x.shape) + x.tobytes()


def hivae() -> bytes:
  file = io.BytesIO()
  with zipfile.ZipFile(file, "w") as archive:
    rows = [f"{i % 3 + 1},{i / 7},{i},{i % 2}" for i in range(20)]
    archive.writestr("Toy/data.csv", "\n".join(rows))
    kinds = "type,dim,nclass\ncat,1,3\nreal,1,\ncount,1,\nordinal,1,2\n"
    archive.writestr("Toy/data_types.csv", kinds)
    archive.writestr("Toy/MissingTrue.csv", "1,1\n2,3\n")
    archive.writestr("Toy/Missing10_1.csv", "3,1\n4,2\n")
  return file.getvalue()


CSV = "name,size,kind\n" + "".join(f"n{i % 4},{i / 3:.2f},{i % 3}\n" for i in range(24))
WHITE = '"acid";"sugar";"quality"\n' + "".join(
  f"{i}.5;{i};{i % 3 + 4}\n" for i in range(20)
)
YEAST = "".join(
  f"P{i} " + " ".join(f"0.{i + j}" for j in range(8)) + " CYT\n" for i in range(20)
)
TEXT = "".join(f"the {w} film was {v} good\n" for w in "abcdef" for v in "abcdef")
LABELS = np.arange(12, dtype=np.int64) % 3
# name -> the file, its sound content, and the options of the dataset that reads it
FILES = {
  "npy": ("a.npy", npy(GREY), {"name": "arrays", "path": "a.npy"}),
  "npz": ("a.npz", npz(x=GREY / 255, label=LABELS), {"name": "arrays", "path": "a.npz"}),
  "category": (
    "a.npz",
    npz(x=LABELS[:, None].repeat(3, 1), y=np.array(list("abcabcabcabc"))),
    {"name": "arrays", "path": "a.npz", "domain": "category"},
  ),
  "csv": (
    "a.csv",
    CSV.encode(),
    {"name": "tables", "set": "own", "path": "a.csv", "rate": 0.2},
  ),
  "target": (
    "a.csv",
    CSV.replace(",", "\t").encode("utf-16"),
    {"name": "tables", "set": "own", "path": "a.csv", "target": "kind", "kind": "positive"},
  ),
  "table": (
    "a.npz",
    npz(x=np.linspace(0, 1, 36).reshape(12, 3), label=LABELS),
    {"name": "tables", "set": "own", "path": "a.npz", "target": "label"},
  ),
  "white": ("winequality-white.csv", WHITE.encode(), {"name": "tables", "set": "white"}),
  "yeast": (
    "yeast.data",
    YEAST.encode(),
    {"name": "tables", "set": "yeast", "mechanism": "mar"},
  ),
  "hivae": (
    "uci_hivae.zip",
    hivae(),
    {"name": "tables", "set": "hivae/Toy", "mechanism": "published", "rate": 0.1},
  ),
  "idx": ("train-images-idx3-ubyte", idx(GREY), {"name": "idx", "valid": 2.0}),
  "idx labels": (
    "train-labels-idx1-ubyte",
    idx(LABELS.astype(np.uint8)),
    {"name": "idx", "valid": 2.0},
  ),
  "idx gz": (
    "t10k-images-idx3-ubyte.gz",
    gzip.compress(idx(GREY), mtime=0),
    {"name": "idx"},
  ),
  "sentences": (
    "a.txt",
    TEXT.encode(),
    {"name": "sentences", "path": "a.txt", "unknown": 0.5},
  ),
  "labelled": (
    "a.tsv",
    TEXT.replace("\n", "\t1\n", 15).replace("good\n", "good\t0\n").encode(),
    {"name": "sentences", "path": "a.tsv", "unit": "character"},
  ),
  "packed": (
    "a.txt.gz",
    gzip.compress(TEXT.encode(), mtime=0),
    {"name": "sentences", "path": "a.txt.gz", "unknown": 0.5},
  ),
  "amat": (
    "binarized_mnist/binarized_mnist_train.amat",
    (("0 1 " * 392) + "\n").encode() * 3,
    {"name": "tfds", "binarise": "larochelle"},
  ),
}
PIECES = st.one_of(
  st.binary(max_size=6),
  st.sampled_from(
    [
      b"\xff\xfe",
      b"\xef\xbb\xbf",
      b"\0" * 9,
      b"nan",
      b"1e999",
      b"-1",
      b'"',
      b"\n",
      b"\t",
      b";",
      b"99999999999999999999",
      b"inf",
      b"\x80\x81",
      b"1e300",
      b"{}",
      b"[",
      b"\xe9",
      b"",
      b"a" * 140_000,
    ]
  ),
)
# Each: where (a share of the file), how many bytes are replaced there, and by what.
MUTATIONS = st.lists(
  st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 2, 4, 16, 10**9]), PIECES),
  min_size=1,
  max_size=4,
)


def mutated(content: bytes, mutations) -> bytes:
  for share, width, piece in mutations:
    at = int(share * len(content))
    content = content[:at] + piece + content[at + width :]
  return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Where what a mutated file needs beside it is."""
  path = tmp_path_factory.mktemp("fuzz")
  (path / "binarized_mnist").mkdir()
  for split in ("train", "valid", "test"):
    name = path / "binarized_mnist" / f"binarized_mnist_{split}.amat"
    name.write_bytes(FILES["amat"][1])
  return path


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_data_is_read_or_is_a_sentence(name, folder):
  file, content, options = FILES[name]
  path, seen = folder / name / file, set()
  path.parent.mkdir(parents=True, exist_ok=True)
  if name.startswith("idx"):
    for part in ("train", "t10k"):
      (path.parent / f"{part}-images-idx3-ubyte").write_bytes(idx(GREY))
    for stale in path.parent.glob("t10k*") if name == "idx gz" else ():
      stale.unlink()
  elif name == "amat":
    for beside in (folder / "binarized_mnist").iterdir():
      (path.parent / beside.name).write_bytes(beside.read_bytes())
  load = lambda: data.load(options, str(folder / name))
  path.write_bytes(content)
  assert outcome(load) == "success"

  @settings(max_examples=105, **EACH)
  @given(MUTATIONS)
  def damaged(mutations):
    path.write_bytes(mutated(content, mutations))
    seen.add(outcome(load))

  damaged()
  assert "sentence" in seen


@pytest.fixture(scope="module")
def described(tmp_path_factory):
  """A run directory as far as JSON describes it, with a report."""
  path = tmp_path_factory.mktemp("described")
  table = Table(
    "Scores", ("seed", "elbo", "± elbo"), [[0, -3.0, 0.1], [1, "NaN", None]], ""
  )
  picture = Figure("grid", "image_grid", {"images": np.zeros((1, 1, 4, 4, 1))}, "It.")
  report.save(Report("text", "How?", [table], [picture], ["So."], {}), path)
  full = configuration.load("configs/digits.py", {})
  parts = [{"folder": f"parts/{i:03d}", "program": 0, "members": [i]} for i in range(2)]
  about = {"data": "d", "data_dir": None, "steps": 9, "parameters": 3, "seconds": 1.5}
  content = {
    "config": full,
    "members": [{"seed": 0}, {"seed": 1}],
    "parts": parts,
    "run": about,
  }
  for name, value in content.items():
    files.write_json(path / f"{name}.json", value)
  rows = [
    {"step": s, "split": "train", "member": m, "elbo": -s, "rate": "NaN"}
    for s in range(1, 9)
    for m in (0, 1)
  ]
  (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
  return path


READERS = {
  "config.json": lambda path: (
    workdir.differences(
      files.read_json(path, dict), configuration.load("configs/digits.py", {})
    ),
    sweep.parts(configuration.resolve(files.read_json(path, dict))),
  ),
  "members.json": workdir.read_members,
  "run.json": workdir.read_about,
  "parts.json": workdir.read_parts,
  "metrics.jsonl": lambda path: files.read_rows(path, 2),
  "reports/text/report.json": trusted.report,
  "figures/text_grid.png": trusted.pixels,
}


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_of_a_run_is_read_or_is_a_sentence(name, described):
  path, seen = described / name, set()
  content = path.read_bytes()

  def read():
    READERS[name](path)
    report.render(described, "")  # what was accepted is shown

  assert outcome(read) == "success"

  @settings(max_examples=60, **EACH)
  @given(MUTATIONS)
  def damaged(mutations):
    path.write_bytes(mutated(content, mutations))
    seen.add(outcome(read))

  damaged()
  path.write_bytes(content)
  assert "sentence" in seen


def replaced(value, choose, depth=0):
  """JSON with one value of it exchanged for another."""
  if isinstance(value, dict) and value and depth < 4 and choose(3):
    name = sorted(value)[choose(len(value))]
    return {**value, name: replaced(value[name], choose, depth + 1)}
  if isinstance(value, list) and value and depth < 4 and choose(3):
    at = choose(len(value))
    return [*value[:at], replaced(value[at], choose, depth + 1), *value[at + 1 :]]
  others = [
    None,
    True,
    -1,
    0,
    3,
    1e308,
    2**70,
    "",
    "../x",
    "a\0b",
    [],
    [1],
    {},
    {"a": 1},
    float("nan"),
  ]
  return others[choose(len(others))]


@pytest.mark.parametrize("name", [name for name in READERS if name.endswith(".json")])
def test_json_of_another_type_is_read_or_is_a_sentence(name, described):
  path = described / name
  content = path.read_text()

  @settings(max_examples=50, **EACH)
  @given(st.data())
  def exchanged(source):
    choose = lambda n: source.draw(st.integers(0, n - 1))
    path.write_text(json.dumps(replaced(json.loads(content), choose)))
    outcome(lambda: (READERS[name](path), report.render(described, "")))

  exchanged()
  path.write_text(content)


FULL = configuration.load("configs/digits.py", {})
FIELDS = [
  f"{section}.{field}" if isinstance(values, dict) else section
  for section, values in FULL.items()
  for field in (values if isinstance(values, dict) and values else [""])
]
NAMES = st.one_of(
  st.sampled_from([name.rstrip(".") for name in FIELDS]),
  st.sampled_from(
    [*FULL, "sweep.beta", "schedule.beta", "hyper.beta.x", "model.name.x", ".", "a..b"]
  ),
  st.text(max_size=6),
)
WORDS = st.one_of(
  st.sampled_from(
    [
      "",
      "0",
      "-1",
      "-5",
      "1e999",
      "-1e999",
      "nan",
      "1e39",
      "4294967296",
      "2147483648",
      "3",
      "0.5",
      "true",
      "None",
      "[]",
      "[0]",
      "[1,2]",
      "{}",
      "{1:2}",
      "{1,2}",
      "b'a'",
      "1j",
      "()",
      "(1,)",
      "...",
      "[[[]]]",
      "'a'",
      "a",
      "gaussian",
      "mlp",
      "beta",
      "digits",
      "linear",
      "[1e999]",
      "[-1]",
      "{'beta': [1,2]}",
      "{'beta': 3}",
      "{'grid': 3}",
      "{'list': 3}",
      "{'zip': {'a': 1}}",
      "{'chain': 3}",
      "{'product': [{}]}",
      "[{'beta': 1e999}]",
      "{'model.latents': [0]}",
      "{'seed': [-1]}",
      "{'seed': [1.5]}",
      "{'beta': [None]}",
      "{'beta': [[1]]}",
      "{3: [1]}",
      "{'model.hidden': [[0]]}",
      "{'train.epochs': [-1]}",
      "{'beta': [1e39]}",
      "[" * 500,
      "9" * 5000,
      "{'product': [" + ", ".join(f"{{'a{i}': {[*range(10)]}}}" for i in range(9)) + "]}",
    ]
  ),
  st.text(max_size=8),
  st.integers(-(2**70), 2**70).map(str),
  st.floats().map(repr),
)


NUMBERS = st.sampled_from(
  ["seed", *(f"hyper.{k}" for k in FULL["hyper"]), *(f"train.{k}" for k in FULL["train"])]
)
SOUND = st.sampled_from(["1", "2", "3.0", "0.5", "1e2", "0"])


def test_flags_are_understood_or_are_a_sentence():
  seen = {"success": 0, "sentence": 0}

  @settings(max_examples=1000, **EACH)
  @given(
    st.dictionaries(NAMES, WORDS, min_size=1, max_size=2) | st.dictionaries(NUMBERS, SOUND),
    st.sampled_from(["", ":smoke"]),
  )
  def given_words(words, argument):
    def call():
      found = flags.overrides([f"--config.{name}={word}" for name, word in words.items()])
      full = configuration.load(f"configs/digits.py{argument}", found)
      json.dumps(full, allow_nan=False)
      sweep.parts(full)

    seen[outcome(call)] += 1

  given_words()
  assert min(seen.values()) > 50, seen


CONFIGS = {
  "None": "return None",
  "a list": "return [1]",
  "nothing": "pass",
  "an exit": "raise SystemExit(0)",
  "no field": "return {'a': 1}",
  "a scalar": "return {'hyper': 3}",
  "a number": "return {3: 4}",
  "part": "return {'data': 'digits'}",
  "name": "return {'data': {'name': ['digits']}}",
  "no end": "return get_config()",
  "syntax": "return (",
  "zero": "return b'\\0'",
}


@pytest.mark.parametrize("body", CONFIGS)
def test_a_config_file_that_returns_no_configuration_is_a_sentence(tmp_path, body):
  path = tmp_path / "mine.py"
  path.write_text(f"def get_config(argument=''):\n  {CONFIGS[body]}\n")
  assert outcome(lambda: configuration.load(str(path), {})) == "sentence"
  other = pathlib.Path(tmp_path / "mine.txt")
  other.write_bytes(path.read_bytes())
  with pytest.raises(UserError, match="There is no config file"):
    configuration.load(str(other), {})
