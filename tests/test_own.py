"""Data of one's own finds the loader and the model that suit it."""

import numpy as np
import pandas
import pytest
from helpers import ROOT

from vae_jax import config as configuration
from vae_jax import data, own
from vae_jax.baselines.table_imputation import completed
from vae_jax.data import tables
from vae_jax.likelihoods.gaussian import gaussian
from vae_jax.types import Column, UserError

ARRAYS = str(ROOT / "configs" / "arrays.py")


@pytest.mark.parametrize(
  "name", ["a.csv", "b.parquet", "c.tsv", "d.CSV", "e.csv.gz", "x/y.Parquet"]
)
def test_tables_are_known_by_their_names(name):
  assert own.is_table(name)
  assert not own.is_table(f"{name}.npz")


def test_a_csv_goes_to_tables_whichever_loader_was_named():
  given = {"data.path": "mine.csv", "data.target": "sick", "data.valid": "0.2"}
  found = configuration.load(ARRAYS, given)
  expected = configuration.load("tables", given)
  assert found == expected
  assert (found["data"]["set"], found["data"]["rate"]) == ("own", 0.0)
  assert found["model"]["name"] == "table"
  for more in ({"data.kind": "table"}, {"data.name": "arrays"}):
    assert configuration.load(ARRAYS, {**given, **more})["data"] == expected["data"]
  own_model = configuration.load(ARRAYS, {"data.path": "x.csv", "model.latents": "3"})
  assert own_model["model"]["latents"] == 3


def test_a_path_alone_is_a_table_of_ones_own_without_made_holes():
  found = configuration.load("breast", {"data.path": "mine.csv"})["data"]
  assert (found["set"], found["rate"]) == ("own", 0.0)
  found = configuration.load("breast", {"data.path": "mine.csv", "data.rate": "0.1"})[
    "data"
  ]
  assert found["rate"] == 0.1
  assert configuration.load("breast", {})["data"]["rate"] == 0.5


def test_sequences_take_their_model_and_arrays_stay_as_they_are():
  found = configuration.load(ARRAYS, {"data.path": "x.npz", "data.kind": "sequence"})
  assert found["model"]["name"] == "lstm"
  assert found["data"]["kind"] == "sequence"
  plain = configuration.load(ARRAYS, {"data.path": "x.npz"})
  assert plain["model"]["name"] == "mlp"
  chosen = {"data.path": "x.npz", "data.kind": "sequence", "model.name": "mlp"}
  assert configuration.load(ARRAYS, chosen)["model"]["name"] == "mlp"


def read(folder, name, **options):
  config = {"name": "tables", "set": "own", "path": name, "rate": 0.0, **options}
  return data.load(config, str(folder)), {**tables.OPTIONS, **config}


def test_parquet_holds_the_same_table_as_csv(tmp_path):
  draw = np.random.default_rng(0)
  frame = pandas.DataFrame(
    {
      "count": draw.integers(0, 9, 40),
      "gap": pandas.array([None, *range(39)], dtype="Int64"),
      "size": draw.normal(size=40).round(3),
      "word": ["a", "b", None, "c"] * 10,
      "yes": [True, False] * 20,
    }
  )
  frame.to_csv(tmp_path / "x.csv", index=False)
  frame.to_csv(tmp_path / "x.csv.gz", index=False)
  frame.to_csv(tmp_path / "x.tsv", index=False, sep="\t")
  frame.to_parquet(tmp_path / "x.parquet")
  first, _ = read(tmp_path, "x.csv")
  assert [c.whole for c in first.spec.columns] == [True, True, False, False, False]
  assert first.spec.columns[4].names == ("False", "True")
  for name in ("x.parquet", "x.tsv", "x.csv.gz"):
    other, _ = read(tmp_path, name)
    assert other.spec == first.spec
    for field, values in first.splits["test"].items():
      np.testing.assert_array_equal(other.splits["test"][field], values, err_msg=field)
  frame["when"] = pandas.to_datetime("2020-01-01")
  frame.to_parquet(tmp_path / "dates.parquet")
  with pytest.raises(UserError, match="'when' holds dates"):
    read(tmp_path, "dates.parquet")
  (tmp_path / "bad.parquet").write_bytes(b"no parquet")
  with pytest.raises(UserError, match=r"bad\.parquet"):
    read(tmp_path, "bad.parquet")


def test_a_completed_file_has_its_own_columns_and_letters():
  columns = (
    Column("n", whole=True),
    Column("w", "category", 2, names=("a", "b")),
    Column("x"),
  )
  head = ["id", "n", "x", "w"]  # another order, and a column that is no part of the model
  cells = [["r0", "r1"], ["", "12345678"], ["0.10", "?"], ["b", ""]]
  numbers = np.array([[2.6, 1.0, 0.1], [12345678.0, 0.0, 1 / 3]])
  missing = np.array([[True, False, False], [False, True, True]])
  found = completed(head, cells, columns, np.array([0, 1]), numbers, missing)
  assert found.tolist() == [
    head,
    ["r0", "3", "0.10", "b"],
    ["r1", "12345678", "0.333333", "a"],
  ]
  turned = completed(head, cells, columns, np.array([1, 0]), numbers[::-1], missing[::-1])
  assert turned[1:].tolist() == found[:0:-1].tolist()


def test_integers_of_a_data_frame_with_holes_come_back_as_it_writes_them(tmp_path):
  frame = pandas.DataFrame({"n": [1, 2, None, 4] * 5, "x": np.arange(20) / 2})
  frame.to_csv(tmp_path / "n.csv", index=False)  # n as 1.0, x as 0.5
  found, config = read(tmp_path, "n.csv")
  assert [c.whole for c in found.spec.columns] == [True, False]
  head, cells = tables.file(config, str(tmp_path))
  missing = np.isnan(frame.to_numpy(float))
  rows = completed(
    head, cells, found.spec.columns, np.arange(20), np.full((20, 2), 2.6), missing
  )
  assert rows[1:5, 0].tolist() == ["1.0", "2.0", "3.0", "4.0"]


def test_integers_of_a_file_come_back_as_they_were(tmp_path):
  rows = ["n,x", *(f"{10_000_000 + i},{i / 8}" for i in range(20))]
  (tmp_path / "n.csv").write_text("\n".join(rows))
  found, config = read(tmp_path, "n.csv")
  assert [c.whole for c in found.spec.columns] == [True, False]
  head, cells = tables.file(config, str(tmp_path))
  assert head == ["n", "x"]
  assert cells[0][3] == "10000003"
  np.savez(tmp_path / "n.npz", x=np.array([[1.0, 2.5]] * 12))
  _, config = read(tmp_path, "n.npz")
  assert [column[0] for column in tables.file(config, str(tmp_path))[1]] == ["1", "2.5"]
  with pytest.raises(UserError, match="set=own alone"):
    tables.file({**config, "set": "white"}, str(tmp_path))


def test_a_learned_scale_starts_at_the_spread_of_the_data(tmp_path):
  x = np.random.default_rng(0).normal([0, 10, 20], [1, 2, 2], (500, 3)).astype(np.float32)
  np.savez(tmp_path / "x.npz", x=x)
  spec = data.load({"name": "arrays", "path": "x.npz"}, str(tmp_path)).spec
  assert spec.spread == pytest.approx(np.sqrt((1 + 4 + 4) / 3), rel=0.05)
  found = gaussian(spec, scale="shared", start="data")
  theta = np.stack([np.zeros(3), np.full(3, found.shared[0])], -1)
  # Where the mean is right in every column, no other scale is likelier for all of them.
  errors = x - x.mean(0)
  score = lambda shift: np.mean(
    [found.log_prob(theta + np.array([0, shift]), e) for e in errors[:200]]
  )
  assert score(0.0) > max(score(-0.4), score(0.4))
  grey = (x - x.min()) / (x.max() - x.min())
  np.savez(tmp_path / "grey.npz", x=np.round(255 * grey).astype(np.uint8))
  stored = data.load({"name": "arrays", "path": "grey.npz"}, str(tmp_path)).spec
  assert stored.spread == pytest.approx(np.sqrt(grey.var(0).mean()), rel=0.05)
  with pytest.raises(UserError, match="'std' or 'data'"):
    gaussian(spec, scale="shared", start="here")
  other = {"data.path": "x.npz", "likelihood.name": "discretised_logistic"}
  assert configuration.load(ARRAYS, other)["likelihood"]["std"] == 0.1  # its own
  for scale, about in (("fixed", spec), ("shared", spec._replace(spread=0.0))):
    with pytest.raises(UserError, match=r"likelihood\.start is"):
      gaussian(about, scale=scale, start="data")
