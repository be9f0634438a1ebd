"""What made rows add: pools by hand, a generator that copies, and made rows as a file."""

import csv
from collections import Counter

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import evaluated, means, outcome, scored
from made import bind, open_with

from vae_jax import data, report
from vae_jax.baselines import augmenting, augmenting_words
from vae_jax.metrics import closest_record, detection, text
from vae_jax.studies import amounts
from vae_jax.types import Column, Dataset, Posterior, Spec, UserError

SMALL = {"steps": 60, "pool": 128, "limit": 60, "tune": 30, "make": 20}


def rows(counts=(6, 6), seed=0, size=4):
  """Rows of classes whose means are 2 apart, and their labels."""
  rng = np.random.default_rng(seed)
  label = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
  x = rng.normal(size=(len(label), size)) + 2.0 * label[:, None]
  return x.astype(np.float32), label


def fold(counts=(6, 6)):
  return augmenting.Fold(*rows(counts), len(counts))


def dataset(counts=(6, 6)) -> Dataset:
  splits = {}
  for seed, (name, size) in enumerate(
    {"train": counts, "valid": (20, 20), "test": (30, 30)}.items()
  ):
    x, label = rows(size, seed)
    splits[name] = {"x": x, "label": label}
  columns = tuple(Column(f"x{i}") for i in range(1, 5))
  spec = Spec((4,), "table", "real", classes=("calm", "storm"), columns=columns)
  return Dataset("made", spec, splits)


def opened(made: Dataset, vae, **options):
  """A run on that data, conditional on its labels."""
  conditional = vae._replace(given=lambda label: vae)
  found = open_with(made, conditional, **options)
  config = {**found.config, "data": {**data.options("digits"), "name": "made"}}
  return found._replace(config=config)


def copying(made: Dataset):
  """A VAE whose code is the row itself, without noise."""
  encode = lambda params, x: Posterior(x * params["scale"], jnp.full(4, -60.0))
  return bind(made, encode, lambda params, z: z, 4)


def test_a_generator_that_copies_the_training_rows_gains_nothing():
  """Its pool is that of the rows alone, so that every answer is the same."""
  made = dataset()
  found = evaluated("augmentation", opened(made, copying(made)), SMALL)
  scores = means(found, "accuracy")
  assert scores["VAE", "6 a class"] == pytest.approx(scores["nothing", "6 a class"])
  assert scores["VAE alone", "6 a class"] > 50
  told = next(t for t in found.tables if t.title.startswith("Distance"))
  assert told.rows[0][2] == 1  # all of them copies
  assert any("20 that were copies" in said for said in found.findings)


def test_sizes_of_the_fold_are_conditions_and_rows_are_made_near_the_largest(monkeypatch):
  """Of each size a model that copies: it is beside the arms of its own fold."""
  monkeypatch.setattr(augmenting, "METHODS", {"nothing": augmenting.nothing})
  runs = []
  for number, size in enumerate((3, 8)):
    made = dataset((size, size))
    run = opened(made, copying(made), numbers=[number])
    options = {**run.config["data"], "labels": 2 * size, "unlabelled": False}
    runs.append(run._replace(config={**run.config, "data": options}))
  found = outcome("augmentation", runs, {**SMALL, "make": 16})
  assert found.conditions == ("3 a class", "8 a class")
  lines = {line.method: line for line in (*found.ours, *found.baselines)}
  at = lambda method, c: [r.scores["accuracy"] for r in lines[method].cells[c]]
  for c in found.conditions:
    np.testing.assert_array_equal(at("VAE", c), at("nothing", c))
  assert np.any(at("nothing", "3 a class")[0] != at("nothing", "8 a class")[0])
  assert [v.condition for v in found.verdicts] == [*found.conditions]
  assert amounts.lead(found).number == 1
  (figure,) = amounts.curve(found)
  assert figure.data["ticks"] == {"3": 3.0, "8": 8.0}


def noisy(made: Dataset):
  """A VAE whose code is x and whose decoder adds a little of its own."""
  found = copying(made)
  sample = lambda params, z, key: z + 0.3
  return found._replace(sample=sample, mean=lambda params, z: z + 0.3)


def test_every_arm_has_as_many_rows_and_the_classes_in_equal_shares():
  few = fold((9, 3))
  for name, method in augmenting.METHODS.items():
    if name == "ADASYN":  # which favours rows with other classes near
      continue
    x, target = method(few, 96, np.random.default_rng(0))
    assert x.shape == (96, 4), name
    np.testing.assert_allclose(target.sum(1), 1, rtol=1e-5)
    share = target.mean(0)
    if name == "nothing":
      np.testing.assert_allclose(share, [0.75, 0.25])
    else:
      # mixup weighs each row with a draw: its shares are equal on average alone.
      loose = 0.08 if name == "mixup" else 0.02
      np.testing.assert_allclose(share, 0.5, atol=loose)


def test_what_smote_makes_lies_between_two_rows_of_a_class():
  few = augmenting.Fold(
    np.array([[0, 0], [1, 0], [10, 10], [11, 10]], np.float32), np.array([0, 0, 1, 1]), 2
  )
  x, target = augmenting.smote(few, 40, np.random.default_rng(0))
  label = target.argmax(1)
  assert set(x[:, 1]) == {0.0, 10.0}
  assert ((x[label == 0, 0] >= 0) & (x[label == 0, 0] <= 1)).all()
  assert ((x[label == 1, 0] >= 10) & (x[label == 1, 0] <= 11)).all()
  assert len(np.unique(x[:, 0])) > 10


def test_adasyn_makes_rows_where_another_class_is_near_and_says_where_it_makes_none():
  x = np.array([[0.0], [0.4], [1.0], [1.2], [9.0], [9.1], [9.2]], np.float32)
  mixed = augmenting.Fold(x, np.array([0, 1, 0, 1, 1, 1, 1]), 2)
  made, target = augmenting.adasyn(mixed, 40, np.random.default_rng(0))
  assert made.shape == (40, 1)
  assert set(target.argmax(1)) == {0, 1}
  apart = augmenting.Fold(x, np.array([0, 0, 0, 0, 1, 1, 1]), 2)
  with pytest.raises(augmenting.NothingMadeError, match="ADASYN"):
    augmenting.adasyn(apart, 40, np.random.default_rng(0))


def test_rows_of_classes_of_one_size_come_in_their_order():
  np.testing.assert_array_equal(augmenting.cycle(fold(), 24), np.tile(np.arange(12), 2))
  turns = augmenting.cycle(fold((3, 1)), 8)
  np.testing.assert_array_equal(turns, [0, 3, 1, 3, 2, 3, 0, 3])


def test_pictures_are_moved_a_little_and_stay_what_they_are():
  x = np.zeros((200, 9, 9, 1), np.float32)
  x[:, 4, 4] = 1
  found = augmenting.moved(x, np.random.default_rng(0))
  place = np.array([np.unravel_index(p.argmax(), (9, 9)) for p in found[..., 0]])
  assert np.abs(place - 4).max() <= 2
  assert len(np.unique(place, axis=0)) > 2


def test_mixup_mixes_targets_as_it_mixes_rows():
  few = augmenting.Fold(np.array([[0.0], [1.0]], np.float32), np.array([0, 1]), 2)
  x, target = augmenting.mixup(few, 64, np.random.default_rng(0))
  np.testing.assert_allclose(x[:, 0], target[:, 1], atol=1e-6)


def test_a_classifier_takes_the_same_steps_on_every_pool():
  x, label = rows((40, 40), 3)
  predict = augmenting.fit((x, augmenting.onehot(label, 2)), 0, 200)
  assert (predict(x).argmax(1) == label).mean() > 0.9
  np.testing.assert_allclose(np.exp(predict(x)).sum(1), 1, rtol=1e-4)
  again = augmenting.fit((x, augmenting.onehot(label, 2)), 0, 200)
  np.testing.assert_array_equal(predict(x), again(x))


def test_recall_at_a_share_of_false_alarms_by_hand():
  normal = np.stack([np.arange(100.0), np.zeros(100)], 1)
  odd = np.array([[98.5, 1], [99.5, 1], [50.0, 1], [98.0, 1]])
  found = np.concatenate([normal, odd])
  assert detection.recall_at(found, 0.01) == 0.5  # above 98 are two of four
  assert detection.recall_at(found, 0.02) == 0.75
  assert np.isnan(detection.recall_at(normal))


def test_distances_to_the_closest_record_by_hand():
  train, held_out = np.array([[0.0], [10.0]]), np.array([[1.0], [12.0], [13.0]])
  made = np.array([[0.0], [4.0], [10.5]])
  found = closest_record.check(made, train, held_out)
  assert found["copies"] == pytest.approx(1 / 3)
  assert (found["made"], found["held_out"]) == (0.5, 2.0)
  np.testing.assert_array_equal(
    closest_record.copies(made, train, held_out), [True, False, False]
  )


def test_rare_events_are_scored_by_finding_them():
  made = dataset((20, 4))
  found = outcome(
    "augmentation", opened(made, noisy(made)), {**SMALL, "rare": "storm", "limit": 60}
  )
  assert found.application.headline == "auprc"
  assert found.conditions == ("24 training rows",)
  methods = {line.method for line in found.baselines}
  assert {"class weights", "SMOTE", "nothing"} <= methods
  result = found.results[0]
  assert result.scores["auprc"].shape == (60, 2)
  assert result.scores["auprc"][:, 1].sum() == 30


def test_a_file_of_ones_own_gets_rows_of_its_classes(tmp_path):
  made = dataset()
  path = tmp_path / "mine.csv"
  path.write_text("x1,x2,x3,x4,label\n0,1,0,1,calm\n9,9,9,9,storm\n")
  settings = {**SMALL, "input": str(path), "make": 6}
  found = evaluated("augmentation", opened(made, noisy(made)), settings)
  report.save(found, tmp_path)
  with (tmp_path / "reports/augmentation/synthetic.csv").open() as file:
    written = list(csv.DictReader(file))
  assert [row["label"] for row in written] == ["calm", "storm"] * 3
  np.testing.assert_allclose(
    [float(row["x4"]) for row in written], [1.3, 9.3] * 3, rtol=1e-4
  )
  assert scored(found, "accuracy", method="VAE")


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("x1,x2,x3,x4\n0,1,0,1\n", "no column 'label'"),
    ("x1,x2,x3,x4,label\n0,1,0,1,storn\n", "'storn'. Did you mean 'storm'"),
  ],
)
def test_a_file_without_known_classes_is_refused_first(tmp_path, text, words):
  made = dataset()
  path = tmp_path / "mine.csv"
  path.write_text(text)
  with pytest.raises(UserError, match=words):
    evaluated("augmentation", opened(made, noisy(made)), {**SMALL, "input": str(path)})


def test_what_it_cannot_answer_is_refused():
  made = dataset()
  run = opened(made, noisy(made))
  with pytest.raises(UserError, match="class-conditional"):
    evaluated("augmentation", run._replace(vae=run.vae._replace(given=None)), SMALL)
  with pytest.raises(UserError, match="the classes are calm, storm"):
    evaluated("augmentation", run, {**SMALL, "rare": "rain"})
  with pytest.raises(UserError, match="near"):
    evaluated("augmentation", run, {**SMALL, "near": "there"})
  seen = {**run.config["data"], "labels": 4}
  with pytest.raises(UserError, match=r"data\.unlabelled=False"):
    evaluated("augmentation", run._replace(config={**run.config, "data": seen}), SMALL)
  with pytest.raises(UserError, match="take the split test or valid"):
    evaluated("augmentation", run, {**SMALL, "split": "train"})


def test_without_the_library_it_says_which_extra(monkeypatch):
  import sys

  monkeypatch.setitem(sys.modules, "imblearn", None)
  with pytest.raises(UserError, match=r"vae-jax\[augmentation\]"):
    augmenting.smote(fold(), 16, np.random.default_rng(0))


MOODS = (3, 4)  # the word that tells the class of a sentence


def written(count, seed) -> dict:
  """Sentences of four to seven words, the first of them the class's."""
  rng = np.random.default_rng(seed)
  label = np.arange(count, dtype=np.int32) % 2
  x = np.zeros((count, 8), np.int32)
  for row, mood in zip(x, label, strict=True):
    size = rng.integers(4, 8)
    row[:size] = [MOODS[mood], *rng.integers(5, 40, size - 1)]
    row[size] = 1
  return {"x": x, "label": label}


def sentences() -> Dataset:
  symbols = ("<pad>", "<eos>", "<unk>", *(f"w{i}" for i in range(3, 40)))
  spec = Spec((8,), "sequence", "category", 40, ("bad", "good"), symbols)
  sizes = {"train": 12, "valid": 20, "test": 60}
  return Dataset("made", spec, {k: written(n, i) for i, (k, n) in enumerate(sizes.items())})


def repeating(made: Dataset):
  """A VAE whose code is the sentence itself, without noise."""
  encode = lambda params, x: Posterior(x * params["scale"], jnp.full(8, -60.0))
  back = lambda params, z, key=None: jnp.round(jnp.clip(z, 0, 39)).astype(jnp.int32)
  return bind(made, encode, back, 8)._replace(sample=back)


def test_sentences_that_are_copied_gain_nothing_and_are_written_with_their_words(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(augmenting_words, "C", (10.0,))
  made = sentences()
  path = tmp_path / "mine.csv"
  path.write_text("label,text\ngood,w4 w9 w10\n")
  run = opened(made, repeating(made))
  with pytest.raises(UserError, match="give at least 24"):
    evaluated("augmentation", run, {**SMALL, "pool": 22})
  found = evaluated("augmentation", run, {**SMALL, "input": str(path), "make": 2})
  scores = {method: mean for (method, _), mean in means(found, "accuracy").items()}
  methods = {"nothing", "classical", "VAE", "VAE + classical", "VAE alone"}
  assert set(scores) == {*methods, "VAE from the prior"}
  assert scores["VAE"] == scores["nothing"] == scores["VAE alone"] > 70
  assert scores["VAE from the prior"] != scores["VAE"]
  side = next(t for t in found.tables if t.title.startswith("Training sentences"))
  assert all(row[1] == row[2] for row in side.rows)
  report.save(found, tmp_path)
  with (tmp_path / "reports/augmentation/synthetic.csv").open() as file:
    assert list(csv.DictReader(file)) == [{"text": "w4 w9 w10", "label": "good"}] * 2
  for mine, words in (
    ("label\ngood\n", "no column 'text'"),
    ("text,label\nw4,god\n", "'god'"),
  ):
    path.write_text(mine)
    with pytest.raises(UserError, match=words):
      evaluated("augmentation", run, {**SMALL, "input": str(path)})


def test_words_are_dropped_or_swapped_and_none_is_new():
  x = written(300, 4)["x"]
  found = augmenting_words.moved(x.astype(np.float32), np.random.default_rng(0)).astype(int)
  kinds = {"kept": 0, "dropped": 0, "swapped": 0}
  for before, after in zip(x, found, strict=True):
    a, b = (text.words(row) for row in (before, after))
    assert after[len(b)] == 1
    assert not after[len(b) + 1 :].any()
    kind = "dropped" if len(b) < len(a) else "kept" if a == b else "swapped"
    kinds[kind] += 1
    lost = Counter(a) - Counter(b)
    assert sum(lost.values()) == len(a) - len(b) <= 1
    assert not Counter(b) - Counter(a)
  assert 120 < kinds["kept"] < 190
  assert min(kinds["dropped"], kinds["swapped"]) > 50


@pytest.mark.parametrize("way", ["nothing", "classical"])
@pytest.mark.parametrize("moods", [(3, 4), (3, 4, 4)])
def test_held_out_sentences_are_out_of_training_with_all_that_was_made_near_them(
  monkeypatch, way, moods
):
  """Each sentence has a word of its own, which is in every row of the pool made near it."""
  own = np.arange(12)
  words = np.resize(moods, 12)  # the classes in equal shares, or one of them twice
  x = np.stack([own + 10, words, np.ones(12), np.zeros(12)], 1).astype(int)
  few = augmenting.Fold(x, words - 3, 2)
  pool = augmenting_words.METHODS[way](few, 48, np.random.default_rng(0))
  fitted, asked = augmenting_words._fitted, []

  names = lambda rows: {w for row in rows for w in row.split() if int(w) > 9}

  def spied(grams, numbers, words, label, weight):
    answer = fitted(grams, numbers, words, label, weight)
    assert len(numbers) == 1 or 7 < weight.sum() < 9  # rows of two thirds of the fold

    def scores(rows):
      asked.append((names(words), names(rows)))
      return answer(rows)

    return scores

  monkeypatch.setattr(augmenting_words, "_fitted", spied)
  predict = augmenting_words.fit(few, pool)
  assert len(asked) == 3 * len(augmenting_words.GRAMS)
  for seen, held_out in asked:
    assert held_out
    assert not seen & held_out
  said = predict(x)
  np.testing.assert_array_equal(said.argmax(1), words - 3)
  np.testing.assert_allclose(np.exp(said).sum(1), 1)


def test_draws_from_the_prior_are_asked_for():
  """Around the codes it is a shifted row; from the prior it is a draw of N(0, I)."""
  made = dataset()
  vae = copying(made)._replace(sample=lambda params, z, key: jnp.tanh(z))
  run = opened(made, vae)
  of = lambda near: outcome("augmentation", run, {**SMALL, "near": near})
  first, second = of("posterior"), of("prior")
  answer = lambda found: next(r for r in found.results if r.method == "VAE alone").answer
  assert not np.allclose(answer(first), answer(second))
