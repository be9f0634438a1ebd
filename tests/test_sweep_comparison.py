"""The comparison of settings: its statistics on known answers, its words, a real small sweep."""

import jax
import numpy as np
import pytest
from helpers import tiny
from scipy import stats
from test_applications import exact_linear, open_with, table_data

from vae_jax import report
from vae_jax import run as runs
from vae_jax.applications import _beta_pictures as pictures
from vae_jax.applications import _beta_settings as groups
from vae_jax.applications import _beta_verdicts as verdicts
from vae_jax.applications import beta_comparison
from vae_jax.applications._beta_scores import Member, ceiling
from vae_jax.metrics import comparison
from vae_jax.metrics.comparison import Difference, Interval
from vae_jax.training import loop
from vae_jax.types import Spec, UserError

KEY = jax.random.key(0)
FEW = {"samples": 8, "limit": 40, "codes": 50, "replicates": 200}


def rng(seed: int = 0) -> np.random.Generator:
  return np.random.default_rng(seed)


def two_way(count: int, seeds: int, examples: int, stds, generator) -> np.ndarray:
  """Worlds [count, S, N] of mean 0: an effect of the seed, one of the example, and both."""
  of_seed = generator.normal(size=(count, seeds, 1)) * stds[0]
  of_example = generator.normal(size=(count, 1, examples)) * stds[1]
  return of_seed + of_example + generator.normal(size=(count, seeds, examples)) * stds[2]


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("stds", [(1.0, 1.0, 1.0), (0.3, 5.0, 1.0)])
def test_the_interval_covers_the_truth_as_often_as_it_says(seeds, stds):
  """400 worlds: 95 % within three of its standard errors, or more, the sum being cautious."""
  generator = rng(seeds)
  found = comparison.two_level(two_way(400, seeds, 50, stds, generator), generator, 500)
  covered = ((found.low < 0) & (found.high > 0)).mean()
  assert covered > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 400)


def test_many_seeds_and_examples_give_the_normal_interval():
  y = two_way(1, 200, 400, (1.0, 3.0, 0.0), rng())[0]
  found = comparison.two_level(y, rng(1), 4000)
  error = np.sqrt(y.mean(1).var(ddof=1) / 200 + y.mean(0).var(ddof=1) / 400)
  half = 1.96 * error
  np.testing.assert_allclose(found.mean, y.mean())
  np.testing.assert_allclose(
    [found.low, found.high], y.mean() + np.asarray([-half, half]), atol=half / 10
  )


def test_one_seed_leaves_the_examples_and_one_number_leaves_nothing():
  y = rng().normal(size=(1, 300))
  found = comparison.two_level(y, rng(1), 4000)
  half = 1.96 * y.std() / np.sqrt(300)
  np.testing.assert_allclose(found.high - found.mean, half, rtol=0.1)
  alone = comparison.two_level(np.ones((1, 1)), rng())
  assert alone.mean == 1
  assert np.isnan([alone.low, alone.high]).all()


def test_a_nan_or_an_infinite_score_stays_seen():
  y = np.ones((2, 3, 8))
  y[0, 1, 2], y[1, 0, 0] = np.nan, np.inf
  found = comparison.two_level(y, rng(), 50)
  assert np.isnan([found.low[0], found.high[0], found.low[1]]).all()


def test_what_is_in_front_shares_the_resamples():
  y = rng().normal(size=(3, 4, 20))
  together = comparison.two_level(y, rng(7), 300)
  for i in range(3):
    alone = comparison.two_level(y[i], rng(7), 300)
    np.testing.assert_allclose([alone.low, alone.high], [together.low[i], together.high[i]])


def test_what_a_seed_or_an_example_adds_to_both_cancels():
  a, b = rng(1).normal(size=(2, 3, 30))
  common = 100 * rng(2).normal(size=(3, 1)) + 50 * rng(3).normal(size=(1, 30))
  bare, offset = (comparison.paired(a + c, b + c, rng(4), 200) for c in (0.0, common))
  np.testing.assert_allclose(bare, offset, atol=1e-9)


def test_the_p_value_is_students_where_one_level_is_silent():
  a, b = rng(5).normal(size=(2, 6, 1))
  expected = stats.ttest_rel(a[:, 0], b[:, 0]).pvalue
  assert comparison.paired(a, b, rng()).p == pytest.approx(expected, rel=1e-6)
  d = np.tile(rng(6).normal(0.1, 1, size=40), (3, 1))  # every seed the same
  expected = stats.ttest_1samp(d[0], 0).pvalue
  assert comparison.paired(d, 0 * d, rng()).p == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_where_nothing_differs_one_in_twenty_is_found_at_most(seeds):
  generator = rng(seeds)
  worlds = two_way(400, seeds, 40, (1.0, 2.0, 1.0), generator)
  false = np.mean([comparison.paired(y, 0 * y, generator, 10).p < 0.05 for y in worlds])
  assert false < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_equal_settings_and_certain_ones():
  same = comparison.paired(np.ones((3, 4)), np.ones((3, 4)), rng(), 20)
  assert (same.mean, same.p) == (0, 1)
  apart = comparison.paired(np.ones((3, 4)), np.zeros((3, 4)), rng(), 20)
  assert (apart.mean, apart.low, apart.high, apart.p) == (1, 1, 1, 0)
  one = comparison.paired(np.ones((1, 4)), np.zeros((1, 4)), rng(), 20)
  assert np.isnan([one.p, one.seed_std]).all()


def test_holm():
  """By hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, then the largest so far."""
  found = comparison.holm([0.01, 0.04, np.nan, 0.03, 0.005])
  np.testing.assert_allclose(found, [0.03, 0.06, np.nan, 0.06, 0.02])
  np.testing.assert_allclose(comparison.holm([0.6, 0.9]), [1, 1])
  assert comparison.holm([]).size == 0


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_seeds_needed_are_those_of_the_tables(effect, seeds):
  """Paired t-test, two-sided 5 %, a chance of 80 %: Cohen's small, medium, large, and 1."""
  assert comparison.seeds_needed(effect, 1.0) == seeds


def test_power_is_how_often_the_test_finds_it():
  generator, seeds, examples = rng(), 6, 60
  worlds = 0.9 + two_way(600, seeds, examples, (0.7, 2.0, 0.0), generator)
  often = np.mean([comparison.paired(y, 0 * y, generator, 5).p < 0.05 for y in worlds])
  told = comparison.power(0.9, 0.7, np.asarray(seeds), 2.0 / np.sqrt(examples))
  assert abs(often - told) < 0.08


def test_no_number_of_seeds_mends_few_examples():
  assert comparison.seeds_needed(1.0, 0.1, 0.6) is None
  assert comparison.seeds_needed(0.0, 1.0) is None
  assert comparison.seeds_needed(float("nan"), 1.0) is None
  assert comparison.seeds_needed(100.0, 1.0) == 2
  many = comparison.power(1e4, 1.0, np.arange(2, 50))
  assert (many == 1).all()


def member(number=0, level=0.0, ended="", verdict="3 of 3", **row) -> Member:
  """A member whose scores lie at `level`, with an effect of its seed and of each example."""
  row = {"seed": 0, **row}
  y = level + 0.1 * rng(row["seed"]).normal() + rng(99).normal(size=20)
  y = y + 0.01 * rng(number).normal(size=20)
  one = np.asarray([level])
  return Member(
    number=number, row=row, ended=ended, rate=y, distortion=y, loss=2 * y, nll=y, ess=5.0,
    active=one, verdict=verdict, information=one, aggregate=one, total_correlation=one,
    dimension_wise=one, latents=np.asarray([2.0, 1.0]), order=np.asarray([1, 0]),
    codes=np.zeros((20, 2)),
  )  # fmt: skip


def grid(levels: dict, seeds=3, **options) -> list[Member]:
  return [
    member(i * seeds + s, level, seed=s, beta=beta, **options)
    for i, (beta, level) in enumerate(levels.items())
    for s in range(seeds)
  ]


def compared(members, axis="", score="nll", pairs=""):
  found = groups.design(members, axis, score, 0)
  return found, groups.compare(found, pairs, 200)


def test_a_setting_is_all_but_the_seeds_and_the_axis_is_beta():
  members = [
    member(i, capacity=c, beta=b, seed=s, data_seed=d)
    for i, (c, b, s, d) in enumerate(np.ndindex(2, 3, 2, 2))
  ]
  found = groups.design(members, "", "nll", 0)
  assert found.axis == "beta"
  assert found.names == ("beta", "capacity")
  assert [len(s.members) for s in found.settings] == [4] * 6
  assert [s.values["beta"] for s in found.settings] == [0, 0, 1, 1, 2, 2]
  assert groups.design(members, "capacity", "nll", 0).names == ("capacity", "beta")
  assert list(groups.groups(found)) == ["capacity 0", "capacity 1"]


def test_the_axis_is_the_first_number_or_the_first_name():
  rows = [
    {"objective.name": "tc", "capacity": 1.0},
    {"objective.name": "beta", "capacity": 2.0},
  ]
  named = [member(i, **row) for i, row in enumerate(rows)]
  assert groups.design(named, "", "nll", 0).axis == "capacity"
  words = [member(i, **{"objective.name": n}) for i, n in enumerate(("tc", "beta"))]
  assert groups.label(groups.design(words, "", "nll", 0).settings[0]) == "objective tc"
  assert groups.design([member()], "", "nll", 0).axis == ""


def test_a_program_without_the_number_of_the_axis_comes_last():
  rows = [{"objective.name": "info", "beta": None}]
  rows += [{"objective.name": "beta", "beta": b} for b in (4.0, 1.0)]
  found, pairs = compared([member(i, **row) for i, row in enumerate(rows)])
  named = [groups.label(s) for s in found.settings]
  assert named == ["β 1, objective beta", "β 4, objective beta", "objective info"]
  assert len(pairs) == 3
  assert groups.is_number([1.0, None])


def test_the_dead_and_the_stopped_are_in_no_average():
  members = grid({1.0: 0.0, 4.0: 1.0})
  members[1] = members[1]._replace(ended="dead at 120", nll=np.full(20, np.nan))
  members[3] = members[3]._replace(ended="stopped at 500", nll=np.full(20, 9e9))
  found, pairs = compared(members)
  assert [(len(s.members), len(s.left_out)) for s in found.settings] == [(2, 1), (2, 1)]
  averages = groups.averages(found, 50)
  assert abs(float(averages[0]["nll"].mean)) < 1
  assert pairs[0].difference.seeds == 1  # seeds 0 and 2 here, 1 and 2 there
  said = " ".join(verdicts.findings(found, pairs, averages, "nll"))
  assert (
    "1 dead (its numbers became NaN) is in no average: beta 1, seed 1 (member 1)" in said
  )
  assert "1 stopped (by early stopping) is in no average: beta 4, seed 0 (member 3)" in said


def test_a_setting_whose_members_all_died_is_an_empty_row():
  members = [m._replace(ended="dead at 3") if m.row["beta"] == 4 else m
             for m in grid({1.0: 0.0, 4.0: 1.0})]  # fmt: skip
  found, pairs = compared(members)
  assert pairs == []
  assert groups.averages(found, 50)[1] == {}
  everything = [m._replace(ended="dead at 3") for m in members]
  found, pairs = compared(everything)
  said = verdicts.findings(found, pairs, groups.averages(found, 50), "nll")
  assert said[0].startswith("No setting has a member with a finite score")


def test_pairs_are_all_of_few_and_neighbours_and_the_best_of_many():
  _, pairs = compared(grid({b: b for b in (1.0, 2.0, 4.0)}))
  assert len(pairs) == 3
  many = grid({float(b): abs(b - 3.0) for b in range(12)}, seeds=2)
  _, pairs = compared(many)
  named = [{p.a.values["beta"], p.b.values["beta"]} for p in pairs]
  assert len(pairs) == 11 + 11 - 2  # its two neighbours are compared with the best once
  assert {3.0, 11.0} in named
  assert {7.0, 8.0} in named
  assert {0.0, 11.0} not in named


def test_chosen_pairs_alone_are_corrected_for():
  members = grid({1.0: 0.0, 2.0: 0.5, 4.0: 1.0})
  _, every = compared(members)
  _, (chosen,) = compared(members, pairs="4:2")
  assert (chosen.a.values["beta"], chosen.b.values["beta"]) == (2.0, 4.0)
  assert chosen.p == chosen.difference.p
  twin = next(p for p in every if p.a.values["beta"] == 2.0)
  assert twin.difference == chosen.difference
  raw = [p.difference.p for p in every]
  np.testing.assert_allclose([p.p for p in every], comparison.holm(raw))
  for wrong in ("4", "4:3", "4:4"):
    with pytest.raises(UserError, match="two values of beta"):
      compared(members, pairs=wrong)


def pair(difference: Difference, p: float, needed=None, b=None) -> groups.Pair:
  a = groups.Setting({"beta": 4.0}, [member(beta=4.0)], [])
  return groups.Pair(
    a, b or groups.Setting({"beta": 2.0}, [member()], []), difference, p, needed
  )


def test_verdicts_in_words():
  sure = Difference(-1.31, -1.9, -0.82, 0.004, 3, 0.2, 0.1)
  assert verdicts.sentence(pair(sure, 0.012), "nll") == (
    "β 4 is better than β 2 by 1.3 nats [0.8, 1.9], Holm p = 0.012 (3 seeds)."
  )
  unsure = Difference(-0.2, -0.9, 0.5, 0.4, 3, 0.5, 0.1)
  assert verdicts.sentence(pair(unsure, 0.4, 15), "nll") == (
    "Whether β 4 is better than β 2 cannot be said with 3 seeds: 0.2 nats [−0.5, 0.9],"
    " Holm p = 0.4; about 12 more seeds would settle it."
  )
  few = unsure._replace(example_error=0.9)
  assert "more test examples might" in verdicts.sentence(pair(few, 0.4), "nll")
  assert "no difference to speak of" in verdicts.sentence(pair(unsure, 0.4), "nll")
  alone = sure._replace(seeds=1, p=np.nan, seed_std=np.nan)
  assert "cannot be said with one seed" in verdicts.sentence(pair(alone, np.nan), "nll")
  lost = Difference(*[np.nan] * 4, 3, np.nan, np.nan)
  assert "NaN" in verdicts.sentence(pair(lost, np.nan), "nll")
  assert "is lower in rate than" in verdicts.sentence(pair(sure, 0.012), "rate")


def test_a_collapsed_setting_carries_the_word():
  flat = [member(i, seed=i, verdict="0 of 3 COLLAPSED") for i in range(2)]
  whole = groups.Setting({"beta": 16.0}, flat, [])
  assert groups.label(whole) == "β 16 (COLLAPSED)"
  some = whole._replace(members=[*flat, member(2, seed=2)])
  assert groups.label(some) == "β 16 (COLLAPSED in 2 of 3)"
  sure = Difference(-1.31, -1.9, -0.82, 0.004, 3, 0.2, 0.1)
  assert "than β 16 (COLLAPSED) by" in verdicts.sentence(pair(sure, 0.01, b=whole), "nll")
  rows = [{"seed": i, "beta": 16.0} for i in range(2)]
  flat = [m._replace(number=9 + i, row=rows[i]) for i, m in enumerate(flat)]
  found, pairs = compared(grid({1.0: 0.0}) + flat)
  said = verdicts.findings(found, pairs, groups.averages(found, 50), "nll")
  assert any(
    s.startswith("COLLAPSED: no latent is active in β 16 (2 of 2 seeds)") for s in said
  )


@pytest.mark.parametrize(
  ("found", "text"),
  [
    ((1.314, 0.82, 1.9), "1.3 [0.8, 1.9]"), ((91.4, 89.5, 93.5), "91.4 [89.5, 93.5]"),
    ((5.5, 5.4999999, 5.5), "5.500 [5.500, 5.500]"), ((1e-13, 0.0, 1e-12), "0 [0, 0]"),
    ((-0.001, -0.4, 0.4), "0.00 [−0.40, 0.40]"), ((3.0, np.nan, np.nan), "3.00"),
    ((np.nan, 1.0, 2.0), "NaN"), ((12345.6, 12000.0, 13000.0), "12,346 [12,000, 13,000]"),
  ],
)  # fmt: skip
def test_intervals_for_the_eye(found, text):
  assert verdicts.interval(Interval(*found)) == text


@pytest.mark.parametrize("members", [1, 15, 45, 300, 10_000])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (64, 64, 3), (218, 178, 3)])
def test_pictures_stay_within_their_pixels(members, shape):
  found = pictures.plan(members, shape)
  side = [n // found.stride for n in shape[:2]]
  assert max(side) <= pictures.SIDE
  assert found.members * found.tiles * side[0] * side[1] <= pictures.PIXELS
  assert 1 <= found.members <= members
  if members <= 45 and shape[0] <= 28:
    assert (found.tiles, found.members) == (10 + 30 + 6 * 9, members)


def test_what_is_no_picture_is_not_drawn():
  assert pictures.drawable(Spec((28, 28, 1), "image", "unit"))
  assert not pictures.drawable(Spec((12,), "table", "real"))
  assert not pictures.drawable(Spec((28, 28, 4), "image", "real"))


def test_the_exact_linear_model_scores_as_it_should():
  """With the exact posterior −ELBO, the estimate and −log p(x) are one number."""
  data = table_data()
  vae, density = exact_linear(data)
  run = open_with(data, vae, axes={"beta": [1.0, 4.0], "seed": [0, 1]})
  run = run._replace(numbers=[0, 1, 2, 3], ended=[""] * 4)
  settings = {**FEW, "limit": 1000, "codes": 1000}
  answer = beta_comparison.evaluate(run, data, KEY, settings)
  exact = -density.logpdf(data.splits["test"]["x"])
  np.testing.assert_allclose(answer.arrays["nll"], np.tile(exact, (4, 1)), rtol=1e-4)
  loss = answer.arrays["rate"] + answer.arrays["distortion"]
  assert abs(loss.mean() - exact.mean()) < 0.6  # one z for each of 30 examples
  parts = [answer.arrays[k] for k in ("information", "total_correlation", "dimension_wise")]
  assert (parts[0] <= ceiling(30) + 1e-6).all()
  np.testing.assert_allclose(sum(parts), answer.arrays["rate"].mean(1), atol=0.8)
  np.testing.assert_allclose(
    answer.arrays["latents"].sum(1), answer.arrays["rate"].mean(1), rtol=1e-5
  )
  assert "sweep_pictures" not in answer.arrays
  (only,) = next(t for t in answer.tables if t.title.startswith("Is one")).rows
  assert only[3].startswith("0 [")  # β changes nothing in a model that is not trained


def test_a_sweep_of_the_dead_is_told_and_not_averaged(tmp_path):
  data = table_data()
  run = open_with(data, exact_linear(data)[0], axes={"beta": [1.0, 4.0]})
  run = run._replace(numbers=[0, 1], ended=["dead at 3", "dead at 9"])
  found = beta_comparison.evaluate(run, data, KEY, FEW)
  assert found.findings[0].startswith("No setting has a member")
  assert "2 dead" in found.findings[1]
  assert [row[1:] for row in found.tables[0].rows] == [[0, 1, *[None] * 9]] * 2
  assert [row[3] for row in found.tables[-1].rows] == ["dead at 3", "dead at 9"]
  report.save(found, tmp_path)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
  """Two programs of four members each, trained for a few steps."""
  where = tmp_path_factory.mktemp("swept")
  sweep = {"model.latents": [2, 3], "beta": [0.1, 8.0], "seed": [0, 1]}
  loop.train(tiny(sweep=sweep), where, None)
  return where, runs.open_runs(str(where))


def test_a_trained_sweep_of_two_programs(swept):
  where, found = swept
  answer = beta_comparison.compare(found, found[0].dataset, KEY, FEW)
  settings, pairs, members = answer.tables
  assert settings.columns[:5] == ("beta", "model.latents", "seeds", "left out", "active")
  assert [row[:3] for row in settings.rows] == [
    [0.1, 2, 2],
    [0.1, 3, 2],
    [8.0, 2, 2],
    [8.0, 3, 2],
  ]
  assert len(pairs.rows) == 6
  assert [row[0] for row in members.rows] == list(range(8))
  assert answer.arrays["rate"].shape == (8, len(found[0].dataset.splits["test"]["x"]))
  rate = members.columns.index("rate")
  by_beta = [
    np.mean([r[rate] for r in members.rows if r[1] == beta]) for beta in (0.1, 8.0)
  ]
  assert by_beta[0] > by_beta[1]  # what β is for
  assert answer.arrays["latents"].shape == (8, 3)
  assert np.isnan(answer.arrays["latents"][:4, 2]).all()
  names = [figure.name for figure in answer.figures]
  assert names == ["rate_distortion", "scores", "active", "information", "latents"]
  assert answer.arrays["sweep_pictures"].shape == (8, 94, 8, 8, 1)
  assert (answer.arrays["sweep_walks"][:4, 2:] == -1).all()
  report.save(answer, where)
  report.render(where, "python evaluate.py")
  assert len(list((where / "figures").glob("beta_comparison_*.png"))) == 5
  assert "β 0.1 · latents 3 · seed 1" in (where / "sweep.html").read_text()


def test_evaluate_is_compare_of_one_program_and_draws_the_same_again(swept):
  _, found = swept
  one = [beta_comparison.evaluate(found[0], found[0].dataset, KEY, FEW) for _ in range(2)]
  assert one[0].tables == one[1].tables
  assert one[0].findings == one[1].findings
  both = beta_comparison.compare(found, found[0].dataset, KEY, FEW)
  np.testing.assert_allclose(both.arrays["nll"][:4], one[0].arrays["nll"], rtol=1e-5)


def test_mistakes_are_told_before_anything_is_measured(swept, monkeypatch):
  _, found = swept
  monkeypatch.setattr(beta_comparison._beta_scores, "measure", None)
  for settings, said in (
    ({"score": "bleu"}, "expected one of nll"),
    ({"axis": "seed"}, "not swept; swept are"),
    ({"pairs": "0.1:3"}, "two values of beta"),
    ({"split": "tset"}, "no split"),
  ):
    with pytest.raises(UserError, match=said):
      beta_comparison.compare(found, found[0].dataset, KEY, settings)


def test_what_has_no_rate_is_refused():
  data = table_data()
  run = open_with(data, exact_linear(data)[0], objective="autoencoder")
  with pytest.raises(UserError, match="use the application reconstruction"):
    beta_comparison.evaluate(run, data, KEY, {})
