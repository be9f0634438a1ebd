"""The numbers of the β atlas: known answers on made scores."""

import math

import numpy as np
import pytest
from atlases import BETAS, NLL, NOISE, SEEDS, level, members, saved, started
from scipy import stats

from vae_jax import report
from vae_jax.metrics import comparison
from vae_jax.report import atlas, atlas_page, atlas_words, page, store


def row(folder, **options):
  asked, _ = atlas.asked(folder, store.load(folder))
  (found,) = atlas.rows(asked, page.members_of(folder), **options)
  return found


@pytest.fixture
def folder(tmp_path):
  started(tmp_path, members())
  return tmp_path


def test_a_beta_that_is_best_with_certainty(folder):
  """Means 20, 18, 16, 12 dB: 100, 75, 50 and 0; 4 dB over β = 1 in every seed."""
  saved(folder, level(20.0, 18.0, 16.0, 12.0))
  found = row(folder)
  assert [cell.scaled for cell in found.cells] == pytest.approx([100, 75, 50, 0])
  half = stats.t.ppf(0.975, 4) * NOISE.std(ddof=1) / math.sqrt(5)
  assert [c.score.half for c in found.cells] == pytest.approx([half] * 4)
  assert [c.scaled_half for c in found.cells] == pytest.approx([100 * half / 8] * 4)
  assert (found.best.beta, found.verdict) == (0.25, "better")
  assert found.p == pytest.approx(0, abs=1e-12)
  assert found.gain.mean == pytest.approx(4)
  assert found.ends == pytest.approx((12, 20))
  assert (found.baseline, found.baseline_scaled) == ("Wiener", pytest.approx(-25))
  assert [cell.near for cell in found.cells] == [True, False, False, False]
  assert atlas_words.sentence(found) == (
    "Noise reduction, 25 %: take β = 0.25. It is better than β = 1 by 4.00 ± 0.00 dB"
    " (Holm p < 0.001). Every other β is worse."
  )


def test_less_may_be_better(folder):
  """nats: the lowest is 100, and a gain is positive where the loss fell."""
  saved(folder, level(90.0, 85.0, 86.0, 95.0), metrics=NLL, name="x", condition="")
  found = row(folder)
  assert found.best.beta == 0.5
  assert [cell.scaled for cell in found.cells] == pytest.approx([50, 100, 90, 0])
  assert found.gain.mean == pytest.approx(1)
  assert found.baseline_scaled == pytest.approx(850)
  assert [c.lost.mean for c in found.cells] == pytest.approx([5, 0, 1, 10])


def test_beta_one_needs_no_test_and_a_tie_none_either(folder):
  saved(folder, level(18.0, 19.0, 20.0, 12.0))
  found = row(folder)
  assert (found.best.beta, found.verdict, found.gain) == (1.0, "β = 1", None)
  assert atlas_words.sentence(found).startswith("Noise reduction, 25 %: take β = 1, which")
  saved(folder, level(20.0, 20.0, 20.0, 20.0), valid={(4.0, "MAP"): 21.0})
  tie = row(folder)
  assert (tie.best.beta, tie.verdict, tie.p) == (4.0, "open", 1.0)
  assert all(math.isnan(cell.scaled) for cell in tie.cells)
  assert all(cell.near for cell in tie.cells)
  assert "Between β = 0.25 and 4 β does not matter as far as 5 seeds can tell" in (
    atlas_words.sentence(tie)
  )
  assert "at most 0.00 dB lost" in atlas_words.sentence(tie)


def test_a_flat_range_ends_where_a_beta_is_worse(folder):
  """β 0.5 and 1 differ by noise that changes sign; 0.25 and 4 are far below."""
  scores = level(12.0, 20.0, 20.0, 11.0)
  scores[(1.0, "MAP")] = 20 + np.array([0.3, -0.3, 0.2, -0.2, -0.05])
  saved(folder, scores)
  found = row(folder)
  assert [cell.near for cell in found.cells] == [False, True, True, False]
  difference = scores[(0.5, "MAP")] - scores[(1.0, "MAP")]
  expected = stats.ttest_1samp(difference, 0)
  assert found.p == pytest.approx(expected.pvalue)  # one row: Holm changes nothing
  assert found.verdict == "open"
  bound = difference.mean() + stats.t.ppf(0.975, 4) * difference.std(ddof=1) / math.sqrt(5)
  said = "Between β = 0.5 and 1 β does not matter as far as 5 seeds can tell (at most"
  assert f"{said} {bound:.2f} dB lost)." in atlas_words.sentence(found)


def test_a_worse_beta_in_between_ends_the_range(folder):
  saved(folder, level(20.0, 15.0, 20.0, 20.0), valid={(1.0, "MAP"): 21.0})
  assert [cell.near for cell in row(folder).cells] == [False, False, True, True]


def test_the_choice_is_made_on_validation_and_scored_on_test(folder):
  """Validation prefers β = 4, which the test finds worse than β = 1."""
  saved(folder, level(15.0, 16.0, 20.0, 18.0), valid={(4.0, "MAP"): 99.0})
  found = row(folder)
  assert (found.best.beta, found.verdict) == (4.0, "worse")
  assert found.best.scaled == pytest.approx(60)
  assert found.gain.mean == pytest.approx(-2)
  assert "best on validation, but worse than β = 1 by 2.00" in atlas_words.sentence(found)


def test_each_beta_is_asked_by_its_own_best_method_of_validation(folder):
  scores = level(15.0, 16.0, 17.0, 14.0)
  scores |= {(b, "decode"): 10.0 + b + NOISE for b in BETAS}
  valid = {(0.25, "decode"): 30.0}
  saved(folder, scores, valid)
  found = row(folder)
  assert [cell.method for cell in found.cells] == ["decode", "MAP", "MAP", "MAP"]
  assert found.best.score.mean == pytest.approx(10.25)


def test_nan_is_shown_and_never_chosen(folder):
  scores = level(99.0, 18.0, 16.0, 12.0)
  scores[(0.25, "MAP")][2] = np.nan
  saved(folder, scores)
  found = row(folder)
  assert found.best.beta == 0.5
  assert math.isnan(found.cells[0].score.mean)
  assert not found.cells[0].near
  assert found.ends == pytest.approx((12, 18))
  assert found.cells[1].scaled == pytest.approx(100)
  # finite on validation and NaN on the scored split: it is chosen, and nothing is claimed
  saved(folder, scores, valid={(0.25, "MAP"): 99.0})
  found = row(folder)
  assert (found.best.beta, found.verdict) == (0.25, "NaN")
  assert "nothing can be said (NaN)" in atlas_words.sentence(found)
  saved(folder, level(*[1.0] * 4), valid={(b, "MAP"): np.nan for b in BETAS})
  asked, _ = atlas.asked(folder, store.load(folder))
  assert atlas.rows(asked, members()) == []


def test_one_seed_says_nothing_of_others(tmp_path):
  rows = members(seeds=(0,))
  started(tmp_path, rows)
  scores = {(b, "MAP"): [v] for b, v in zip(BETAS, (20.0, 18.0, 16.0, 12.0), strict=True)}
  saved(tmp_path, scores, rows=rows)
  found = row(tmp_path)
  assert (found.best.beta, found.verdict) == (0.25, "one seed")
  assert math.isnan(found.p)
  assert [cell.near for cell in found.cells] == [True, False, False, False]
  assert "with one seed nothing can be said" in atlas_words.sentence(found)


def test_a_dead_member_is_left_out_of_pairs_and_named(folder):
  """Seed 1 of β = 1 is dead: four pairs; without pairing the noise of the seeds would hide it."""
  scores = level(20.0, 18.0, 16.0, 12.0)
  kept = np.delete(scores[(1.0, "MAP")], 1) + np.array([0.0, 0.01, 0.0, 0.02])
  scores[(1.0, "MAP")] = kept
  said = "1 of 20 members is dead and in no average: 11 (β 1, seed 1, dead at 5)."
  saved(folder, scores, findings=[said], dead=(11,))
  found = row(folder)
  assert [cell.score.seeds for cell in found.cells] == [5, 5, 4, 5]
  assert found.gain.seeds == 4
  assert found.gain.mean == pytest.approx(np.mean(20 + np.delete(NOISE, 1) - kept))
  report.render(folder, "x")
  assert said in (folder / "atlas.html").read_text()


def test_without_beta_one_nothing_is_compared_with_it(tmp_path):
  rows = members(betas=(0.5, 2.0))
  started(tmp_path, rows)
  saved(tmp_path, {(0.5, "MAP"): 20 + NOISE, (2.0, "MAP"): 19 + NOISE}, rows=rows)
  found = row(tmp_path)
  assert (found.best.beta, found.verdict, found.gain) == (0.5, "no β = 1", None)
  assert "no β = 1 is there to compare with" in atlas_words.sentence(found)
  report.render(tmp_path, "x")
  assert "no β = 1" in (tmp_path / "atlas.html").read_text()


def test_p_values_are_holms_over_the_applications(folder):
  rng = np.random.default_rng(0)
  p = []
  for name in ("a", "b", "c"):
    scores = {(b, "MAP"): 20 + rng.normal(size=5) for b in BETAS}
    saved(folder, scores, valid={(0.5, "MAP"): 99.0}, name=name)
    p.append(stats.ttest_rel(scores[(0.5, "MAP")], scores[(1.0, "MAP")]).pvalue)
  saved(folder, level(18.0, 19.0, 20.0, 12.0), name="d")  # its best is β = 1: no test
  asked, _ = atlas.asked(folder, store.load(folder))
  found = atlas.rows(asked, members())
  np.testing.assert_allclose([r.p for r in found[:3]], comparison.holm(np.array(p)))
  assert math.isnan(found[3].p)


def test_a_beta_one_that_is_left_open_is_not_called_worse_in_its_row(folder):
  """p = 0.03 by itself, 0.06 over two applications: not shown, and so within the range."""
  step = np.array([1.0, 1.0, 1.0, 1.0, 1.0]) + 1.4 * NOISE * math.sqrt(10)
  scores = level(10.0, 20.0, 20.0, 10.0)
  scores[(1.0, "MAP")] = scores[(0.5, "MAP")] - step
  alone = stats.ttest_1samp(step, 0).pvalue
  assert 0.025 < alone < 0.05
  saved(folder, scores, valid={(0.5, "MAP"): 99.0}, name="a")
  assert [cell.near for cell in row(folder).cells] == [False, True, False, False]
  other = level(20.0, 20.0, 20.0, 20.0)
  saved(folder, other, valid={(0.5, "MAP"): 99.0}, name="b")
  asked, _ = atlas.asked(folder, store.load(folder))
  first = atlas.rows(asked, members())[0]
  assert (first.verdict, first.p) == ("open", pytest.approx(2 * alone))
  assert [cell.near for cell in first.cells] == [False, True, True, False]


def test_the_middle_condition_has_a_row_and_every_one_below(folder):
  more = {"5 %": level(30.0, 29.0, 31.0, 25.0)}
  saved(folder, level(20.0, 18.0, 16.0, 12.0), more=more)
  assert row(folder).condition == "25 %"
  asked, _ = atlas.asked(folder, store.load(folder))
  every = atlas.rows(asked, members(), every=True)
  assert [(r.condition, r.best.beta) for r in every] == [("25 %", 0.25), ("5 %", 1.0)]
  found = atlas_page.context(folder)
  assert len(found["every"]["rows"]) == 2
  assert len(found["long"].rows) == 8


def test_seeds_of_the_data_are_repetitions_and_settings_are_not(tmp_path):
  """Pairs agree in the seed and in the data seed; another width is chosen, not averaged."""
  rows = [
    {"beta": b, "seed": s, "data_seed": d}
    for b in (1.0, 2.0)
    for s in (0, 1)
    for d in (5, 6)
  ]
  started(tmp_path, rows)
  scores = {(1.0, "MAP"): [1.0, 2.0, 3.0, 4.0], (2.0, "MAP"): [1.5, 2.5, 3.5, 4.5]}
  saved(tmp_path, scores, rows=rows)
  found = row(tmp_path)
  assert found.gain.seeds == 4
  assert (found.gain.mean, found.p) == (0.5, 0.0)


def test_the_metric_that_takes_the_headlines_place(folder):
  """No AUROC on validation: chosen by the loss there, scored by AUROC."""
  scores = level(0.7, 0.8, 0.6, 0.5)
  metrics = {
    "auroc": {"title": "AUROC", "unit": "", "better": 1, "digits": 3},
    "loss": {"title": "−ELBO", "unit": "nats", "better": -1, "digits": 1},
  }
  saved(folder, scores, dict.fromkeys(scores, np.nan), "anomaly", metrics, condition="")
  path = folder / "reports/anomaly/choice.csv"
  lines = path.read_text()
  for i, beta in enumerate(BETAS):
    numbers = " ".join(str(5 * i + s) for s in SEEDS)
    lines += f"{beta},MAP,,loss,{[50.0, 40.0, 30.0, 35.0][i]},{numbers}\n"
  path.write_text(lines)
  found = row(folder)
  assert (found.best.beta, found.by, found.metric["title"]) == (1.0, "−ELBO", "AUROC")
  assert found.best.score.mean == pytest.approx(0.6)
  assert atlas_words.sentence(found).endswith("Chosen by −ELBO.")
