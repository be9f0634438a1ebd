"""A long csv, a folder of csv files and [N, T, F] arrays are sequences by themselves."""

import json
import pathlib

import numpy as np
import pandas
import pytest

import vae_jax
from vae_jax import config as configuration
from vae_jax import data
from vae_jax.types import UserError


def long_frame(series=12, rows=6, seed=0):
  draw = np.random.default_rng(seed)
  found = pandas.DataFrame(
    {
      "patient": np.repeat([f"p{i}" for i in range(series)], rows),
      "time": np.tile(np.arange(rows) * 10, series),
      "pulse": draw.normal(70, 5, series * rows).round(3),
      "pressure": draw.normal(120, 9, series * rows).round(3),
    }
  )
  return found


def of(path, config="arrays", **fields):
  given = {"data.path": str(path), **{k.replace("__", "."): v for k, v in fields.items()}}
  return configuration.load(config, given)


def test_a_long_csv_is_its_series_in_the_order_of_time(tmp_path):
  frame = long_frame()
  frame.sample(frac=1, random_state=0).to_csv(tmp_path / "x.csv", index=False)
  for config in ("arrays", "sequences"):
    found = of(tmp_path / "x.csv", config)
    assert (found["data"]["name"], found["data"]["steps"]) == ("series", 0)
    assert found["model"]["name"] == "lstm"
    assert found["likelihood"]["start"] == "data"
  made = data.load(found["data"], None)
  assert {k: len(v["x"]) for k, v in made.splits.items()} == {
    "train": 10,
    "valid": 1,
    "test": 1,
  }
  assert made.spec.shape == (6, 2)
  assert [c.name for c in made.spec.columns] == ["pulse", "pressure"]
  assert made.spec.spread == pytest.approx(1.0, rel=0.1)
  truth = frame[["pulse", "pressure"]].to_numpy().reshape(12, 6, 2)
  shift, scale = (
    np.array([getattr(c, k) for c in made.spec.columns]) for k in ("shift", "scale")
  )
  for part in made.splits.values():
    np.testing.assert_allclose(part["x"] * scale + shift, truth[part["series"]], rtol=1e-4)


def test_series_of_several_lengths_become_windows(tmp_path):
  frame = pandas.concat([long_frame(3, 80), long_frame(1, 40).assign(patient="last")])
  frame.to_csv(tmp_path / "x.csv", index=False)
  found = of(tmp_path / "x.csv")["data"]
  assert (found["steps"], found["stride"]) == (12, 3)
  made = data.load(found, None)
  assert made.spec.shape == (12, 2)
  with pytest.raises(UserError, match="p0 has 80 rows where last has 40"):
    data.load({**found, "steps": 0}, None)


@pytest.mark.parametrize(
  "change",
  [
    lambda f: f.drop(columns="time"),
    lambda f: f.assign(patient=np.arange(len(f))),  # an id for each row
    lambda f: f.assign(time=0),  # an id has a time twice
    lambda f: f.assign(pulse="high"),
    lambda f: f[["patient", "time"]],
  ],
)
def test_what_is_no_long_csv_is_a_table(tmp_path, change):
  change(long_frame()).to_csv(tmp_path / "x.csv", index=False)
  assert of(tmp_path / "x.csv")["data"]["name"] == "tables"


def test_a_named_loader_of_tables_reads_a_long_csv_as_a_table(tmp_path):
  long_frame().to_csv(tmp_path / "x.csv", index=False)
  assert of(tmp_path / "x.csv", "tables")["data"]["name"] == "tables"
  assert of(tmp_path / "x.csv", data__kind="table")["data"]["name"] == "tables"


def test_a_folder_of_csv_files_is_a_series_each_and_one_of_pictures_is_images(tmp_path):
  for name, part in long_frame(10).groupby("patient"):
    part.drop(columns="patient").to_csv(tmp_path / f"{name}.csv", index=False)
  found = of(tmp_path)
  assert (found["data"]["name"], found["data"]["steps"]) == ("series", 0)
  assert len(data.load(found["data"], None).splits["train"]["x"]) == 8
  assert of(tmp_path.name, "series")["data"]["set"] == "csv"
  beside = configuration.load("arrays", {"data.path": tmp_path.name}, str(tmp_path.parent))
  assert beside["data"]["name"] == "series"
  (tmp_path / "a.png").write_bytes(b"")
  found = of(tmp_path)
  assert (found["data"]["name"], found["model"]["name"]) == ("images", "conv")


@pytest.mark.parametrize(
  ("x", "sequence"),
  [
    (np.random.default_rng(0).normal(size=(20, 12, 9)), True),
    (np.random.default_rng(0).random((20, 12, 3)), True),  # narrower than any picture
    (np.random.default_rng(0).normal(size=(20, 12, 12)), False),  # square: a picture
    (np.random.default_rng(0).random((20, 12, 9)), False),
    (np.zeros((20, 12, 3), np.uint8), False),
    (np.random.default_rng(0).normal(size=(20, 12)), False),
    (np.random.default_rng(0).normal(size=(20, 12, 9, 1)), False),
  ],
)
def test_arrays_on_three_axes_that_can_be_no_pictures_are_sequences(tmp_path, x, sequence):
  np.savez(
    tmp_path / "x.npz", x_train=x.astype(x.dtype if x.dtype == np.uint8 else np.float32)
  )
  np.save(tmp_path / "x.npy", np.load(tmp_path / "x.npz")["x_train"])
  for name in ("x.npz", "x.npy"):
    found = of(tmp_path / name)
    assert (found["model"]["name"] == "lstm") == sequence
    assert (found["data"]["kind"] == "sequence") == sequence
  assert of(tmp_path / "x.npz", data__kind="image")["model"]["name"] == "mlp"
  assert of(tmp_path / "x.npz", model__name="mlp")["model"]["name"] == "mlp"
  (tmp_path / "bad.npz").write_bytes(b"PK nothing")
  assert of(tmp_path / "bad.npz")["model"]["name"] == "mlp"  # the loader says what is wrong


@pytest.mark.slow
def test_sequences_of_ones_own_train_the_lstm_in_one_call(tmp_path):
  x = np.random.default_rng(0).normal(size=(120, 6, 2)).astype(np.float32)
  fast = {"steps": 4, "hidden": 4, "latents": 2, "batch_size": 8, "quiet": True}
  frame = long_frame(40)
  frame.to_csv(tmp_path / "x.csv", index=False)
  for number, source in enumerate((x, tmp_path / "x.csv", frame)):
    where = tmp_path / f"run{number}"
    model = vae_jax.fit(source, where, **fast)
    kept = json.loads((pathlib.Path(where) / "config.json").read_text())
    assert kept["model"]["name"] == "lstm"
    assert model.spec.kind == "sequence"
    assert model.encode("test").shape[1] == 2
    again = vae_jax.fit(source, where, **fast)  # finished: the same configuration
    np.testing.assert_array_equal(again.encode("test"), model.encode("test"))


def test_the_argument_of_a_configuration_goes_on_to_the_one_that_suits(tmp_path):
  np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(30, 5, 2)))
  found = configuration.load("arrays:smoke", {"data.path": str(tmp_path / "x.npy")})
  assert (found["model"]["name"], found["train"]["steps"]) == ("lstm", 50)
