"""Files of users and items, what counts of them, and who is held out."""

import zipfile

import jax
import numpy as np
import pytest
import scipy.sparse

from vae_jax import data
from vae_jax.data import _baskets, _interactions_files, interactions
from vae_jax.types import UserError

LINES = [(u, i) for u in range(30) for i in range(8) if (u + i) % 9]


def load(folder=None, **options):
  return data.load(
    {"name": "interactions", **options}, None if folder is None else str(folder)
  )


def own(folder, text, **options):
  (folder / "own.csv").write_text(text)
  small = {"min_user": 1, "test": 6, "valid": 6, **options}
  return load(folder, set="own", path=str(folder / "own.csv"), **small)


def table(extra="", lines=LINES):
  return "user,item\n" + "".join(f"u{u},i{i}\n" for u, i in lines) + extra


def rows(dataset, split):
  """Each user's shown and hidden ids, as sets."""
  names = np.array([item.id for item in dataset.spec.items])
  shown = interactions.matrix(dataset, split).toarray() > 0
  hidden = interactions.targets(dataset.splits[split], len(names)).toarray() > 0
  return [({*names[a]}, {*names[b]}) for a, b in zip(shown, hidden, strict=True)]


@pytest.mark.parametrize("width", [3, 40])
def test_rows_are_stored_small_and_come_back(width):
  draw = np.random.default_rng(0)
  items = 150  # five words
  dense = np.zeros((9, items), np.float32)
  for row in dense[1:]:  # the first user has nothing
    row[draw.choice(items, draw.integers(1, width + 1), replace=False)] = 1
  dense[1] = 0
  dense[1, :width] = 1
  stored = _baskets.store({"a": scipy.sparse.csr_array(dense)})["a"]
  assert stored.shape == (9, min(width, 5))
  assert stored.dtype == np.int32
  np.testing.assert_array_equal(_baskets.load(stored, items).toarray(), dense)
  transform = _baskets.unstoring(items, stored.shape[1])
  one = lambda x: transform(jax.random.key(0), {"x": x})["x"]
  np.testing.assert_array_equal(jax.vmap(one)(stored), dense)


def test_held_out_users_show_four_fifths_and_hide_one_fifth(tmp_path):
  made = own(tmp_path, table())
  whole = {}
  for u, i in LINES:
    whole.setdefault(u, set()).add(f"i{i}")
  known = sorted(map(sorted, whole.values()))
  found = rows(made, "test") + rows(made, "valid")
  for shown, hidden in found:
    assert not shown & hidden
    assert sorted(shown | hidden) in known
    assert len(hidden) == int(0.2 * len(shown | hidden)) == 1
  assert len(found) == 12
  assert interactions.matrix(made, "train").shape == (18, 8)
  again = own(tmp_path, table(), seed=7)  # the data seed changes batches alone
  np.testing.assert_array_equal(again.splits["test"]["x"], made.splits["test"]["x"])


def test_the_last_items_are_hidden_where_there_are_times(tmp_path):
  text = "user,item,time\n" + "".join(f"u{u},i{i},{(3 * i) % 8}\n" for u, i in LINES)
  for shown, hidden in rows(own(tmp_path, text, hide="last"), "test"):
    when = lambda name: (3 * int(name[1:])) % 8
    assert min(map(when, hidden)) > max(map(when, shown))
  with pytest.raises(UserError, match="no times"):
    own(tmp_path, table(), hide="last")


def test_folds_cover_every_user_once(tmp_path):
  parts = [own(tmp_path, table(), folds=3, fold=k) for k in range(3)]
  assert sum(len(part.splits["test"]["x"]) for part in parts) == 30
  seen = sorted(tuple(sorted(a | b)) for part in parts for a, b in rows(part, "test"))
  whole = {u: tuple(sorted(f"i{i}" for v, i in LINES if v == u)) for u in range(30)}
  assert seen == sorted(whole.values())
  with pytest.raises(UserError, match=r"data\.fold is 3"):
    own(tmp_path, table(), folds=3, fold=3)


def test_a_pair_counts_once_by_its_last_line_or_its_latest():
  ids = {"users": ["a"], "items": ["x", "y"], "titles": {}, "note": ""}
  make = lambda time: _interactions_files.Events(
    "t", np.zeros(4, np.int32), np.array([0, 1, 0, 1], np.int32),
    np.array([5, 1, 2, 4], np.float32), time, **ids,
  )  # fmt: skip
  assert interactions.counted(make(None), 4).tolist() == [3]
  assert interactions.counted(make(np.array([9.0, 0, 1, 0])), 4).tolist() == [0, 3]
  assert interactions.counted(make(None), -np.inf).tolist() == [2, 3]


def test_items_are_those_of_train_and_users_with_too_few_are_left_out(tmp_path):
  # One user has five items of her own, which nobody of train can know.
  made = own(tmp_path, table("".join(f"odd,o{i}\n" for i in range(5))))
  names = {item.id for item in made.spec.items}
  odd = {f"o{i}" for i in range(5)}
  assert not names & odd or len(names) == 13
  held = sum(len(made.splits[s]["x"]) for s in ("valid", "test"))
  assert held == (12 if names & odd else 11)
  assert ("too few known items" in made.note) == (held == 11)


MOVIELENS = {
  "ml-100k": ("u.data", "{u}\t{i}\t{r}\t9\n", "", "u.item", "{i}|Film {i} (1990)|x\n"),
  "ml-1m": ("ratings.dat", "{u}::{i}::{r}::9\n", "", "movies.dat", "{i}::Film {i} (1990)::D\n"),
  "ml-20m": (
    "ratings.csv", "{u},{i},{r}.0,9\n", "userId,movieId,rating,timestamp\n",
    "movies.csv", '{i},"Film {i} (1990)",D\n',
  ),
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", MOVIELENS)
def test_movielens_layouts(name, packed, tmp_path):
  file, line, head, titles, title = MOVIELENS[name]
  rating = lambda u, i: 5 if (u * i) % 5 else 3
  text = head + "".join(line.format(u=u, i=i, r=rating(u, i)) for u, i in LINES)
  named = "".join(title.format(i=i) for i in range(8))
  if packed:
    with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
      archive.writestr(f"{name}/{file}", text)
      archive.writestr(f"{name}/{titles}", named)
  else:
    (tmp_path / name).mkdir()
    (tmp_path / name / file).write_text(text)
    (tmp_path / name / titles).write_text(named)
  made = load(tmp_path, set=name, min_user=1, test=6, valid=6)
  assert {item.title for item in made.spec.items} <= {f"Film {i} (1990)" for i in range(8)}
  liked = sum(rating(u, i) >= 4 for u, i in LINES)
  assert f"{liked:,} pairs" in made.note


def test_a_rating_outside_the_scale_is_refused(tmp_path):
  (tmp_path / "u.data").write_text("1\t2\t7\t9\n")
  (tmp_path / "u.item").write_text("2|Film|x\n")
  with pytest.raises(UserError, match=r"rating 7; this set's lie in \[1, 5\]"):
    load(tmp_path, set="ml-100k")


def test_the_two_files_of_lastfm_are_one_set(tmp_path):
  text = [f"{u}\t{i}\t1\n" for u, i in LINES]
  with zipfile.ZipFile(tmp_path / "lastfm.zip", "w") as archive:
    archive.writestr("data1.txt", "".join(text[::2]))
    archive.writestr("test1.txt", "".join(text[1::2]))
  assert f"{len(LINES):,} pairs" in load(tmp_path, set="lastfm", min_user=1).note


def test_parquet_is_read_as_csv_is(tmp_path):
  parquet = pytest.importorskip("pyarrow.parquet")
  pyarrow = pytest.importorskip("pyarrow")
  users, items = zip(*LINES, strict=True)
  columns = {"user_id": [f"u{u}" for u in users], "item_id": [f"i{i}" for i in items]}
  parquet.write_table(pyarrow.table(columns), tmp_path / "own.parquet")
  small = {"min_user": 1, "test": 6, "valid": 6}
  made = load(tmp_path, set="own", path=str(tmp_path / "own.parquet"), **small)
  same = own(tmp_path, table())
  np.testing.assert_array_equal(made.splits["test"]["x"], same.splits["test"]["x"])


@pytest.mark.parametrize(
  ("text", "word"),
  [
    ("person,item\na,b\n", "expected one named 'user'"),
    ("user,item\n,b\n", "line 2 has no user"),
    ("user,item,rating\na,b,good\n", "line 2: the rating is 'good'"),
    ("user,item,rating\na,b,nan\n", "expected a number"),
    ("user,item\na,b,c\n", "line 2 has 3 cells"),
    ("user,item\n", "no interactions"),
    ("user,item\na,b\n", "no user with 5 items"),
  ],
)
def test_a_bad_file_is_one_sentence(text, word, tmp_path):
  with pytest.raises(UserError, match=word):
    own(tmp_path, text, min_user=5)


def test_an_unknown_set_or_a_missing_file_is_one_sentence(tmp_path):
  with pytest.raises(UserError, match="ml-100k"):
    load(tmp_path, set="ml-100kk")
  with pytest.raises(UserError, match=r"no u\.data of 'ml-100k'"):
    load(tmp_path, set="ml-100k")
  with pytest.raises(UserError, match=r"data\.path belongs to"):
    load(tmp_path, set="lastfm", path="x.csv")


def test_generated_users_have_a_rank_that_can_be_learned():
  made = load(users=400, items=80, length=12)
  train = interactions.matrix(made, "train").toarray()
  assert train.sum(1).mean() == pytest.approx(12, abs=1.5)
  assert "GENERATED" in made.note
  # More of the variance is in eight directions than where items are drawn apart.
  spread = lambda x: np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
  shuffled = np.random.default_rng(0).permuted(train, axis=0)
  share = lambda x: spread(x)[:8].sum() / spread(x).sum()
  assert share(train) > 1.2 * share(shuffled)
