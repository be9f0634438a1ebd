"""The comparison of models: known scores, and a sweep over objectives as one comparison."""

import numpy as np
import pytest
from helpers import evaluated, means, tiny
from made import identity, open_with, table_data

from vae_jax import run as runs
from vae_jax.applications.model_comparison import _asked
from vae_jax.studies import distribution_scores
from vae_jax.training import loop
from vae_jax.types import UserError

SMALL = {"limit": 40, "tune": 40, "components": 2, "weighed": 4, "importance": 4, "searched": 4,
         "starts": 2, "steps": 3, "probed": 120, "epochs": 2, "features": 8}  # fmt: skip


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
  """A sweep of four objectives and two seeds, trained for a moment and compared."""
  names = [{"objective.name": name} for name in ("autoencoder", "beta", "gan")]
  config = tiny(
    sweep={"product": [names, {"seed": [0, 1]}]},
    likelihood={"name": "discretised_logistic", "levels": 17},
  )
  folder = str(tmp_path_factory.mktemp("models"))
  loop.train(config, folder, None, say=lambda line: None)
  found = runs.open_runs(folder)
  return evaluated("model_comparison", found, SMALL), found


def test_a_sweep_over_objectives_is_one_comparison(answered):
  report, found = answered
  assert len(found) == 3
  names = report.scores.columns
  at = {row[names.index("objective.name")] for row in report.scores.rows}
  assert {"autoencoder", "beta", "gan"} <= at
  (table,) = [t for t in report.tables if t.title == "Stability and cost"]
  assert [row[1] for row in table.rows] == [2, 2, 2]
  assert len({row[5] for row in table.rows}) == 1  # equal parameters
  assert [row[6] > 0 for row in table.rows] == [False, False, True]


def test_what_a_model_lacks_has_no_row(answered):
  report, _ = answered
  of = lambda metric, name: {
    method for method, _ in means(report, metric, **{"objective.name": name})
  }
  once, search = "encode and decode", "search for z"
  assert {once, search} <= of("mse", "beta")
  assert of("mse", "gan") & {once, search} == {search}
  assert of("nll", "beta") == {once}
  assert of("nll", "autoencoder") == of("nll", "gan") == set()
  assert "linear probe" not in of("probe", "gan")
  assert "samples of a mixture" not in of("frechet", "gan")
  assert any("its NLL is a dash" in said for said in report.findings)
  assert any("searched for" in said for said in report.findings)


def test_train_is_the_floor_and_its_own_sharpness_is_one(answered):
  report, _ = answered
  assert means(report, "floor")["train (floor)", ""] == pytest.approx(1, rel=1e-5)
  assert means(report, "sharpness")["train (floor)", ""] == pytest.approx(1, abs=0.25)
  assert means(report, "mse")["PCA", ""] < 0.1


def test_sharpness_and_classes_of_what_is_known():
  flat, checks = np.full((1, 6, 6, 1), 0.5), np.indices((6, 6)).sum(0)[None, ..., None] % 2
  assert distribution_scores.roughness(flat)[0] == 0
  inner = np.square(4.0)  # of a checkerboard: four neighbours that differ by one
  assert distribution_scores.roughness(1.0 * checks)[0] == pytest.approx(inner, rel=0.5)
  rows = np.eye(3)[[0] * 60 + [1] * 40]
  assert _asked.classes(rows) == 2


def test_other_data_and_one_setting_are_refused():
  made = table_data()
  with pytest.raises(UserError, match="needs labelled images"):
    evaluated("model_comparison", open_with(made, identity(made)))
