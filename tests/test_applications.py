"""Generation on models whose answer is known, and on what it must not do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made import bind, cell, identity, nothing, open_with, table_data

from vae_jax import report
from vae_jax.applications import _members, generation
from vae_jax.inference import walks
from vae_jax.types import Posterior, Table, UserError

KEY = jax.random.key(0)
FEW = {"limit": 20, "side": 4, "steps": 3}


def test_collapse_stands_beside_every_score():
  data = table_data()
  report = generation.evaluate(open_with(data, nothing(data)), data, KEY, FEW)
  assert any(finding.startswith("COLLAPSED") for finding in report.findings)
  for table in report.tables:
    rows = [row for row in table.rows if row[table.columns.index("seed")] is not None]
    assert all("0 of 2 COLLAPSED" in row for row in rows), table.title


def test_a_deterministic_autoencoder_has_no_prior():
  data = table_data()
  run = open_with(data, identity(data), objective="autoencoder")
  found = generation.evaluate(run, data, KEY, FEW).findings
  assert any("no prior" in finding for finding in found)


def test_a_model_that_copies_is_found_out():
  data = table_data()
  train = jnp.asarray(data.splits["train"]["x"])
  copy = lambda params, z: train[jnp.argmin(jnp.square(train[:, :2] - z[None]).sum(-1))]
  encode = lambda params, x: Posterior(x[:2], jnp.full(2, -5.0))
  report = generation.evaluate(open_with(data, bind(data, encode, copy, 2)), data, KEY, FEW)
  table = report.tables[0]
  row = [r[table.columns.index("examples")] for r in table.rows].index("samples")
  assert cell(table, "median to train", row) == 0
  assert cell(table, "near copies, %", row) == 100
  assert "too close" in " ".join(report.findings)


def test_samples_of_the_true_model_are_as_far_from_train_as_held_out_examples():
  data = table_data()
  # x is N(0, I) itself, so that decoded draws of the prior are draws of the data.
  report = generation.evaluate(
    open_with(data, identity(data)), data, KEY, {**FEW, "limit": 30}
  )
  table = report.tables[0]
  row = [r[table.columns.index("examples")] for r in table.rows].index("samples")
  assert cell(table, "÷ held-out", row) == pytest.approx(1, abs=0.25)
  assert cell(table, "÷ held-out's", row) == pytest.approx(1, abs=0.15)


def test_pictures_are_the_decoded_points_in_their_places():
  data = table_data(shape=(2,))
  report = generation.evaluate(open_with(data, identity(data)), data, KEY, FEW)
  figures = {figure.name: figure.data for figure in report.figures}
  plane = figures["plane"]
  np.testing.assert_allclose(
    plane["images"][0, 0], [-3, 3], atol=1e-6
  )  # on top, at the left
  np.testing.assert_allclose(plane["images"][-1, -1], [3, -3], atol=1e-6)
  paths = figures["interpolation"]["images"]
  np.testing.assert_allclose(paths[0, 0], paths[0, 1], atol=1e-6)  # an end is its original
  np.testing.assert_allclose(paths[0, 2], (paths[0, 1] + paths[0, 3]) / 2, atol=1e-6)
  assert paths.shape[0] == 2  # linear and spherical of the one pair of two classes


@pytest.mark.parametrize(
  ("settings", "word"),
  [
    ({"splitt": "test"}, "split"),
    ({"split": "holdout"}, "holdout"),
    ({"limit": "many"}, "limit"),
    ({"limit": 0}, "at least 1"),
    ({"palette": "jet"}, "magma"),
  ],
)
def test_settings_are_checked_first(settings, word):
  data = table_data()
  with pytest.raises(UserError, match=word):
    generation.evaluate(open_with(data, identity(data)), data, KEY, settings)


@pytest.mark.parametrize("settings", [{"grid": "cubic"}, {"pairs": "plus-minus"}])
def test_what_is_drawn_is_checked_first(settings):
  data = table_data()
  with pytest.raises(UserError, match=next(iter(settings))):
    generation.evaluate(open_with(data, identity(data)), data, KEY, settings)


def test_pairs_are_read_though_names_hold_dashes():
  rows = np.array([7, 9])
  names = ("minus-one", "plus")
  assert walks.parse_pairs("minus-one-plus", names, rows) == [(7, 9)]
  assert walks.parse_pairs("2-0, 1-3", (), np.array([5])) == [(2, 0), (1, 3)]
  assert walks.parse_pairs("", names, rows) == [(7, 9)]
  assert walks.parse_pairs("", names, np.array([7, -1])) == []  # a class with no example


def test_paths():
  a, b = np.array([2.0, 0.0]), np.array([0.0, 2.0])
  arc = walks.spherical(a, b, 5)
  np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 2, rtol=1e-6)
  np.testing.assert_allclose(arc[[0, -1]], [a, b], atol=1e-7)
  np.testing.assert_allclose(arc[2], [2**0.5, 2**0.5])
  np.testing.assert_allclose(walks.spherical(a, 2 * a, 3), walks.linear(a, 2 * a, 3))
  walk = walks.walks(np.array([5.0, 6.0]), np.array([1]), np.array([-1.0, 1.0]))
  assert walk.tolist() == [[[5, -1], [5, 1]]]


def test_ticks():
  assert walks.ticks("linear", 3, 3.0).tolist() == [-3, 0, 3]
  quantiles = walks.ticks("quantile", 5, 3.0)
  np.testing.assert_allclose(quantiles[[0, 2, 4]], [-2.0537, 0, 2.0537], atol=1e-3)


@pytest.mark.parametrize(
  ("shape", "kind", "labels"),
  [((5, 5, 3), "image", True), ((12, 2), "sequence", False), ((6,), "table", False)],
)
def test_every_kind_of_example_is_drawn(shape, kind, labels, tmp_path):
  data = table_data(shape, kind, labels)
  run = open_with(data, identity(data))
  found = generation.evaluate(run, data, KEY, FEW)
  report.save(found, tmp_path)
  for figure in found.figures:
    path = tmp_path / "figures" / f"{found.application}_{figure.name}.png"
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_the_note_of_several_programs_says_what_each_of_them_says_of_its_own():
  rows = [[1.0], [2.0]]
  notes = [f"Over {n} rows. Lower is better; draws: 50. Mask seed {n}." for n in (7, 8)]
  parts = [
    (f"seed {i}", Table("t", ("mse",), [row], note))
    for i, (row, note) in enumerate(zip(rows, notes, strict=True))
  ]
  both = _members._joined(parts)
  assert both.rows == rows
  assert both.note == (
    "Lower is better; draws: 50. seed 0: Over 7 rows. Mask seed 7."
    " seed 1: Over 8 rows. Mask seed 8."
  )
  assert _members._joined(parts[:1]).note == notes[0]
