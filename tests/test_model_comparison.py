"""The comparison of models: known scores, and a sweep over objectives as one comparison."""

import runpy
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import ROOT, evaluated, means, tiny
from made import identity, open_with, table_data

from vae_jax import run as runs
from vae_jax.applications.model_comparison import _asked, _tuning
from vae_jax.evaluation.protocol import Metric, Result
from vae_jax.evaluation.results import Line
from vae_jax.report.stored import load
from vae_jax.studies import distribution_scores
from vae_jax.training import loop
from vae_jax.types import UserError

SMALL = {"limit": 40, "tune": 40, "components": 2, "weighed": 4, "importance": 4, "searched": 4,
         "starts": 2, "steps": 3, "probed": 120, "epochs": 2, "features": 8}  # fmt: skip


def titled(report, title):
  (found,) = [table for table in report.tables if table.title == title]
  return found


def column(table, name):
  at = table.columns.index(name)
  return [row[at] for row in table.rows]


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
  """A sweep of three contestants and two seeds, trained for a moment and compared."""
  learned = {"objective.name": "beta", "prior.name": "mixture"}
  names = [{"objective.name": "autoencoder"}, learned, {"objective.name": "gan"}]
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
  table = titled(report, "Stability and cost")
  known = ["autoencoder", "beta · β 1 · prior mixture", "gan"]
  assert column(table, "contestant") == known
  assert column(table, "seeds") == [2, 2, 2]
  assert column(table, "steps") == [12, 12, 12]
  assert len(set(column(table, "parameters"))) == 1  # equal parameters
  assert column(table, "of the prior") == [0, 50 * (2 * 3 + 1), 0]
  adversary = [count > 0 for count in column(table, "of the second player")]
  assert adversary == [False, False, True]


def test_the_contestants_side_by_side_have_the_scores_of_their_methods(answered):
  report, _ = answered
  table = titled(report, "Contestants side by side")
  names = column(table, "contestant")
  of = lambda name, title: column(table, title)[names.index(name)]
  for method, title in (
    ("samples of the prior", "Fréchet, prior"), ("samples of a mixture", "Fréchet, mixture")
  ):  # fmt: skip
    wanted = {"objective.name": "autoencoder", "method": method, "metric": "frechet"}
    where = report.scores.columns.index
    mine = [
      row[where("mean")]
      for row in report.scores.rows
      if all(row[where(k)] == v for k, v in wanted.items())
    ]
    assert len(mine) == 2
    assert of("autoencoder", title) == pytest.approx(np.mean(mine), rel=1e-6)
  assert of("gan", "Fréchet, mixture") is None
  assert of("gan", "squared error") is None
  assert of("as many of train", "Fréchet, prior") == pytest.approx(
    means(report, "frechet")["train (floor)", ""], rel=1e-6
  )
  at = table.columns.index("probe, %")
  (best,) = [row for row, where in table.marks if where == at]
  ours = [row[at] for row in table.rows[:-3] if row[at] is not None]
  assert table.rows[best][at] == max(ours)


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


def test_both_ways_of_sampling_are_pictured(answered):
  report, _ = answered
  rows = {figure.name: figure.data["rows"] for figure in report.figures}
  learned = "beta\nβ 1\nprior mixture"
  assert rows["samples"] == ["held-out", "autoencoder", learned, "gan"]
  assert rows["mixture"] == ["held-out", "autoencoder", learned]


def test_train_is_the_floor_and_its_own_sharpness_is_one(answered):
  report, _ = answered
  assert means(report, "floor")["train (floor)", ""] == pytest.approx(1, rel=1e-5)
  assert means(report, "sharpness")["train (floor)", ""] == pytest.approx(1, abs=0.25)
  assert means(report, "mse")["PCA", ""] < 0.1


def test_midpoints_lie_between_images_of_two_classes(answered):
  """Of codes where there are codes; a GAN's are of draws. A cross-fade is no rival."""
  label = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 2])
  other = _asked.partners(label)
  assert sorted(other) == list(range(10))
  assert (label[other] != label).mean() >= 0.8
  report, _ = answered
  table = titled(report, "Contestants side by side")
  shown = dict(
    zip(column(table, "contestant"), column(table, "Fréchet, midpoints"), strict=True)
  )
  assert shown.pop("PCA (and a mixture)") is None
  assert shown.pop("as many of train") is None
  assert len(shown) == 4
  assert all(v > 0 for v in shown.values())
  at = table.columns.index("Fréchet, midpoints")
  assert at not in {where for _, where in table.marks}  # a GAN's are another task
  floor = means(report, "frechet")["train (floor)", ""]
  assert shown["cross-fade of pixels"] > floor
  verdict = titled(report, "Against the baselines")
  assert column(verdict, "hardest baseline") == ["PCA + mixture"]


def test_sharpness_and_classes_of_what_is_known():
  flat, checks = np.full((1, 6, 6, 1), 0.5), np.indices((6, 6)).sum(0)[None, ..., None] % 2
  assert distribution_scores.roughness(flat)[0] == 0
  inner = np.square(4.0)  # of a checkerboard: four neighbours that differ by one
  assert distribution_scores.roughness(1.0 * checks)[0] == pytest.approx(inner, rel=0.5)
  rows = np.eye(3)[[0] * 60 + [1] * 40]
  assert _asked.classes(rows) == 2


def test_a_rate_is_chosen_for_each_contestant_by_its_best_way_of_sampling():
  """Of the autoencoder the mixture decides; a rate at which all seeds died is a dash."""
  metrics = {"frechet": Metric("Fréchet distance", better=-1)}
  setting = lambda name, rate: (("objective.name", name), ("learning_rate", rate))
  line = lambda name, rate, method, *each: Line(
    setting(name, rate),
    method,
    {
      "": [Result(None, method, "", {"frechet": np.array([v])}, 0.0, 0, None) for v in each]
    },
  )
  known = [
    line("autoencoder", 0.1, "prior", 9.0, 9.0), line("autoencoder", 0.1, "mixture", 1.0, 3.0),
    line("autoencoder", 0.01, "prior", 3.0), line("autoencoder", 0.01, "mixture", 4.0),
    line("gan", 0.01, "prior", 5.0),
  ]  # fmt: skip
  swept = [(name, rate) for name in ("autoencoder", "gan") for rate in (0.01, 0.1)]
  outcome = SimpleNamespace(
    application=SimpleNamespace(metrics=metrics),
    members=[SimpleNamespace(setting=setting(*one)) for one in swept],
    known=known,
  )
  (table,) = _tuning.tables(outcome)
  assert table.columns == ("contestant", "at 0.01", "at 0.1", "chosen")
  assert table.rows == [["autoencoder", 3.0, 2.0, 0.1], ["gan", 5.0, None, 0.01]]
  one_each = [swept[0], swept[3]]
  outcome.members = [SimpleNamespace(setting=setting(*one)) for one in one_each]
  outcome.known = known[2:4]
  assert _tuning.tables(outcome) == []


def test_rates_and_steps_of_the_config_are_what_stored_reports_chose():
  config = runpy.run_path(str(ROOT / "configs/model_comparison.py"))
  tables = lambda name: {
    table["title"]: table
    for table in load(ROOT / f"docs/results/model_comparison_{name}.json")["tables"]
  }
  of = lambda table, name: [row[table["columns"].index(name)] for row in table["rows"]]
  for name, chosen in config["CHOSEN"].items():
    rates = tables(f"rates_{name}")["Learning rates"]
    each = np.array([of(rates, f"at {rate:g}") for rate in config["RATES"]], float)
    assert chosen == tuple(config["RATES"][i] for i in np.nanargmin(each, 0))
  cost = np.array(of(tables("digits")["Stability and cost"], "seconds a member"))
  steps = config["AS_LONG"]["digits"]
  np.testing.assert_allclose(steps, config["STEPS"] * cost[-1] / cost, atol=51)
  for name in ("mnist", "fashion"):
    table = tables(f"seconds_{name}")["Stability and cost"]
    alike = config["ALIKE"].get(name, name)
    assert tuple(of(table, "steps")) == config["AS_LONG"][alike]
    seconds = np.array(of(table, "seconds a member"))
    np.testing.assert_allclose(seconds, seconds[-1], rtol=0.1)


def test_other_data_and_one_setting_are_refused():
  made = table_data()
  with pytest.raises(UserError, match="needs labelled images"):
    evaluated("model_comparison", open_with(made, identity(made)))
