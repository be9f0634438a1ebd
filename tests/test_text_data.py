"""Sentences from files and from the grammar: splits, vocabulary, and what is refused."""

import gzip
import itertools
import math

import numpy as np
import pytest

from vae_jax import data
from vae_jax.data import _grammar, sentences
from vae_jax.types import UserError


def load(tmp_path, **options):
  options = {"unknown": 1.0, "test": 2, "valid": 2, "min_count": 1, **options}
  return data.load({"name": "sentences", **options}, str(tmp_path))


def write(path, *lines, encoding="utf-8"):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_bytes("\n".join(lines).encode(encoding))


def numbered(word, count=10):
  return [f"{word} is number{i}" for i in range(count)]


def test_a_file_is_read_line_by_line_and_comes_back(tmp_path):
  lines = ["a b c", "b a", "c", "a a a a", "b c a", "c c"]
  write(tmp_path / "own.txt", *lines)
  made = load(tmp_path, path="own.txt")
  assert made.spec.shape == (5,)  # the longest and its end
  assert made.spec.symbols[:3] == ("<pad>", "<eos>", "<unk>")
  assert made.spec.classes == ()
  found = [
    sentences.text(row, made.spec.symbols)
    for part in made.splits.values()
    for row in part["x"]
  ]
  known = set(made.spec.symbols)
  expected = [" ".join(w if w in known else "<unk>" for w in s.split()) for s in lines]
  assert sorted(found) == sorted(expected)


def test_the_vocabulary_is_of_train_alone(tmp_path):
  write(tmp_path / "set" / "train.txt", *numbered("a"))
  write(tmp_path / "set" / "valid.txt", "a is secret", "a is number1 secret")
  write(tmp_path / "set" / "test.txt", "a is hidden", "is a")
  made = load(tmp_path, path="set")
  assert not {"secret", "hidden"} & set(made.spec.symbols)
  np.testing.assert_array_equal(made.splits["test"]["x"][0][:4], [3, 4, 2, 1])
  assert list(map(len, (made.splits[s]["x"] for s in made.splits))) == [10, 2, 2]


def test_labels_come_from_names_tabs_and_folders(tmp_path):
  write(tmp_path / "raw" / "mr" / "rt.neg", *numbered("bad"))
  write(tmp_path / "raw" / "mr" / "rt.pos", *numbered("good"))
  mr = load(tmp_path, path="mr", test=6, valid=6)
  assert mr.spec.classes == ("neg", "pos")
  for part in mr.splits.values():
    first = [mr.spec.symbols[i] for i in part["x"][:, 0]]
    assert all(
      w in (("bad", "good")[y], "<unk>") for w, y in zip(first, part["label"], strict=True)
    )
  rows = [f"{s}\t{i % 2}" for i, s in enumerate(numbered("x", 12))]
  (tmp_path / "sst").mkdir()
  (tmp_path / "sst" / "train.tsv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
  write(tmp_path / "sst" / "dev.tsv", "x is number1 x\t0", "x x\t1")
  write(tmp_path / "sst" / "test.tsv", "x is\t0", "is x\t1")
  sst = load(tmp_path, path="sst")
  assert sst.spec.classes == ("0", "1")
  assert len(sst.splits["train"]["x"]) == 12
  for label, word in enumerate(("bad", "good")):
    write(tmp_path / "yelp" / f"sentiment.dev.{label}", *numbered(word))
    write(tmp_path / "yelp" / f"sentiment.test.{label}", f"{word} {word}", f"is {word}")
  yelp = load(tmp_path, path="yelp", valid=4)
  assert [len(yelp.splits[s]["x"]) for s in ("train", "valid", "test")] == [16, 4, 4]


def test_characters_and_long_sentences(tmp_path):
  write(tmp_path / "own.txt", "ab a", "ba", "abab", "b b", "a", "a rather long one")
  made = load(tmp_path, path="own.txt", unit="character", length=4)
  assert set(made.spec.symbols[3:]) <= {"a", "b", " "}
  assert "1 longer than 4 characters are left out" in made.note
  assert made.spec.shape == (5,)


@pytest.mark.parametrize(
  ("files", "options", "message"),
  [
    ({"own.txt": [""]}, {}, r"own\.txt is empty"),
    ({"own.txt": ["a b c d"] * 9}, {"length": 2}, "no sentence of at most 2 words"),
    (
      {"own.txt": [f"w{i}" for i in range(20)]},
      {"unknown": 0.5},
      "100 % of the words are unknown",
    ),
    ({"own.txt": numbered("a")}, {"unit": "letter"}, "data.unit is 'letter'"),
    ({"own.txt": numbered("a")}, {"encoding": "utf-9"}, "cannot be read as utf-9"),
    ({"own.tsv": ["no tab here"]}, {"path": "own.tsv"}, "own.tsv, line 1, has no sentence"),
    ({}, {"path": "owm"}, "no file or folder of sentences 'owm'"),
    ({"own.txt.gz": ["not packed"]}, {"path": "own.txt.gz"}, "own.txt.gz cannot be read"),
    ({"s/notes.md": ["a b"]}, {"path": "s"}, "s holds no file of sentences"),
    ({"s/test.txt": numbered("a")}, {"path": "s"}, "s has a test split alone"),
    ({"own.txt": ["a b"] * 3}, {"test": 3}, "data.test is 3"),
    (
      {"s/a.txt": numbered("a"), "s/b.txt": ["b is a rather long one"] * 9},
      {"path": "s", "length": 4},
      "split train: the class 'b' has no example",
    ),
    (
      {"s/train.tsv": ["a b\t0", "b a\t1", "a a\t0"], "s/test.tsv": ["b b\t-1"],
       "s/dev.tsv": ["a\t0", "b\t1"]},
      {"path": "s"},
      "the class '-1' of test has no example in train",
    ),
    (
      {"s/train.a.txt": numbered("a"), "s/train.b.txt": numbered("b"),
       "s/test.a.txt": ["x"]},
      {"path": "s"},
      "the class 'b' has no example",
    ),
    (
      {"s/train.a.txt": numbered("a"), "s/train.b.txt": numbered("b"),
       "s/test.a.txt": ["x"], "s/test.b.txt": ["x"], "s/test.c.txt": ["y"]},
      {"path": "s"},
      "the class 'c' of test has no example in train",
    ),
  ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(tmp_path, files, options, message):
  for name, lines in files.items():
    write(tmp_path / name, *lines)
  with pytest.raises(UserError, match=message):
    load(tmp_path, **{"path": "own.txt", **options})


def test_latin_1_is_told_and_read(tmp_path):
  write(tmp_path / "own.txt", *numbered("café"), encoding="latin-1")
  with pytest.raises(UserError, match="latin-1"):
    load(tmp_path, path="own.txt")
  assert "café" in load(tmp_path, path="own.txt", encoding="latin-1").spec.symbols


def test_the_grammar_sums_to_one_and_gives_what_it_draws_its_frequency():
  def mass(subject, mood, state):
    table = _grammar.states(subject, mood)
    total = sum(p for p, _, _ in table[state])
    assert math.isclose(total, 1.0), (state, total)
    return table

  for subject, mood in itertools.product(_grammar.NOUNS, _grammar.MOODS):
    for state in mass(subject, mood, _grammar.START):
      mass(subject, mood, state)
  # 'this film drags by the sea .': 1/8 of this subject and mood, then a choice at each word
  want = 0.125 * 0.4 * 0.5 / 10 * 0.4 / 5 * 0.4 / 8 * 1.0
  got = _grammar.log_prob("this film drags by the sea .")
  np.testing.assert_allclose(got, math.log(want), rtol=1e-12)
  assert _grammar.log_prob("film this drags .") == -math.inf
  words = {
    "this",
    "drags",
    "by",
    "the",
    "sea",
    ".",
  }  # 'film' is not known, nor any other noun
  got = _grammar.log_prob("this <unk> drags by the sea .", words)
  np.testing.assert_allclose(got, math.log(4 * 10 * want), rtol=1e-12)
  rng = np.random.default_rng(0)
  assert all(math.isfinite(_grammar.log_prob(_grammar.draw(rng)[0])) for _ in range(200))


def test_the_grammar_is_labelled_as_generated_and_hardly_repeats():
  made = data.load({"name": "sentences"}, None)
  assert "GENERATED" in made.note
  assert np.isfinite(sentences.truth(made, made.splits["test"]["x"])).all()
  assert len(made.splits["train"]["x"]) > 0.99 * (6000 - 1000 - 500)


def test_a_sentence_of_the_command_line_is_parsed_or_told():
  spec = data.load({"name": "sentences"}, None).spec
  row = sentences.parse("This film shines .", spec, "word")
  assert sentences.text(row, spec.symbols) == "this film shines ."
  with pytest.raises(UserError, match="has 0 words"):
    sentences.parse(" ", spec, "word")
  with pytest.raises(UserError, match="No word"):
    sentences.parse("xylophone", spec, "word")


def test_a_mark_of_byte_order_is_no_symbol(tmp_path):
  write(tmp_path / "own.txt", "\ufeffa b", *numbered("a"))
  assert not any("\ufeff" in s for s in load(tmp_path, path="own.txt").spec.symbols)
