"""Time series: windows that cross no border, the volume under the PR surface, a user's own csv."""

import zipfile

import made
import numpy as np
import pytest
from helpers import evaluated
from sklearn.metrics import average_precision_score

from vae_jax import data
from vae_jax.applications.anomaly import points
from vae_jax.baselines import matrix_profile
from vae_jax.data import series
from vae_jax.metrics import time_series
from vae_jax.types import UserError

QUICK = {
  "limit": 200, "tune": 20, "reference": 20, "samples": 2, "weights": 4, "steps": 3,
  "components": 2, "score": "squared error",
}  # fmt: skip


def random_labels(seed=0, count=60):
  rng = np.random.default_rng(seed)
  label = np.zeros(count, int)
  label[10:17], label[40:44] = 1, 1
  return rng.normal(size=count) + label, label


def as_published(score, label, buffer):
  """R-AUC-PR by the definition: every threshold and every stretch in a loop."""
  count = len(label)
  soft = label.astype(float)
  runs = [(10, 16), (40, 43)]
  for first, last in runs:
    for i in range(count):
      distance = max(first - i, i - last)
      if 0 < distance <= buffer // 2:
        soft[i] += np.sqrt(1 - distance / buffer)
  soft, area, before = np.minimum(soft, 1), 0.0, 0.0
  half = buffer // 2
  for threshold in np.sort(score)[::-1]:
    flag = score >= threshold
    hits = (soft * flag).sum()
    seen = [flag[max(0, a - half) : b + half + 1].any() for a, b in runs]
    recall = min(1, hits / ((label.sum() + soft.sum()) / 2)) * np.mean(seen)
    area += (recall - before) * hits / flag.sum()
    before = recall
  return area


def test_the_volume_is_the_mean_of_the_areas_of_the_definition():
  score, label = random_labels()
  areas = [as_published(score, label, b) for b in range(9)]
  for buffer, area in enumerate(areas):
    assert time_series.range_auprc(score, label, buffer) == pytest.approx(area)
  assert time_series.vus_pr(score, label, 8) == pytest.approx(np.mean(areas))


def test_without_a_buffer_one_stretch_has_its_average_precision():
  score, label = random_labels()
  label[:30] = 0
  expected = average_precision_score(label, score)
  assert time_series.vus_pr(score, label, 0) == pytest.approx(expected)


def test_a_perfect_score_has_all_of_the_volume_and_a_constant_one_the_base_rate():
  label = np.repeat([0, 1, 0], [20, 5, 25])
  soft = time_series.extended(label, 6)
  assert time_series.range_auprc(label, label, 0) == 1
  assert time_series.range_auprc(soft, label, 6) == pytest.approx(
    average_precision_like(soft, label)
  )
  assert time_series.range_auprc(np.zeros(50), label, 0) == pytest.approx(0.1)
  assert np.isnan(time_series.vus_pr(np.zeros(5), np.zeros(5), 2))
  assert np.isnan(time_series.vus_pr(np.array([np.nan, 1.0]), np.array([0, 1]), 0))


def average_precision_like(soft, label):
  """Of the score that is the soft label itself: its distinct values from the top."""
  area, before = 0.0, 0.0
  for level in np.unique(soft)[::-1]:
    flag = soft >= level
    recall = min(1, 2 * soft[flag].sum() / (label.sum() + soft.sum()))
    area += (recall - before) * soft[flag].sum() / flag.sum()
    before = recall
  return area


def test_soft_labels_by_hand():
  soft = time_series.extended(np.array([0, 0, 0, 1, 0, 0, 0, 0]), 4)
  near, far = np.sqrt(3 / 4), np.sqrt(1 / 2)
  np.testing.assert_allclose(soft, [0, far, near, 1, near, far, 0, 0])


def test_a_point_is_as_strange_as_its_least_strange_window():
  found = time_series.of_points(np.array([3.0, 1.0, 2.0]), np.array([0, 2, 4]), 3, 8)
  np.testing.assert_array_equal(found, [3, 3, 1, 1, 1, 2, 2, np.nan])


def test_windows_cover_a_stretch_and_stay_in_it():
  np.testing.assert_array_equal(series.cut(3, 14, 4, 3), [3, 6, 9, 10])
  assert len(series.cut(0, 3, 4, 1)) == 0
  found = data.load({"name": "series", "steps": 16}, None)
  spans = {"train": (0, 350), "valid": (350, 500), "test": (500, 1000)}
  for split, (first, end) in spans.items():
    fields = found.splits[split]
    assert fields["start"].min() == first
    assert fields["start"].max() + 16 == end
  assert not found.splits["train"]["points"].any()
  assert not found.splits["valid"]["anomaly"].any()
  known, test = series.made(0), found.splits["test"]
  for row in (0, 100, -1):
    one, start = known[test["series"][row]], test["start"][row]
    np.testing.assert_array_equal(test["points"][row], one.marks[start : start + 16])
  rows = np.concatenate([one.values[:350] for one in known])
  columns = found.spec.columns
  np.testing.assert_allclose([c.shift for c in columns], rows.mean(0))
  np.testing.assert_allclose([c.scale for c in columns], rows.std(0))


def skab(folder):
  """Two experiments as SKAB publishes them: anomalous rows 8 ... 11 of 20, in a .zip."""
  names = "datetime;Pressure;Voltage;anomaly;changepoint\n"
  for_row = lambda i, k: (
    f"2020-01-01 00:00:{i:02d};{i % 3 + k};{i % 2};{8 <= i < 12:.1f};0.0"
  )
  with zipfile.ZipFile(folder / "skab.zip", "w") as file:
    for k, name in enumerate(("valve1/0", "valve1/10", "anomaly-free/anomaly-free")):
      text = names + "\n".join(for_row(i, 10 * k) for i in range(20))
      file.writestr(f"{name}.csv", text)


def test_skab_is_standardised_by_each_experiments_own_first_rows(tmp_path):
  skab(tmp_path)
  config = {"name": "series", "set": "skab", "path": str(tmp_path), "steps": 2, "stride": 1}
  found = data.load({**config, "head": 6.0, "scale": "each"}, None)
  assert [c.name for c in found.spec.columns] == ["Pressure", "Voltage"]
  test = found.splits["test"]
  np.testing.assert_array_equal(np.unique(test["series"]), [0, 1])
  own = [test["x"][test["series"] == i] for i in (0, 1)]
  np.testing.assert_allclose(own[0], own[1], atol=1e-6)
  assert test["points"][test["series"] == 0].max(1).sum() == 5
  one = data.load({**config, "head": 6.0, "series": "valve1/0"}, None)
  assert set(one.splits["test"]["series"]) == {0}


def test_series_of_units_of_their_own_have_deviation_1_without_a_floor(tmp_path):
  """One series counts thousands, one thousandths, and a third stands still."""
  for i, (name, unit) in enumerate((("a", 1e3), ("b", 1e-3), ("c", 0.0))):
    rows = [f"{t},{unit * (t * (3 + i) % 7)}" for t in range(40)]
    (tmp_path / f"{name}.csv").write_text("time,level\n" + "\n".join(rows))
  config = {"name": "series", "set": "csv", "path": str(tmp_path), "steps": 4, "stride": 4}
  deviations = []
  for floor in (0.0, 0.1):
    train = data.load({**config, "scale": "each", "floor": floor}, None).splits["train"]
    deviations.append([train["x"][train["series"] == i].std() for i in range(3)])
  np.testing.assert_allclose(deviations[0], [1, 1, 0], atol=0.15)
  np.testing.assert_allclose(deviations[1], [1, 0, 0], atol=0.15)
  with pytest.raises(UserError, match=r"data\.floor is -1"):
    data.load({**config, "floor": -1.0}, None)


def test_nab_has_the_windows_of_its_labels(tmp_path):
  (tmp_path / "realTraffic").mkdir()
  (tmp_path / "labels").mkdir()
  rows = [f"2015-01-01 00:{i:02d}:00,{i * i % 7}" for i in range(30)]
  text = "timestamp,value\n" + "\n".join(rows)
  (tmp_path / "realTraffic" / "speed.csv").write_text(text)
  window = '["2015-01-01 00:20:00.000000", "2015-01-01 00:22:00.000000"]'
  labels = f'{{"realTraffic/speed.csv": [{window}]}}'
  (tmp_path / "labels" / "combined_windows.json").write_text(labels)
  config = {"name": "series", "set": "nab", "path": str(tmp_path), "steps": 3, "stride": 3}
  test = data.load(config, None).splits["test"]
  rows = test["start"][:, None] + np.arange(3)
  assert set(rows[test["points"] == 1]) == {20, 21, 22}


def ucr(folder, rows):
  head = "# made\n@problemName Made\n@data\n"
  for part in ("TRAIN", "TEST"):
    (folder / f"Made_{part}.ts").write_text(head + "\n".join(rows))


def test_whole_series_are_scaled_by_normal_ones_of_train(tmp_path):
  rows = [f"{i},{2 * i},{i + 1}:{-i},1,{i}:{'ab'[i % 2]}" for i in range(10)]
  ucr(tmp_path, rows)
  config = {"name": "series", "set": "ucr", "path": str(tmp_path), "series": "Made"}
  found = data.load({**config, "normal": "b", "valid": 0.5}, None)
  assert found.spec.shape == (3, 2)
  assert found.spec.classes == ("a", "b")
  np.testing.assert_allclose(found.splits["train"]["x"].mean((0, 1)), 0, atol=1e-6)
  np.testing.assert_array_equal(found.splits["test"]["anomaly"], [1, 0] * 5)
  ucr(tmp_path, [*rows, "1,2:1,2:a"])
  with pytest.raises(UserError, match="series 11 has another length"):
    data.load(config, None)
  with pytest.raises(UserError, match="is 'Maid'"):
    data.load({**config, "series": "Maid"}, None)


def test_ecg5000_is_a_label_and_140_numbers(tmp_path):
  rng = np.random.default_rng(0)
  rows = [
    f" {1 + i % 5:.7e}  " + "  ".join(map(str, rng.normal(size=140))) for i in range(20)
  ]
  (tmp_path / "ECG5000_TRAIN.txt").write_text("\n".join(rows))
  config = {"name": "series", "set": "ecg5000", "path": str(tmp_path), "normal": "1"}
  found = data.load(config, None)
  assert found.spec.shape == (140, 1)
  assert len(found.splits["test"]["x"]) == 10
  (tmp_path / "ECG5000_TRAIN.txt").write_text("1 2 3\n1 2\n")
  with pytest.raises(UserError, match="expected a label and 140 numbers"):
    data.load(config, None)


def test_a_folder_of_csv_without_labels_trains_on_all_windows(tmp_path):
  for name in ("b", "a"):
    lines = [f"{i},{i % 5}" for i in range(20)]
    (tmp_path / f"{name}.csv").write_text("Time,flow\n" + "\n".join(lines))
  config = {"name": "series", "set": "csv", "path": str(tmp_path), "steps": 3, "stride": 3}
  found = data.load(config, None)
  assert "anomaly" not in found.splits["test"]
  assert found.spec.columns[0].name == "flow"
  np.testing.assert_array_equal(found.splits["train"]["start"], [0, 3, 4] * 2)
  (tmp_path / "c.csv").write_text("time,heat\n" + "1,2\n" * 20)
  with pytest.raises(UserError, match=r"c\.csv has the columns heat"):
    data.load(config, None)


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("time,a\n1,2\n2,x\n", "'x' in line 3; expected a finite number"),
    ("time,a\n1,2\n2,nan\n", "fill in what is missing"),
    ("time,a,label\n1,2,0\n2,2,5\n", "must hold 0 or 1"),
    ("time,label\n1,0\n2,0\n", "no column of numbers"),
    ("time,a\n" + "1,2\n" * 10, "No window of 32 rows fits"),
  ],
)
def test_a_bad_csv_is_a_sentence(tmp_path, text, words):
  (tmp_path / "s.csv").write_text(text)
  with pytest.raises(UserError, match=words):
    data.load({"name": "series", "set": "csv", "path": str(tmp_path / "s.csv")}, None)


@pytest.mark.parametrize(
  ("config", "words"),
  [
    ({"set": "skabb"}, "expected made, skab"),
    ({"stride": 40}, "so that every row is in a window"),
    ({"scale": "none"}, "expected all or each"),
    ({"normal": "1"}, "says by itself which points"),
    ({"head": 1000.0}, "has 1000 rows; lower it"),
    ({"set": "nab", "path": "nowhere"}, "There is no nowhere"),
  ],
)
def test_what_does_not_fit_is_a_sentence(config, words):
  with pytest.raises(UserError, match=words):
    data.load({"name": "series", **config}, None)


@pytest.fixture(scope="module")
def run():
  """Two generated series, and a model whose squared error is |x|^2 of a window."""
  dataset = data.load({"name": "series", "steps": 20, "stride": 10}, None)
  few = {
    k: {f: v[d["series"] < 2] for f, v in d.items()} for k, d in dataset.splits.items()
  }
  dataset = dataset._replace(splits=few)
  opened = made.open_with(dataset, made.nothing(dataset))
  opened.config["data"] |= {"stride": 10, "scale": "all", "head": 0.5}
  return opened


def test_points_are_scored_by_series(run, monkeypatch):
  monkeypatch.setattr(matrix_profile, "installed", lambda: False)
  report = evaluated("anomaly", run, QUICK)
  test = run.dataset.splits["test"]
  expected = []
  for one in points.pieces(test):
    error = np.square(test["x"][one.rows]).sum((1, 2))
    s = time_series.of_points(error, one.starts, 20, len(one.label))
    expected.append(time_series.vus_pr(s, one.label, 20))
  table = {row[0]: row for row in report.tables[0].rows}
  assert report.headline["metric"] == "VUS-PR"
  assert "over_time" in [figure.name for figure in report.figures]
  assert table["squared error"][2] == pytest.approx(np.mean(expected), abs=1e-4)
  assert any("vae-jax[series]" in said for said in report.findings)
  rates = [s.marks[500:].mean() for s in series.made(0)[:2]]
  said = f"Base rate of anomalies: {100 * np.mean(rates):.1f} %"
  assert any(said in t.note for t in report.tables)


def test_a_csv_of_ones_own_has_a_score_for_each_time_stamp(run, tmp_path, monkeypatch):
  monkeypatch.setattr(matrix_profile, "installed", lambda: False)
  one = series.made(0)[2]
  values = one.values[:45].copy()
  values[25:45] += 9
  lines = [f"t{i},{c},{b},{a},{int(i >= 25)}" for i, (a, b, c) in enumerate(values)]
  file = tmp_path / "new.csv"
  file.write_text("time,c,b,a,anomaly\n" + "\n".join(lines))
  report = evaluated("anomaly", run, {**QUICK, "input": str(file)})
  head, *rows = report.arrays["detected.csv"].tolist()
  assert head == ["row", "score", "percentile", "flag"]
  assert [row[0] for row in rows] == [f"t{i}" for i in range(45)]
  columns = run.spec.columns
  shift, scale = (np.array([getattr(c, k) for c in columns]) for k in ("shift", "scale"))
  error = np.square((values - shift) / scale).sum(1)
  windows = [error[s : s + 20].sum() for s in (0, 10, 20, 25)]
  found = time_series.of_points(np.array(windows), np.array([0, 10, 20, 25]), 20, 45)
  np.testing.assert_allclose([float(row[1]) for row in rows], found, rtol=1e-4)
  flags = [row[3] for row in rows]
  assert set(flags[30:]) == {"1"}
  assert set(flags[:10]) == {"0"}
  assert any("45 time stamps of new.csv" in said for said in report.findings)
  (tmp_path / "bad.csv").write_text("a,b\n1,2\n2,3\n")
  with pytest.raises(UserError, match="no column 'c'"):
    evaluated("anomaly", run, {**QUICK, "input": str(tmp_path / "bad.csv")})


def test_series_without_anomalies_are_refused(run):
  splits = {k: dict(v) for k, v in run.dataset.splits.items()}
  splits["test"]["points"] = np.zeros_like(splits["test"]["points"])
  with pytest.raises(UserError, match="has normal points and anomalous ones"):
    evaluated("anomaly", run._replace(dataset=run.dataset._replace(splits=splits)), QUICK)


def test_training_stretches_are_put_together_again(run):
  train = run.dataset.splits["train"]
  rows = np.flatnonzero(train["series"] == 1)
  (whole,) = points.stretches(train["x"][rows], train["start"][rows])
  one, columns = series.made(0)[1].values[:350], run.spec.columns
  shift, scale = (np.array([getattr(c, k) for c in columns]) for k in ("shift", "scale"))
  np.testing.assert_allclose(whole, (one - shift) / scale, rtol=1e-4, atol=1e-5)
  keep = np.array([0, 1, 4, 5])
  parts = points.stretches(train["x"][rows[keep]], train["start"][rows[keep]])
  assert [len(part) for part in parts] == [30, 30]


@pytest.mark.slow  # compiles stumpy's programs
def test_the_matrix_profile_is_the_distance_to_the_nearest_standardised_place():
  pytest.importorskip("stumpy")
  rng = np.random.default_rng(0)
  parts, x = (
    [rng.normal(size=(30, 2)), rng.normal(size=(25, 2))],
    rng.normal(size=(4, 8, 2)),
  )
  scorer = matrix_profile.detector(parts, 8).fit(x.reshape(4, -1), 1.0, 0)
  unit = lambda v: (v - v.mean(0)) / v.std(0)
  expected = []
  for window in x:
    places = [unit(p[i : i + 8]) for p in parts for i in range(len(p) - 7)]
    far = np.sqrt(np.square(np.array(places) - unit(window)).sum(1))
    expected.append(far.min(0).mean())
  np.testing.assert_allclose(scorer(x.reshape(4, -1)), expected, rtol=1e-6)


def test_rare_events_are_windows_of_series_that_are_held_out_as_wholes():
  options = {"name": "series", "rare": 0.1, "steps": 16, "stride": 4, "scale": "each"}
  found = data.load(options, None)
  known = series.made(0)
  assert found.spec.classes == ("normal", "event")
  own = {split: set(v["series"].tolist()) for split, v in found.splits.items()}
  assert sorted(n for those in own.values() for n in those) == list(range(8))
  for fields in found.splits.values():
    assert abs(fields["label"].mean() - 0.1) < 0.5 / len(fields["label"]) + 1e-3
    np.testing.assert_array_equal(fields["label"], fields["points"].any(1))
    for n, start, x, marks in zip(
      fields["series"], fields["start"], fields["x"], fields["points"], strict=True
    ):
      one, rows = known[n], slice(start, start + 16)
      assert start >= 500  # the head gives the scale alone
      head = one.values[:500]
      np.testing.assert_allclose(
        x, (one.values[rows] - head.mean(0)) / head.std(0), rtol=1e-4, atol=1e-4
      )
      np.testing.assert_array_equal(marks, one.marks[rows])


@pytest.mark.parametrize(
  ("options", "words"),
  [
    ({"rare": 1.0}, "expected a share"),
    ({"rare": 0.9}, "lower it"),
    ({"rare": 0.1, "steps": 0}, "share of windows"),
  ],
)
def test_a_share_of_events_that_cannot_be_is_refused(options, words):
  with pytest.raises(UserError, match=words):
    data.load({"name": "series", **options}, None)
