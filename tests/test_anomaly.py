"""Anomaly detection on scores, lists and models whose answer is known."""

import jax
import jax.numpy as jnp
import made
import numpy as np
import pytest
from data_files import connection
from helpers import evaluated
from scipy import stats

from vae_jax import data
from vae_jax.applications.anomaly import scores, showing
from vae_jax.baselines import novelty
from vae_jax.data import _normal
from vae_jax.inference import anomaly_scores
from vae_jax.inputs import rows as inputs
from vae_jax.metrics import detection
from vae_jax.types import Column, Posterior, Spec, UserError

QUICK = {
  "limit": 60, "tune": 20, "reference": 20, "samples": 2, "weights": 4, "steps": 3,
  "components": 2,
}  # fmt: skip


def rows(score, label):
  return np.stack([np.asarray(score, float), np.asarray(label, float)], -1)


def test_auroc_and_average_precision_are_scikit_learns_with_ties():
  from sklearn.metrics import average_precision_score, roc_auc_score

  rng = np.random.default_rng(0)
  score, label = rng.integers(0, 9, 200), rng.random(200) < 0.3
  given = rows(score, label)
  assert detection.auroc(given) == pytest.approx(roc_auc_score(label, score))
  assert detection.auprc(given) == pytest.approx(average_precision_score(label, score))


def test_a_score_that_says_nothing_is_a_coin_and_the_base_rate():
  constant = rows(np.ones(10), np.arange(10) < 3)
  assert detection.auroc(constant) == 0.5
  assert detection.auprc(constant) == pytest.approx(0.3)
  alone = rows([1, 2], [0, 0])
  assert np.isnan([detection.auroc(alone), detection.auprc(alone)]).all()
  assert np.isnan(detection.auroc(rows([np.nan, 1], [0, 1])))


def test_precision_and_recall_of_a_list():
  flagged = rows([1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0])
  assert detection.precision(flagged) == pytest.approx(2 / 3)
  assert detection.recall(flagged) == pytest.approx(2 / 3)
  assert detection.false_alarms(flagged) == pytest.approx(1 / 3)
  assert np.isnan(detection.precision(rows([0, 0], [0, 1])))


def test_p_values_count_normal_examples_that_score_as_high():
  found = detection.p_values([0.0, 2.0, 9.0, np.nan], np.array([1.0, 2.0, 3.0]))
  np.testing.assert_allclose(found, [1, 3 / 4, 1 / 4, np.nan])


def gaussian_split():
  """The made table: labels by the sign of the first number, "plus" normal."""
  made_data = made.table_data()
  config = {"normal": "plus", "left_out": "", "contamination": 0.0, "seed": 0}
  splits = _normal.apply(made_data.splits, made_data.spec.classes, config, "made")
  return made_data._replace(splits=splits)


def test_train_and_valid_are_normal_and_test_is_both():
  splits = gaussian_split().splits
  assert all((splits[s]["label"] == 1).all() for s in ("train", "valid"))
  np.testing.assert_array_equal(splits["test"]["anomaly"], 1 - splits["test"]["label"])
  assert len(splits["test"]["x"]) == 30


def test_contamination_is_that_share_of_train_and_left_out_is_the_complement():
  config = {"name": "digits", "left_out": "3,4", "contamination": 0.1}
  found = data.load(config, None).splits
  assert found["train"]["anomaly"].mean() == pytest.approx(0.1, abs=0.001)
  assert not found["valid"]["anomaly"].any()
  assert set(found["test"]["label"][found["test"]["anomaly"] == 1]) == {3, 4}
  same = data.load({"name": "digits", "normal": "0,1,2,5,6,7,8,9"}, None).splits
  np.testing.assert_array_equal(same["test"]["anomaly"], found["test"]["anomaly"])


@pytest.mark.parametrize(
  ("config", "words"),
  [
    ({"normal": "3", "left_out": "4"}, "not both"),
    ({"normal": "ten"}, "data.normal is 'ten'"),
    ({"normal": "0,1,2,3,4,5,6,7,8,9"}, "no class for anomalies"),
    ({"contamination": 0.1}, "what an anomaly is"),
    ({"normal": "3", "contamination": 0.99}, "lower it"),
  ],
)
def test_what_is_normal_is_checked(config, words):
  with pytest.raises(UserError, match=words):
    data.load({"name": "digits", **config}, None)


def test_scores_of_the_exact_linear_model_are_its_closed_forms():
  dataset = made.table_data()
  vae, marginal = made.exact_linear(dataset)
  x = jnp.asarray(dataset.splits["test"]["x"][0])
  example = {"x": x, "id": 0}
  params = {"scale": jnp.ones(())}
  q = vae.posterior(params, example)
  eps = anomaly_scores.antithetic(jax.random.key(0), 4000, 2)
  from vae_jax import distributions

  z = anomaly_scores.draws(q, eps, None).z
  elbo = -anomaly_scores.distortion(vae, params, example, z) - distributions.kl(q)
  assert float(elbo) == pytest.approx(marginal.logpdf(x), abs=0.05)
  exact = anomaly_scores.likelihood_regret(vae, params, example, q, eps, 30, 0.05)
  assert 0 <= float(exact) < 0.01  # the encoder is the posterior: nothing is to gain
  wrong = Posterior(q.mean + 1, q.logvar)
  gap = distributions.kl_between(wrong, q)
  found = anomaly_scores.likelihood_regret(vae, params, example, wrong, eps, 300, 0.1)
  assert float(found) == pytest.approx(float(gap), rel=0.05)


def test_grey_entropy_is_the_least_cross_entropy():
  x = jnp.array([0.0, 0.5, 1.0, 0.2])
  expected = stats.entropy([0.5, 0.5]) + stats.entropy([0.2, 0.8])
  assert float(anomaly_scores.grey_entropy(x)) == pytest.approx(expected, rel=1e-5)


def linear_with_outliers():
  """The exact linear model; test has 30 draws of p(x) and 30 of N(0, 2 Cov)."""
  dataset = made.table_data(labels=False)
  vae, marginal = made.exact_linear(dataset)
  rng, splits = np.random.default_rng(3), {}
  for name, count in (("train", 60), ("valid", 20), ("test", 30)):
    x = rng.multivariate_normal(marginal.mean, marginal.cov, count)
    odd = np.zeros(count, np.int32)
    if name == "test":
      wide = rng.multivariate_normal(marginal.mean, 4 * marginal.cov, count)
      x, odd = np.concatenate([x, wide]), np.repeat([0, 1], count).astype(np.int32)
    splits[name] = {"x": x.astype(np.float32), "anomaly": odd}
  return dataset._replace(splits=splits), vae, marginal


def test_the_model_of_known_density_has_the_auroc_of_that_density():
  dataset, vae, marginal = linear_with_outliers()
  run = made.open_with(dataset, vae)
  settings = {**QUICK, "weights": 400, "samples": 400, "score": "−log p(x)"}
  report = evaluated("anomaly", run, settings)
  fields = dataset.splits["test"]
  exact = detection.auroc(rows(-marginal.logpdf(fields["x"]), fields["anomaly"]))
  table = {(row[0]): row for row in report.tables[0].rows}
  assert table["−log p(x)"][2] == pytest.approx(exact, abs=0.02)
  assert report.headline["method"] == "−log p(x)"
  assert set(novelty.DETECTORS) <= set(table)
  assert any("Base rate of anomalies: 50.0 %" in t.note for t in report.tables)


def test_rows_of_ones_own_are_flagged_and_explained(tmp_path):
  dataset, vae, _ = linear_with_outliers()
  columns = tuple(Column(f"c{i}") for i in range(made.SIZE))
  dataset = dataset._replace(spec=dataset.spec._replace(columns=columns))
  vae = vae._replace(theta=lambda params, z: vae.mean(params, z)[:, None])
  file = tmp_path / "mine.csv"
  file.write_text("c3,c2,c1,c0,anomaly\n0,0,0,0,0\n0,90,0,0,1\n")
  report = evaluated("anomaly", made.open_with(dataset, vae), {**QUICK, "input": str(file)})
  head, plain, odd = report.arrays["detected.csv"].tolist()
  assert head == ["row", "score", "percentile", "flag", "columns"]
  assert (plain[0], plain[3]) == ("2", "0")
  assert (odd[0], odd[3]) == ("3", "1")
  assert odd[4].startswith("c2 (+")
  assert float(odd[2]) == pytest.approx(100 * (1 - 1 / 21), rel=1e-5)
  assert any("AUROC 1.000, precision 1.000, recall 1.000" in s for s in report.findings)


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("a,c\n1,2\n", "no column 'b'"),
    ("a,b\n1,two\n", "'two' in line 2; expected a number"),
    ("a,b\n1\n", "row 2 has 1 cells"),
    ("a,b\n1,\n", "trained on complete rows"),
    ("a,b,anomaly\n1,2,7\n", "0 or 1"),
  ],
)
def test_a_table_that_does_not_fit_is_a_sentence(tmp_path, text, words):
  (tmp_path / "t.csv").write_text(text)
  spec = Spec((2,), "table", "real", columns=(Column("a"), Column("b", scale=2.0)))
  with pytest.raises(UserError, match=words):
    inputs.read(str(tmp_path / "t.csv"), spec)


def test_rows_are_stored_as_in_training_and_new_words_are_unseen(tmp_path):
  names = ("udp", inputs.UNSEEN)
  columns = (Column("w", "category", 2, names=names), Column("p", "positive", 0, 1.0, 2.0))
  (tmp_path / "t.csv").write_text("p,w\n0,udp\n1,tcp\n")
  found = inputs.read(
    str(tmp_path / "t.csv"), Spec((2,), "table", "mixed", columns=columns)
  )
  np.testing.assert_allclose(found.x, [[0, -0.5], [1, (np.log(2) - 1) / 2]], rtol=1e-6)


def test_pictures_of_another_size_are_a_sentence(tmp_path):
  from PIL import Image

  Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / "a.png")
  found = inputs.read(str(tmp_path), Spec((8, 8, 1), "image", "unit"))
  assert found.rows == ["a.png"]
  assert (found.x == 1).all()
  with pytest.raises(UserError, match=r"a.png has examples of shape \(8, 8\)"):
    inputs.read(str(tmp_path), Spec((9, 8, 1), "image", "unit"))


def test_a_run_that_says_nothing_of_normal_is_refused():
  dataset = made.table_data()
  with pytest.raises(UserError, match="needs to know what is normal"):
    evaluated("anomaly", made.open_with(dataset, made.identity(dataset)), QUICK)


def test_the_ensemble_of_one_score_ranks_as_that_score_and_is_calibrated():
  rng = np.random.default_rng(0)
  normal, odd = (
    {scores.NLL: rng.normal(size=(1, 99))},
    {scores.NLL: rng.normal(size=(1, 50))},
  )
  both = scores.combined(odd, normal)[0]
  order = np.argsort(odd[scores.NLL][0])
  assert (np.diff(both[order]) >= 0).all()
  own = scores.combined(normal, normal, among=True)[0]
  np.testing.assert_allclose(np.sort(np.exp(-own)), np.arange(1, 100) / 99)


def test_several_settings_are_chosen_by_the_elbo_of_normal_validation_examples():
  dataset, vae, _ = linear_with_outliers()
  run = made.open_with(dataset, vae, axes={"beta": [1.0, 2.0]})
  encode = vae.posterior  # at scale 3 the code is far off, and the ELBO low
  wrong = lambda params, e: Posterior(
    encode(params, e).mean * params["scale"], encode(params, e).logvar
  )
  run = run._replace(
    vae=vae._replace(posterior=wrong), params={"scale": np.array([3.0, 1.0], np.float32)}
  )
  report = evaluated("anomaly", run, QUICK)
  assert report.headline["setting"] == "β 2"


def test_nsl_kdd_keeps_words_that_train_does_not_have_apart(tmp_path):
  train = [connection()] * 9 + [connection("udp", "neptune")] * 3
  (tmp_path / "KDDTrain+_20Percent.txt").write_text("\n".join(train))
  (tmp_path / "KDDTest+.txt").write_text(
    "\n".join([connection(), connection("udp", "smurf")])
  )
  found = data.load({"name": "nsl_kdd", "valid": 0.5}, str(tmp_path))
  word = found.spec.columns[1]
  assert word.names == ("tcp", "(unseen)")
  np.testing.assert_array_equal(found.splits["test"]["x"][:, 1], [0, 1])
  np.testing.assert_array_equal(found.splits["test"]["anomaly"], [0, 1])
  assert len(found.splits["train"]["x"]) + len(found.splits["valid"]["x"]) == 9
  (tmp_path / "KDDTest+.txt").write_text(connection(kind="unheard"))
  with pytest.raises(UserError, match="the attack 'unheard'"):
    data.load({"name": "nsl_kdd"}, str(tmp_path))


# strangers


def digits_with(strangers, **options):
  return data.load({"name": "digits", "strangers": strangers, **options}, None)


def test_letters_among_digits_are_the_anomalies_of_test_alone():
  found, plain = digits_with("letters"), data.load({"name": "digits"}, None)
  assert found.spec.strangers[:3] == ("A", "B", "C")
  assert not found.spec.classes
  for split in ("train", "valid"):
    np.testing.assert_array_equal(found.splits[split]["x"], plain.splits[split]["x"])
    assert not found.splits[split]["anomaly"].any()
  test, normal = found.splits["test"], plain.splits["test"]["x"]
  kind = test["stranger"]
  np.testing.assert_array_equal(kind >= 0, test["anomaly"] == 1)
  assert 0 < (kind >= 0).sum() <= len(normal)
  assert sorted(x.tobytes() for x in test["x"][kind < 0]) == sorted(
    x.tobytes() for x in normal
  )
  assert 0.2 < test["anomaly"][:100].mean() < 0.8  # the first ones are a fair share


def test_strangers_of_a_file_are_brought_to_size(tmp_path):
  x = np.full((20, 20, 20), 255, np.uint8)
  np.savez(tmp_path / "white.npz", x=x)
  found = digits_with(f"arrays:{tmp_path}/white.npz")
  test = found.splits["test"]
  strange = data.decode(test["x"])[test["anomaly"] == 1]
  assert strange.shape == (20, 8, 8, 1)
  np.testing.assert_array_equal(strange, 1)
  assert found.spec.strangers == ("white",)


@pytest.mark.parametrize(
  ("asked", "options", "said"),
  [
    ("letters", {"left_out": "3"}, "not both"),
    ("digitz:x", {}, "digits"),
    ("linear_gaussian", {}, "expected pictures"),
    ("digits:x", {}, "reads no files"),
  ],
)
def test_strangers_that_cannot_be_are_a_sentence(asked, options, said):
  with pytest.raises(UserError, match=said):
    digits_with(asked, **options)
  with pytest.raises(UserError, match="beside pictures of grey levels"):
    data.load({"name": "tables", "strangers": "letters"}, None)


def test_each_kind_of_stranger_has_a_row_and_a_picture_says_where():
  some = digits_with("letters")
  run = made.open_with(some, made.identity(some))
  found = evaluated("anomaly", run, QUICK)
  table = next(t for t in found.tables if t.title == "Strangers, kind by kind")
  assert (
    sum(row[1] for row in table.rows) == run.dataset.splits["test"]["anomaly"][:60].sum()
  )
  assert [row[2] for row in table.rows] == sorted(row[2] for row in table.rows)
  where = next(f for f in found.figures if f.name == "where")
  x, rebuilt, apart = where.data["images"]
  np.testing.assert_allclose(x, rebuilt, atol=1e-5)  # the identity differs nowhere
  assert apart.shape == (10, 8, 8, 1)
  histogram = next(f for f in found.figures if f.name == "scores")
  assert set(histogram.data["words"]) == {row[0] for row in table.rows}


def test_ecod_finds_what_is_far_out():
  pytest.importorskip("pyod")
  rng = np.random.default_rng(0)
  x, odd = rng.normal(size=(500, 4)), rng.normal(size=(50, 4)) + 5
  scorer, _ = novelty.fit(novelty.DETECTORS[novelty.ECOD_NAME], x, x[:100], 0)
  both = np.concatenate([rng.normal(size=(50, 4)), odd])
  assert detection.auroc(rows(scorer(both), np.arange(100) >= 50)) > 0.99


@pytest.mark.slow
def test_contamination_is_a_curve_for_every_baseline():
  runs = []
  for share in (0.0, 0.1):
    some = data.load({"name": "digits", "left_out": "3", "contamination": share}, None)
    run = made.open_with(some, made.identity(some))
    config = {**run.config, "data": {**run.config["data"], "left_out": "3"}}
    config["data"]["contamination"] = share
    runs.append(run._replace(config=config, numbers=[len(runs)]))
  found = evaluated("anomaly", runs, QUICK)
  curve = next(f for f in found.figures if f.name == "contamination")
  assert curve.data["series"]["PCA"]["x"] == [0.0, 10.0]
  assert {"kNN", "ranks of all"} <= set(curve.data["series"])
  table = next(f for f in found.figures if f.name == "by_data")
  assert table.data["columns"] == ["0.0", "0.1"]
  assert table.data["x_label"] == "contamination"


def test_a_set_of_strangers_has_a_short_name_in_a_figure():
  named = {
    "letters": "letters",
    "tfds:fashion_mnist": "fashion_mnist",
    "arrays:raw/kmnist/test.npz": "test.npz",
    "images:some/small.zip,invert=True": "small.zip",
  }
  assert [showing._short(name) for name in named] == list(named.values())
