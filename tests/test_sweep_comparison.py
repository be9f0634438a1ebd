"""The comparison of settings: its statistics on known answers, its words, a real small sweep."""

import jax
import numpy as np
import pytest
from helpers import evaluated, tiny
from made import exact_linear, open_with, table_data
from scipy import stats

from vae_jax import asking, report
from vae_jax import run as runs
from vae_jax.applications import sweep_comparison
from vae_jax.evaluation import figures, pictures, protocol, results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member, Result
from vae_jax.metrics import aggregate, comparison
from vae_jax.metrics.comparison import Estimate, Settled
from vae_jax.studies import pairs, rates, thumbnails
from vae_jax.training import loop
from vae_jax.types import Posterior, Spec, UserError

KEY = jax.random.key(0)
FEW = {"samples": 8, "limit": 40, "tune": 20, "codes": 50}


def rng(seed: int = 0) -> np.random.Generator:
  return np.random.default_rng(seed)


def two_way(count: int, seeds: int, examples: int, stds, generator) -> np.ndarray:
  """Worlds [count, S, N] of mean 0: an effect of the seed, one of the example, and both."""
  of_seed = generator.normal(size=(count, seeds, 1)) * stds[0]
  of_example = generator.normal(size=(count, 1, examples)) * stds[1]
  return of_seed + of_example + generator.normal(size=(count, seeds, examples)) * stds[2]


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("stds", [(1.0, 1.0, 1.0), (0.3, 5.0, 1.0), (1.0, 0.0, 0.0)])
def test_the_interval_covers_the_truth_and_p_is_its_edge(seeds, stds):
  """600 worlds of mean 0: 95 % are within the interval, and one in twenty has p < 0.05.

  Where the seeds alone vary it is Student's, exact on both sides; a sum of two levels is
  cautious, so that it may cover more.
  """
  worlds = two_way(600, seeds, 50, stds, rng(seeds))
  found = [comparison.estimate(y) for y in worlds]
  covered = np.mean([abs(e.mean) <= e.half for e in found])
  error = np.sqrt(0.05 * 0.95 / 600)
  assert covered > 0.95 - 3 * error
  if stds[1] == 0:
    assert covered < 0.95 + 3 * error
  assert np.mean([e.p < 0.05 for e in found]) == pytest.approx(1 - covered)


def test_many_seeds_and_examples_give_the_normal_interval():
  y = two_way(1, 200, 400, (1.0, 3.0, 0.0), rng())[0]
  found = comparison.estimate(y)
  error = np.sqrt(y.mean(1).var(ddof=1) / 200 + y.mean(0).var(ddof=1) / 400)
  assert found.mean == pytest.approx(y.mean())
  assert found.half == pytest.approx(1.96 * error, rel=0.01)
  assert found.p == pytest.approx(2 * stats.norm.sf(abs(y.mean()) / error), abs=0.01)


def test_one_seed_leaves_the_examples():
  y = rng().normal(size=(1, 300))
  found = comparison.estimate(y)
  half = stats.t.ppf(0.975, 299) * y.std(ddof=1) / np.sqrt(300)
  assert found.half == pytest.approx(half)


def test_a_nan_or_an_infinite_score_stays_seen():
  y = np.ones((2, 3, 8))
  y[0, 1, 2], y[1, 0, 0] = np.nan, np.inf
  lost, endless = comparison.settle(list(y))
  assert np.isnan([lost.difference.mean, lost.difference.half, lost.p]).all()
  assert endless.difference.mean == np.inf
  assert np.isnan([endless.difference.half, endless.p]).all()
  assert lost.needed is None


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_the_p_value_is_howes(seeds):
  """p is where the squared half widths of both levels add up to the squared mean."""
  d = two_way(1, seeds, 30, (1.0, 2.0, 1.0), rng(seeds))[0] + 1.5
  p = comparison.estimate(d).p
  v, w = d.mean(1).var(ddof=1) / seeds, d.mean(0).var(ddof=1) / 30
  both = stats.t.isf(p / 2, seeds - 1) ** 2 * v + stats.t.isf(p / 2, 29) ** 2 * w
  assert both == pytest.approx(d.mean() ** 2, rel=1e-6)


def test_equal_settings_and_certain_ones():
  same, apart, one = comparison.settle([np.zeros((3, 4)), np.ones((3, 4)), np.ones((1, 4))])
  assert (same.difference.mean, same.p, same.needed) == (0, 1, None)
  assert (apart.difference.mean, apart.difference.half, apart.p) == (1, 0, 0)
  assert apart.needed == 2
  assert np.isnan(one.p)  # one seed says nothing of other seeds
  assert one.needed is None


def test_several_comparisons_are_corrected_and_one_seed_is_not_counted():
  d = [rng(i).normal(0.5, 1, (4, 20)) for i in range(3)] + [np.ones((1, 20))]
  found = comparison.settle(d)
  raw = [comparison.estimate(x).p for x in d[:3]]
  np.testing.assert_allclose([f.p for f in found[:3]], comparison.holm(raw))
  alone = comparison.settle(d[:1])[0]
  std, error = d[0].mean(1).std(ddof=1), d[0].mean(0).std(ddof=1) / np.sqrt(20)
  assert alone.p == raw[0]
  assert alone.needed == comparison.seeds_needed(d[0].mean(), std, error)
  assert alone.by_examples == (error > std / 2)


def test_the_parts_of_the_rate_of_a_known_mixture():
  """Two far posteriors of equal weight hold log 2 nats of information."""
  mean = np.asarray([[[-50.0], [50.0]]], np.float32)
  q = Posterior(mean, np.zeros_like(mean))
  parts = rates.decomposed(q, 2, KEY)
  assert parts.information[0] == pytest.approx(np.log(2), abs=1e-5)
  assert parts.total_correlation[0] == pytest.approx(0, abs=1e-5)
  assert aggregate.ceiling(2) == pytest.approx(np.log(2))
  assert aggregate.ceiling(10**6) == pytest.approx(np.log(10_000))


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
  often = np.mean([comparison.estimate(y).p < 0.05 for y in worlds])
  told = comparison.power(0.9, 0.7, np.asarray(seeds), 2.0 / np.sqrt(examples))
  assert abs(often - told) < 0.08


def test_no_number_of_seeds_mends_few_examples():
  assert comparison.seeds_needed(1.0, 0.1, 0.6) is None
  assert comparison.seeds_needed(0.0, 1.0) is None
  assert comparison.seeds_needed(float("nan"), 1.0) is None
  assert comparison.seeds_needed(100.0, 1.0) == 2
  many = comparison.power(1e4, 1.0, np.arange(2, 50))
  assert (many == 1).all()


def member(number=0, ended="", active="3 of 3", **row) -> Member:
  row = {"seed": 0, **row}
  setting = tuple((k, v) for k, v in row.items() if k not in ("seed", "data_seed"))
  return Member(number, None, number, row, setting, 0, ended, active)


def scored(who: Member, level=0.0) -> Result:
  """Scores that lie at `level`, with an effect of the seed and of each example."""
  y = level + 0.1 * rng(who.row["seed"]).normal() + rng(99).normal(size=20)
  y = y + 0.01 * rng(who.number).normal(size=20)
  scores = dict.fromkeys(sweep_comparison.METRICS, y)
  return Result(who, "model", "", scores, answer={"latents": np.asarray([1.0, 2.0])})


def grid(levels: dict, seeds=3, **options) -> list[Result]:
  return [
    scored(member(i * seeds + s, seed=s, beta=beta, **options), level)
    for i, (beta, level) in enumerate(levels.items())
    for s in range(seeds)
  ]


def outcome(found: list[Result], chosen=None, score="nll", **given) -> Outcome:
  """What was measured, with the lines and the choice that the kit makes of it."""
  application = protocol.read("sweep_comparison", sweep_comparison)
  application = application._replace(headline=score)
  settings = sweep_comparison.SETTINGS | {"score": score} | given
  lines = results.lines(found)
  best = results.choose(lines, score, application.metrics[score], ("",))
  best = chosen if chosen is not None else best and best[0]
  top = next((line for line in lines if line.setting == best), None)
  members = [result.member for result in found]
  return Outcome(
    application, [], members, [], settings, found, lines, top, True, [], KEY
  )  # fmt: skip


def compared(found: Outcome, axis="beta", text="") -> list[pairs.Pair]:
  return pairs.compare(found, axis, text)


def values(pair: pairs.Pair, name="beta") -> tuple:
  return tuple(dict(line.setting)[name] for line in (pair.lower, pair.higher))


def test_settings_along_the_axis_are_all_but_the_seeds():
  settings = [(("capacity", c), ("beta", b)) for c in (0, 1) for b in (4, 1, 2)]
  assert figures.axis_of(settings) == "beta"
  rows = figures.along(settings, "beta")
  assert list(rows) == ["capacity 0", "capacity 1"]
  assert [[dict(s)["beta"] for s in row] for row in rows.values()] == [[1, 2, 4]] * 2
  assert list(figures.along(settings, "capacity")) == ["β 4", "β 1", "β 2"]


def test_the_axis_is_the_first_number_or_the_first_name():
  both = [(("objective.name", "tc"), ("capacity", 1.0))]
  both += [(("objective.name", "beta"), ("capacity", 2.0))]
  assert figures.axis_of(both) == "capacity"
  assert figures.axis_of([(("objective.name", n),) for n in ("tc", "beta")]) == (
    "objective.name"
  )
  assert figures.axis_of([()]) == ""
  once = [(("warm_up", value), ("size", size)) for value, size in ((None, 64), (2.0, 128))]
  assert figures.axis_of(once) == "size"  # one value of a number is no axis


def test_a_program_without_the_number_of_the_axis_is_compared_and_on_no_curve():
  rows = [{"objective.name": "info", "beta": None}]
  rows += [{"objective.name": "beta", "beta": b} for b in (4.0, 1.0)]
  found = outcome([scored(member(i, **row), float(i)) for i, row in enumerate(rows)])
  assert len(compared(found)) == 3
  lines = {line.setting: line for line in found.ours}
  (row,) = figures.along([*lines], "beta").values()
  assert [dict(s)["beta"] for s in row] == [1.0, 4.0]
  words = [results.setting_words(line, found.ours) for line in found.ours]
  assert words == ["objective info", "objective beta · β 4", "objective beta · β 1"]


def test_the_stopped_are_in_no_average():
  found = grid({1.0: 0.0, 4.0: 1.0})
  stop = lambda r: r._replace(member=r.member._replace(ended="stopped at 500"))
  found[1], found[3] = stop(found[1]), stop(found[3])
  (pair,) = compared(outcome(found))
  assert pair.found.difference.seeds == 1  # seeds 0 and 2 here, 1 and 2 there
  everything = outcome([stop(result) for result in found])
  assert compared(everything) == []
  said = pairs.findings(everything, [])
  assert said[0].startswith("No setting has a member with a finite score")


def test_pairs_are_all_of_few_and_neighbours_and_the_chosen_of_many():
  assert len(compared(outcome(grid({b: b for b in (1.0, 2.0, 4.0)})))) == 3
  many = outcome(grid({float(b): abs(b - 3.0) for b in range(12)}, seeds=2))
  named = [{*values(pair)} for pair in compared(many)]
  assert len(named) == 11 + 11 - 2  # its two neighbours are compared with the best once
  assert {3.0, 11.0} in named
  assert {7.0, 8.0} in named
  assert {0.0, 11.0} not in named


def test_chosen_pairs_alone_are_corrected_for():
  found = outcome(grid({1.0: 0.0, 2.0: 0.5, 4.0: 1.0}))
  every, (chosen,) = compared(found), compared(found, text="4:2")
  assert values(chosen) == (2.0, 4.0)
  assert chosen.found.p == chosen.found.difference.p
  twin = next(pair for pair in every if values(pair) == (2.0, 4.0))
  assert twin.found.difference == chosen.found.difference
  raw = [pair.found.difference.p for pair in every]
  np.testing.assert_allclose([pair.found.p for pair in every], comparison.holm(raw))
  for wrong in ("4", "4:3", "4:4"):
    with pytest.raises(UserError, match="two values of beta"):
      compared(found, text=wrong)


def test_what_a_seed_or_an_example_adds_to_both_cancels():
  (pair,) = compared(outcome(grid({1.0: 0.0, 4.0: 1.0})))
  assert pair.found.difference.mean == pytest.approx(1, abs=0.01)
  assert pair.found.difference.half < 0.05  # the seeds' 0.1 and the examples' 1 are gone


SURE = Settled(Estimate(1.314, 0.54, 0.004, 3, 20), 0.012, 3, False)
UNSURE = Settled(Estimate(0.2, 0.7, 0.4, 3, 20), 0.4, 15, False)


def said(found: Settled, score="nll", **options) -> str:
  two = outcome(grid({4.0: 0.0, 2.0: 1.0}, **options), score=score)
  lower, higher = (
    next(x for x in two.ours if dict(x.setting)["beta"] == b) for b in (4, 2)
  )
  return pairs.sentence(two, pairs.Pair(lower, higher, found))


def test_verdicts_in_words():
  assert said(SURE) == (
    "β 4 is better than β 2 by 1.31 ± 0.54 nats, Holm p = 0.012 (3 seeds)."
  )
  assert said(UNSURE) == (
    "Whether β 4 is better than β 2 cannot be said with 3 seeds: 0.20 ± 0.70 nats,"
    " Holm p = 0.4; about 12 more seeds would settle it."
  )
  few = UNSURE._replace(needed=None, by_examples=True)
  assert "more test examples might" in said(few)
  alone = Settled(SURE.difference._replace(seeds=1), np.nan, None, True)
  assert "cannot be said with one seed: the two models differ by 1.31 ± 0.54" in said(alone)
  lost = Settled(Estimate(np.nan, np.nan, np.nan, 3, 20), np.nan, None, False)
  assert "NaN" in said(lost)
  assert "is lower in rate than" in said(SURE, "rate")


def test_two_seeds_that_leave_everything_open_are_not_called_equal():
  """The interval [-28, 29] knows nothing: it is left out, and nobody is told "no difference"."""
  wide = comparison.settle([np.asarray([[2.7], [-1.8]]) + np.zeros((2, 40))])[0]
  low, high = (wide.difference.mean + side * wide.difference.half for side in (-1, 1))
  assert (round(low), round(high)) == (-28, 29)
  told = said(wide)
  assert "cannot be said with 2 seeds: 0.45 nats, Holm p = 0.87" in told
  assert "no difference" not in told
  assert "about 393 more seeds would settle it" in told  # (z + z)^2 over (0.45 / 3.18)^2
  least = comparison.settle([np.asarray([[2.3], [-2.2]]) + np.zeros((2, 40))])[0]
  assert "a difference as small as this one takes more than 1,000 seeds" in said(least)


def test_a_collapsed_setting_carries_the_word():
  found = grid({1.0: 0.0, 16.0: 1.0})
  flat = lambda r: r._replace(member=r.member._replace(active="0 of 3 COLLAPSED"))
  whole = outcome([*found[:3], *map(flat, found[3:])])
  assert results.setting_words(whole.ours[1], whole.ours) == "β 16 (COLLAPSED)"
  assert "than β 16 (COLLAPSED) by" in pairs.findings(whole, compared(whole))[1]
  some = outcome([*found[:4], *map(flat, found[4:])])
  assert results.setting_words(some.ours[1], some.ours) == "β 16 (COLLAPSED in 2 of 3)"


def test_the_table_of_pairs_holds_numbers():
  found = outcome(grid({1.0: 0.0, 2.0: 1e-4, 4.0: 1.0}))
  table = pairs.table(found, compared(found))
  for row in table.rows:
    cells = dict(zip(table.columns, row, strict=True))
    assert isinstance(cells["by, nats"], float)
    assert isinstance(cells["± by, nats"], float)
    settled = cells["verdict"] == "better"
    assert settled == (cells["Holm p"] < 0.05)
    assert settled or cells["verdict"] == "cannot be said"
  first = pairs.findings(found, compared(found))[0]
  assert "has the lowest nll on validation, and on test" in first


@pytest.mark.parametrize("members", [1, 15, 45, 300, 10_000])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (64, 64, 3), (218, 178, 3)])
def test_pictures_stay_within_their_pixels(members, shape):
  found = thumbnails.plan(members, shape)
  side = [n // found.stride for n in shape[:2]]
  assert max(side) <= thumbnails.SIDE
  assert found.members * found.tiles * side[0] * side[1] <= thumbnails.PIXELS
  assert 1 <= found.members <= members
  if members <= 45 and shape[0] <= 28:
    assert (found.tiles, found.members) == (10 + 30 + 6 * 9, members)


def test_what_is_no_picture_is_not_drawn():
  assert pictures.drawable(Spec((28, 28, 1), "image", "unit"))
  assert not pictures.drawable(Spec((12,), "table", "real"))
  assert not pictures.drawable(Spec((28, 28, 4), "image", "real"))


def test_small_pictures_are_means_of_pixels():
  x = np.arange(16.0).reshape(1, 4, 4, 1)
  found = thumbnails.small(x, 2, (0.0, 15.0))[0, ..., 0]
  np.testing.assert_array_equal(
    found, np.round(17 * np.asarray([[2.5, 4.5], [10.5, 12.5]]))
  )


def table_of(answer, title: str):
  table = next(table for table in answer.tables if table.title.startswith(title))
  return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_the_exact_linear_model_scores_as_it_should():
  """With the exact posterior −ELBO, the estimate and −log p(x) are one number."""
  data = table_data()
  vae, density = exact_linear(data)
  run = open_with(data, vae, axes={"beta": [1.0, 4.0], "seed": [0, 1]})
  settings = {**FEW, "limit": 1000, "codes": 1000}
  answer = evaluated("sweep_comparison", run, settings)
  of = lambda name: answer.arrays[f"scores/{name}/model"]
  exact = -density.logpdf(data.splits["test"]["x"])
  np.testing.assert_allclose(of("nll"), np.tile(exact, (4, 1)), rtol=1e-4)
  np.testing.assert_allclose(of("elbo"), of("rate") + of("distortion"), rtol=1e-5)
  assert abs(of("elbo").mean() - exact.mean()) < 0.6  # one z for each of 30 examples
  assert (of("information") <= aggregate.ceiling(30) + 1e-6).all()
  parts = [of(k) for k in ("information", "total_correlation", "dimension_wise")]
  np.testing.assert_allclose(sum(parts)[:, 0], of("rate").mean(1), atol=0.8)
  np.testing.assert_allclose(of("aggregate"), parts[1] + parts[2], rtol=1e-6)
  latents = answer.arrays["latents"]
  np.testing.assert_allclose(latents.sum(1), of("rate").mean(1), rtol=1e-5)
  assert (np.diff(latents) <= 0).all()
  assert (of("ess") > 7.9).all()  # all weights are equal under the exact posterior
  assert "sweep_pictures" not in answer.arrays
  (only,) = table_of(answer, "Is one")
  # β changes nothing in a model that is not trained.
  assert (only["by, nats"], only["± by, nats"]) == (pytest.approx(0), pytest.approx(0))


def test_rate_and_distortion_are_of_one_sample_whatever_bound_is_trained():
  """MIWAE's own terms are of 20 samples; beside another objective they are the ELBO's."""
  data = table_data()
  vae, _ = exact_linear(data)
  examples = {"x": data.splits["test"]["x"]}
  own, miwae = (open_with(data, vae, objective) for objective in ("beta", "miwae"))
  plain, tight = asking.elbo(own, examples), asking.elbo(miwae, examples)
  for name in ("rate", "distortion", "elbo"):
    np.testing.assert_allclose(plain[name], asking.terms(own, examples)[name])
    np.testing.assert_allclose(plain[name], tight[name], rtol=1e-6)
  assert asking.terms(miwae, examples)["elbo"].mean() > tight["elbo"].mean()


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
  """Two programs of four members each, trained for a few steps."""
  where = tmp_path_factory.mktemp("swept")
  sweep = {"model.latents": [2, 3], "beta": [0.1, 8.0], "seed": [0, 1]}
  loop.train(tiny(sweep=sweep), where, None)
  return where, runs.open_runs(str(where))


@pytest.fixture(scope="module")
def answered(swept):
  return evaluated("sweep_comparison", swept[1], FEW)


def test_a_trained_sweep_of_two_programs(swept, answered):
  (where, found), answer = swept, answered
  rows = table_of(answer, "Sweep comparison")
  assert [(r["β"], r["latents"], r["seeds"]) for r in rows] == [
    (beta, latents, 2) for latents in (2, 3) for beta in (0.1, 8.0)
  ]
  assert len(table_of(answer, "Is one")) == 6
  of = lambda name: answer.arrays[f"scores/{name}/model"]
  assert answer.arrays["member"].tolist() == list(range(8))
  assert of("rate").shape == (8, len(found[0].dataset.splits["test"]["x"]))
  low, high = (np.mean([r["rate, nats"] for r in rows if r["β"] == b]) for b in (0.1, 8.0))
  assert low > high  # what β is for
  assert answer.arrays["latents"].shape == (8, 3)
  assert np.isnan(answer.arrays["latents"][:4, 2]).all()
  # cross-entropy on grey levels is no likelihood, and is not called one
  assert answer.metrics["nll"]["title"] == "iw loss (K=8)"
  names = [figure.name for figure in answer.figures]
  assert names == ["sweep", "rate_distortion", "active", "information", "latents"]
  assert answer.arrays["sweep_pictures"].shape == (8, 94, 8, 8, 1)
  assert (answer.arrays["sweep_walks"][:4, 2:] == -1).all()
  assert answer.block[0].startswith("sweep_comparison · iw loss (K=8) in nats, lower is")
  seconds = [run.about["seconds"] / 4 for run in found]
  np.testing.assert_allclose(
    answer.arrays["scores/seconds/model"].ravel(), np.repeat(seconds, 4)
  )
  report.save(answer, where)
  report.render(where, "python evaluate.py")
  assert len(list((where / "figures").glob("sweep_comparison_*.png"))) == 5
  assert "β 0.1 · latents 3 · seed 1" in (where / "sweep.html").read_text()


def test_seconds_a_member_are_of_all_that_trained_together(swept):
  _, (first, second) = swept
  # the dead one took its time like the others
  first = first._replace(ended=["", "dead at 3", "", ""])
  answer = evaluated("sweep_comparison", [first, second], FEW)
  expected = np.repeat([run.about["seconds"] / 4 for run in (first, second)], (3, 4))
  np.testing.assert_allclose(answer.arrays["scores/seconds/model"].ravel(), expected)


def test_one_program_scores_the_same_alone_and_again(swept, answered):
  _, found = swept
  one = [evaluated("sweep_comparison", found[0], FEW) for _ in range(2)]
  assert one[0].findings == one[1].findings
  name = "scores/nll/model"
  assert "scores/seconds/model" not in one[0].arrays
  np.testing.assert_array_equal(one[0].arrays[name], one[1].arrays[name])
  np.testing.assert_allclose(answered.arrays[name][:4], one[0].arrays[name], rtol=1e-5)


def test_settings_are_compared_on_the_score_that_was_asked_for(swept):
  _, found = swept
  answer = evaluated("sweep_comparison", found[0], {**FEW, "score": "rate"})
  (row,) = table_of(answer, "Is one")
  assert (row["lower"], row["than"]) == ("β 8", "β 0.1")
  assert any("lower in rate" in sentence for sentence in answer.findings)
  assert answer.headline["metric"] == "rate"
  elbo = evaluated("sweep_comparison", found[0], {**FEW, "score": "elbo"})
  assert "cross-entropy + KL in nats, lower is better" in elbo.block[0]


def test_mistakes_are_told_before_anything_is_measured(swept, monkeypatch):
  _, found = swept
  monkeypatch.setattr(sweep_comparison, "model", None)
  for settings, told in (
    ({"score": "bleu"}, "expected nll or"),
    ({"axis": "seed"}, "not swept; swept are"),
    ({"pairs": "0.1:3"}, "two values of beta"),
    ({"split": "tset"}, "no split"),
  ):
    with pytest.raises(UserError, match=told):
      evaluated("sweep_comparison", found, settings)


def test_what_does_not_compare_is_refused():
  data = table_data()
  linear = exact_linear(data)[0]
  run = open_with(data, linear, objective="autoencoder")
  with pytest.raises(UserError, match="use the application reconstruction"):
    evaluated("sweep_comparison", run)
  alone = open_with(data, linear, axes={"seed": [0, 1, 2]})
  with pytest.raises(UserError, match="this run has one: sweep a number"):
    evaluated("sweep_comparison", alone)
  two = open_with(data, linear, axes={"beta": [1.0, 4.0]})
  other = two._replace(config={**two.config, "data": {**two.config["data"], "seed": 5}})
  with pytest.raises(UserError, match=r"differ in config\.data"):
    evaluated("sweep_comparison", [two, other])
  loss = two._replace(likelihood=two.likelihood._replace(proper=False, name="some_loss"))
  with pytest.raises(UserError, match="mixes likelihoods with losses"):
    evaluated("sweep_comparison", [two, loss])


def test_the_dead_are_named_and_a_sweep_of_the_dead_is_refused():
  data = table_data()
  run = open_with(data, exact_linear(data)[0], axes={"beta": [1.0, 4.0, 8.0]})
  answer = evaluated("sweep_comparison", run._replace(ended=["", "", "dead at 9"]), FEW)
  assert any("1 of 3 members is dead and in no average: 2" in s for s in answer.findings)
  assert len(table_of(answer, "Sweep comparison")) == 2
  with pytest.raises(UserError, match="dead"):
    evaluated("sweep_comparison", run._replace(ended=["dead at 3"] * 3), FEW)
