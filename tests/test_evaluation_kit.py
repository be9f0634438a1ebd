"""The kit on results whose answer is known, without a model."""

import csv
import time
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from vae_jax import registry
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import (
  numbers,
  protocol,
  reporting,
  results,
  sentences,
  settings,
  source,
  tables,
)
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member, Metric, Result, Task
from vae_jax.metrics import comparison, summary
from vae_jax.studies import sections
from vae_jax.types import Figure, Table, UserError

HIGHER, LOWER = Metric("score"), Metric("error", better=-1)


def member(number, beta=1.0, seed=0, part=0, ended=""):
  row = {"beta": beta, "seed": seed}
  return Member(number, None, number, row, (("beta", beta),), part, ended)


def result(who, values, method="map", condition="", part=0):
  return Result(who, method, condition, {"score": np.asarray(values, float)}, 0.0, part)


def of(lines, method, setting=(("beta", 1.0),)):
  return next(x for x in lines if (x.method, x.setting) == (method, setting))


def test_the_interval_is_howes_sum_of_both_levels():
  values = np.random.default_rng(0).normal(size=(4, 30)) + np.arange(4)[:, None]
  found = comparison.estimate(values)
  v, w = values.mean(1).var(ddof=1) / 4, values.mean(0).var(ddof=1) / 30
  half = np.sqrt(v * stats.t.ppf(0.975, 3) ** 2 + w * stats.t.ppf(0.975, 29) ** 2)
  assert found.mean == pytest.approx(values.mean())
  assert found.half == pytest.approx(half)
  assert (found.seeds, found.examples) == (4, 30)
  # p is the level at which the interval ends at 0.
  edge = comparison.estimate(values, 1 - found.p)
  assert edge.half == pytest.approx(abs(edge.mean), rel=1e-3)


@pytest.mark.parametrize(("shape", "axis"), [((1, 12), 1), ((5, 1), 0)])
def test_with_one_level_it_is_students(shape, axis):
  values = np.random.default_rng(1).normal(0.3, 1, shape)
  found = comparison.estimate(values)
  exact = stats.ttest_1samp(values.ravel(), 0)
  low, high = exact.confidence_interval(0.95)
  assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))
  assert found.p == pytest.approx(exact.pvalue, rel=1e-5)
  del axis


def test_one_number_has_no_interval():
  found = comparison.estimate(np.ones((1, 1)))
  assert found.mean == 1
  assert np.isnan([found.half, found.p]).all()


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_interval_covers_what_it_says(seeds):
  rng, inside, rounds = np.random.default_rng(seeds), 0, 2000
  for _ in range(rounds):
    values = rng.normal(size=(seeds, 1)) + rng.normal(size=(1, 40)) * 2
    values = values + 0.3 * rng.normal(size=(seeds, 40))
    found = comparison.estimate(values)
    inside += abs(found.mean) <= found.half
  assert inside / rounds >= 0.94  # both levels at once: never too narrow


def test_the_bootstrap_of_a_mean_is_the_mean():
  values = np.random.default_rng(2).normal(size=(3, 400))
  by_formula = comparison.estimate(values)
  resampled = comparison.estimate_of(np.mean, values, replicates=2000)
  assert resampled.mean == pytest.approx(by_formula.mean)
  assert resampled.half == pytest.approx(by_formula.half, rel=0.06)


def test_resampled_sums_are_the_sums_of_resampled_rows():
  ours, theirs = np.random.default_rng(4).uniform(1, 2, (2, 3, 40, 2))
  by_rows = comparison.estimate_of(lambda rows: summary.ratio(rows), ours, theirs)
  by_sums = comparison.estimate_of(summary.ratio, ours, theirs)
  np.testing.assert_allclose(by_sums, by_rows, rtol=1e-9)


def test_a_score_that_is_no_mean_is_reduced_seed_by_seed():
  rows = np.random.default_rng(3).uniform(1, 2, (2, 50, 2))
  rate = Metric("rate", reduce=lambda x: float(x[:, 0].sum() / x[:, 1].sum()))
  line = results.Line((), "m", {"": [Result(None, "m", "", {"score": x}) for x in rows]})
  found = results.interval(line, "score", rate, "")
  by_hand = [x[:, 0].sum() / x[:, 1].sum() for x in rows]
  assert found.mean == pytest.approx(np.mean(by_hand))
  assert 0 < found.half < 2


def test_seeds_stand_side_by_side_within_a_setting():
  mine = [
    result(member(i, beta, seed), [10 * beta + seed] * 3)
    for i, (beta, seed) in enumerate([(4.0, 1), (1.0, 1), (4.0, 0), (1.0, 0)])
  ]
  found = results.lines(mine)
  assert [line.setting for line in found] == [(("beta", 4.0),), (("beta", 1.0),)]
  np.testing.assert_array_equal(results.values(found[0], "score", ""), [[40] * 3, [41] * 3])


def test_pairs_are_of_one_seed_and_one_example():
  rng = np.random.default_rng(4)
  shared = rng.normal(size=(3, 20)) * 5  # what a seed and an example add to both
  a = [result(member(s, 1.0, s), shared[s] + 1, "a") for s in range(3)]
  b = [result(member(s, 1.0, s), shared[s], "b") for s in (2, 0, 1)]
  lines = results.lines(a + b)
  found = results.paired(of(lines, "a"), of(lines, "b"), "score", HIGHER, "")
  assert found.mean == pytest.approx(1)
  assert found.half == pytest.approx(0, abs=1e-9)
  alone = results.interval(of(lines, "a"), "score", HIGHER, "")
  assert alone.half > 1


def test_a_seed_that_only_one_side_has_is_in_no_pair():
  a = [result(member(s, 1.0, s), [s + 1.0] * 4, "a") for s in range(3)]
  b = [result(member(s, 1.0, s), [s + 0.5] * 4, "b") for s in (0, 2)]
  lines = results.lines(a + b)
  found = results.paired(of(lines, "a"), of(lines, "b"), "score", HIGHER, "")
  assert found.seeds == 2
  assert found.mean == pytest.approx(0.5)


def test_a_baseline_on_fewer_examples_is_paired_on_those():
  ours = [result(member(0), np.r_[np.full(10, 5.0), np.full(90, -100.0)])]
  slow = [result(None, np.full(10, 4.0), "slow")]
  lines = results.lines(ours + slow)
  found = results.paired(of(lines, "map"), of(lines, "slow", None), "score", HIGHER, "")
  assert found.mean == 1
  assert found.examples == 10


def test_masks_are_replicates_paired_one_by_one():
  mine, theirs = [], []
  for part, level in enumerate((1.0, 7.0)):
    mine.append(result(member(part, part=part), [level + 1] * 5, part=part))
    theirs.append(result(None, [level] * 5, "gaussian", part=part))
  lines = results.lines(mine + theirs)
  assert len(lines) == 2
  found = results.paired(of(lines, "map"), of(lines, "gaussian", None), "score", HIGHER, "")
  assert (found.mean, found.seeds) == (1, 2)
  assert found.half == pytest.approx(0)


def test_two_methods_are_compared_within_each_network():
  """One seed under two settings is two networks, and neither is paired with the other."""
  scores = {
    (1.0, "map"): [5, 6],
    (1.0, "mean"): [4, 5],
    (4.0, "map"): [1, 2],
    (4.0, "mean"): [0, 1],
  }
  found = [
    result(member(int(beta), beta), x, method) for (beta, method), x in scores.items()
  ]
  application = SimpleNamespace(headline="score", metrics={"score": HIGHER})
  outcome = SimpleNamespace(
    application=application, ours=results.lines(found), conditions=[""]
  )
  said = sentences.contrast(outcome, "mean", "map")
  assert said == "Map against mean, the same networks: +1.00 ± 0.00."


def test_the_choice_is_the_best_mean_over_conditions():
  scores = {"a": (1.0, 9.0), "b": (6.0, 6.0), "c": (20.0, np.nan)}
  mine = [
    result(member(0), [value] * 4, method, condition)
    for method, values in scores.items()
    for condition, value in zip("xy", values, strict=True)
  ]
  chosen = results.choose(results.lines(mine), "score", HIGHER, ("x", "y"))
  assert chosen == ((("beta", 1.0),), "b")
  chosen = results.choose(results.lines(mine), "score", LOWER, ("x", "y"))
  assert chosen == ((("beta", 1.0),), "a")
  neither = Metric("number", better=0)
  first = results.choose(results.lines(mine[::-1]), "score", neither, ("x",))
  assert first == ((("beta", 1.0),), "c")


def test_a_line_that_lacks_a_condition_is_never_chosen():
  mine = [result(member(0), [9.0], "a", "x"), result(member(0), [1.0], "b", "x")]
  mine.append(result(member(0), [1.0], "b", "y"))
  assert results.choose(results.lines(mine), "score", HIGHER, ("x", "y"))[1] == "b"


def verdicts(ours, *theirs, metric=HIGHER, conditions=("",)):
  lines = results.lines([*ours, *theirs])
  rivals = [line for line in lines if line.setting is None]
  mine = next(line for line in lines if line.setting is not None)
  return results.against_baselines(mine, rivals, "score", metric, conditions)


def test_verdicts_speak_of_the_hardest_baseline():
  rng = np.random.default_rng(5)
  base = rng.normal(size=60)
  ours = [result(member(0), base + 1)]
  rivals = [result(None, base + shift + 0.01 * rng.normal(size=60), f"b{shift}")
            for shift in (0.0, 0.9, 3.0)]  # fmt: skip
  assert verdicts(ours, *rivals[:2])[0].word == "ahead"
  assert verdicts(ours, *rivals[:2])[0].theirs.method == "b0.9"
  last = verdicts(ours, *rivals)[0]
  assert (last.word, last.theirs.method) == ("behind", "b3.0")
  # Of errors, the least is the hardest.
  assert verdicts(ours, *rivals, metric=LOWER)[0].theirs.method == "b0.0"
  assert verdicts(ours, *rivals, metric=LOWER)[0].word == "behind"


def test_verdicts_hold_jointly_over_the_conditions():
  """Of twenty conditions with no difference one is found alone, and none jointly."""
  rng, names = np.random.default_rng(11), tuple(f"c{i}" for i in range(20))
  alone = joint = rounds = 0
  for _ in range(40):
    noise = {name: rng.normal(size=40) for name in names}
    ours = [result(member(0), noise[name], condition=name) for name in names]
    theirs = [result(None, np.zeros(40), "zero", name) for name in names]
    found = verdicts(ours, *theirs, conditions=names)
    alone += any(v.difference.p < 0.05 for v in found)
    joint += any(v.word != "open" for v in found)
    rounds += 1
  assert alone / rounds > 0.4
  assert joint / rounds <= 0.15


def test_nothing_is_known_of_one_number_or_of_nan():
  one = verdicts([result(member(0), [5.0])], result(None, [1.0], "b"))
  assert one[0].word == "open"
  lost = verdicts([result(member(0), [np.nan, 1.0])], result(None, [0.0, 0.0], "b"))
  assert lost[0].word == "NaN"
  beside = verdicts(
    [result(member(0), np.arange(9.0) + 5)],
    result(None, np.full(9, np.nan), "broken"), result(None, np.arange(9.0), "sound"),
  )  # fmt: skip
  assert beside[0].theirs.method == "sound"
  assert beside[0].word == "ahead"


def test_stopped_members_are_in_no_line():
  mine = [
    result(member(0, seed=0), [1.0]),
    result(member(1, seed=1, ended="stopped at 5"), [9.0]),
  ]
  assert results.values(results.lines(mine)[0], "score", "").tolist() == [[1.0]]
  assert "in no average" in of_members.stopped([r.member for r in mine])[0]


def test_fields_of_a_setting_stand_in_one_order():
  """Programs may have written the same fields in another order."""
  rows = [[{"seed": 0, "ema": False, "size": 128}], [{"seed": 0, "size": 64, "ema": True}]]
  runs = [
    SimpleNamespace(members=row, hyper={}, numbers=[i], ended=[""])
    for i, row in enumerate(rows)
  ]
  found = of_members.of(runs, [0, 0])
  assert [m.setting for m in found] == [
    (("ema", False), ("size", 128)),
    (("ema", True), ("size", 64)),
  ]


def test_members_may_be_grouped_otherwise():
  """The network trained at each share is one line, another network in each column."""
  mine = []
  for number, share in enumerate(("5 %", "10 %")):
    who = member(number)._replace(row={"beta": 1.0, "seed": 0, "share": share})
    for condition in ("5 %", "10 %"):
      mine.append(result(who, [100.0 if share == condition else 0.0], condition=condition))
  own = lambda who, condition: (
    (("trained on", "itself"),) if who.row["share"] == condition else None
  )
  (line,) = results.lines(mine, own)
  assert [results.mean(line, "score", HIGHER, c) for c in ("5 %", "10 %")] == [100, 100]


def test_numbers_in_words():
  assert numbers.text(-0.001, 2) == "0.00"
  assert numbers.text(-1234.5, 1) == "−1,234.5"
  assert numbers.signed(0.5, 1) == "+0.5"
  assert numbers.plus_minus(comparison.Estimate(1.25, 0.5, 0.1, 2, 3), 1) == "1.2 ± 0.5"
  two, three = (comparison.Estimate(1.25, 0.5, 0.1, seeds, 9) for seeds in (2, 3))
  assert numbers.plus_minus(two, 1, told=False) == "1.2"
  assert numbers.plus_minus(three, 1, told=False) == "1.2 ± 0.5"
  assert numbers.plus_minus(comparison.Estimate(1.0, np.nan, np.nan, 1, 1), 1) == "1.0"
  assert numbers.listed(["a", "b", "c"]) == "a, b and c"
  assert numbers.listed(["a"]) == "a"


def test_a_large_sweep_goes_through_in_seconds():
  """10,000 examples, 40 members and 12 methods: lines, intervals, choice and verdicts."""
  rng, mine = np.random.default_rng(0), []
  for number in range(40):
    who = member(number, beta=float(number // 5), seed=number % 5)
    for method in range(12):
      values = rng.normal(size=10_000).astype(np.float32)
      mine.append(result(who, values, f"m{method}"))
  mine += [result(None, rng.normal(size=10_000), f"b{i}") for i in range(6)]
  began = time.perf_counter()
  lines = results.lines(mine)
  for line in lines:
    assert results.interval(line, "score", HIGHER, "").half > 0
  setting, method = results.choose(lines, "score", HIGHER, ("",))
  chosen = of(lines, method, setting)
  rivals = [line for line in lines if line.setting is None]
  assert len(results.against_baselines(chosen, rivals, "score", HIGHER, ("",))) == 1
  assert time.perf_counter() - began < 20


def test_a_new_application_is_its_protocol(tmp_path):
  """Found by the registry, evaluated and saved: table, verdict, figure, csv and LaTeX."""
  import pathlib

  import jax
  from made import identity, open_with, table_data

  import vae_jax.applications
  from vae_jax import registry, report
  from vae_jax.evaluation import protocol, reporting

  folder = pathlib.Path(__file__).parent / "toys"
  assert len((folder / "smoothing.py").read_text().splitlines()) <= 150
  vae_jax.applications.__path__.append(str(folder))
  try:
    module = registry.find("applications", "smoothing")
  finally:
    vae_jax.applications.__path__.remove(str(folder))
  data = table_data()
  run = open_with(data, identity(data), axes={"beta": [1.0, 4.0], "seed": [0, 1, 2]})
  found = reporting.report(protocol.read("smoothing", module), [run], jax.random.key(0), {})
  assert [v["verdict"] for v in found.verdicts] == ["ahead", "ahead", "open"]
  assert {v["baseline"] for v in found.verdicts} == {"average row"}
  assert "smoothing · Squared error" in found.block[0]
  assert {f.name for f in found.figures} >= {"conditions", "sweep", "side_by_side_01"}
  report.save(found, tmp_path)
  place = tmp_path / "reports" / "smoothing"
  with (place / "scores.csv").open(encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == (6 * 2 + 1) * 3
  mine = [r for r in rows if (r["method"], r["condition"]) == ("as it came", "1")]
  assert {(r["beta"], r["seed"]) for r in mine} == {
    (beta, seed) for beta in ("1.0", "4.0") for seed in "012"
  }
  assert all(float(r["low"]) < float(r["mean"]) < float(r["high"]) for r in mine)
  names = {path.suffix for path in (place / "tables").iterdir()}
  assert names == {".csv", ".tex"}
  assert (tmp_path / "figures" / "smoothing_conditions.png").is_file()


def measured(ours, theirs, chosen):
  """An outcome of results that are given, whose chosen line has the method `chosen`."""
  from toys import smoothing

  members = [r.member for r in ours]
  lines = results.lines([*ours, *theirs])
  task = Task(None, "test", {"id": np.arange(9)})
  own = protocol.read("toy", smoothing)._replace(
    metrics={"score": HIGHER}, headline="score"
  )
  (line,) = (line for line in lines if line.method == chosen)
  words = results.against_baselines(line, [lines[-1]], "score", HIGHER, ("",))
  settings = {"split": "test"}
  known = (
    own,
    [],
    members,
    [task],
    settings,
    [*ours, *theirs],
    lines,
    line,
    True,
    words,
    None,
  )
  return Outcome(*known)


@pytest.mark.parametrize("name", registry.names("applications"))
def test_complete_settings_are_settings(name):
  """evaluate.py hands over complete ones: a default of 0, as the model had, is none to refuse."""
  defaults = registry.find("applications", name).SETTINGS
  assert settings.resolve(defaults, settings.resolve(defaults, {})) == defaults
  with pytest.raises(UserError, match="limit"):
    settings.resolve(defaults, {"limit": 0})


def test_what_was_chosen_among_is_kept_where_there_was_a_choice():
  """A row for each line, with its mean over seeds and examples and its members."""
  few = [member(0), member(1, seed=1), member(2, beta=4.0)]
  ours = [result(m, [1.0 + m.number, 3.0 + m.number]) for m in few]
  lines = results.lines(ours)
  from toys import smoothing

  own = protocol.read("toy", smoothing)
  own = own._replace(metrics={"score": HIGHER}, headline="score")
  known = own, [], few, [], {}, ours, lines, lines[0], True, [], None, lines
  table = tables.choice(Outcome(*known))
  assert table.columns == ("beta", "method", "condition", "metric", "mean", "members")
  assert table.rows == [
    [1.0, "map", "", "score", 2.5, "0 1"], [4.0, "map", "", "score", 4.0, "2"]
  ]  # fmt: skip
  assert tables.choice(Outcome(*known)._replace(on_validation=False)) is None


def test_further_results_are_told_by_the_chosen_method_where_they_have_it():
  """The order of methods says nothing; results without the chosen one speak of their first."""
  scores = {"first": 1.0, "chosen": 5.0}
  ours = [result(member(0), np.arange(9) + v, name) for name, v in scores.items()]
  theirs = [result(None, np.arange(9.0)[::-1], "rival")]
  outcome = measured(ours, theirs, "chosen")
  told = lambda own: reporting.part(outcome, "More", {"score": HIGHER}, ("",), own).findings
  assert told([*ours, *theirs])[0] == "More: score of chosen, chosen on validation: 9.00."
  assert "first, chosen on validation: 5.00" in told([ours[0], *theirs])[0]


@pytest.mark.parametrize("seeds", [2, 3])
def test_an_open_difference_of_two_seeds_has_no_interval(seeds):
  """The means of seeds lie 2 apart about 0.5: Student's quantile of two is 12.7."""
  ours = [result(member(s, seed=s), np.ones(9) * (2 * s - 0.5)) for s in range(seeds)]
  outcome = measured(ours, [result(None, np.zeros(9), "rival")], "map")
  said = " ".join(sentences.all_of(outcome, []))
  mean = np.mean([2 * s - 0.5 for s in range(seeds)])
  assert f"rival (+{mean:.2f}{')' if seeds == 2 else ' ±'}" in said
  assert ("Two seeds: Student's quantile of two is 12.7" in said) == (seeds == 2)
  assert ("open with two seeds" in sentences.block(outcome, 0.0)[-1]) == (seeds == 2)


def test_a_second_kind_of_data_has_a_number_in_its_names():
  written = lambda part: Extra(
    [Table("What", ("part",), [[part]])],
    [Figure("curve", "lines", {}, "")],
    [f"Part {part}."],
    {"x": np.full(2, part)},
  )
  outcome = SimpleNamespace(tasks=["first", "second"])
  found = sections.joined(outcome, (written,), lambda outcome, number: number)
  assert [(t.title, t.rows) for t in found.tables] == [("What", [[0]]), ("What_1", [[1]])]
  assert [f.name for f in found.figures] == ["curve", "curve_1"]
  assert found.findings == ["Part 0.", "Part 1."]
  assert {name: x.tolist() for name, x in found.arrays.items()} == {
    "x": [0, 0],
    "x_1": [1, 1],
  }


def test_the_same_examples_are_encoded_once(monkeypatch):
  asked = []
  encode = lambda run, examples, key: asked.append(run) or len(asked)
  monkeypatch.setattr(source.asking, "posterior", encode)
  first, second = (SimpleNamespace(dataset=None) for _ in range(2))
  examples, of = {"x": np.zeros(3)}, source.Source(first, {}, None)
  assert [of.posterior(first, examples), of.posterior(first, dict(examples))] == [1, 1]
  assert of.posterior(second, examples) == 2
  assert of.posterior(first, {"x": np.zeros(3)}) == 3  # other arrays, if equal ones


def test_each_program_is_asked_once_for_all_its_members():
  first, second, calls = SimpleNamespace(start=10), SimpleNamespace(start=20), []
  members = [
    Member(number, run, place, {}, (), 0, "")
    for number, (run, place) in enumerate([(first, 0), (second, 0), (first, 1)])
  ]

  def ask(run):
    calls.append(run.start)
    return {"x": run.start + np.arange(2)}

  found = sections.each(members, ask)
  assert {number: one["x"] for number, one in found.items()} == {0: 10, 1: 20, 2: 11}
  assert calls == [10, 20]


@pytest.mark.parametrize(
  ("objective", "latents", "expected"),
  [
    ("beta", 3, True),
    ("autoencoder", 3, True),
    ("language_model", 3, False),
    ("beta", 0, False),
  ],
)
def test_a_language_model_has_no_code(objective, latents, expected):
  config = {"objective": {"name": objective}}
  run = SimpleNamespace(config=config, vae=SimpleNamespace(latents=latents))
  assert of_members.has_code(run) is expected
