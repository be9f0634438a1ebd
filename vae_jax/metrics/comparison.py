"""Comparison of two settings: two-level intervals, a paired test, Holm's correction, power.

Values are [S, N]: S seeds, each a model trained anew, and N test examples that every model
is scored on. Seeds and examples are crossed, not nested: example n is the same for all seeds.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats


class Estimate(NamedTuple):
  """A mean over seeds and examples, and how far off it may be."""

  mean: float
  half: float  # half the width of the interval; NaN where nothing tells it
  p: float  # two-sided, of a true mean of 0; NaN where nothing tells it
  seeds: int  # S
  examples: int  # N


class Settled(NamedTuple):
  """One comparison of several: what it found, and what more seeds would do."""

  difference: Estimate
  p: float  # Holm's over the comparisons; NaN with one seed, which says nothing of others
  needed: int | None  # seeds in all that would tell; None: no number of them up to 1,000
  by_examples: bool  # the examples, and not the seeds, are most of the uncertainty


def estimate(values: np.ndarray, level: float = 0.95) -> Estimate:
  """The mean of [S, N] values with an interval over seeds and examples.

    mean +- sqrt(t_{S-1}^2 v + t_{N-1}^2 w),
    v = var_s(mean_n y_sn) / S,   w = var_n(mean_s y_sn) / N,

  with Student's quantiles t at (1 + level) / 2; p is the level at which the interval ends at
  0. With one seed the interval is of the examples alone and says nothing of other seeds; with
  N = 1 (one number for each model) it is of the seeds alone; with one of each it is NaN.

  Args:
    values: [S, N]; a NaN among them stays one. Of a paired comparison, the differences.
    level: of the interval.

  Howe (1974), "Approximate confidence limits on the mean of X + Y".
  """
  values = np.asarray(values, np.float64)
  seeds, examples = values.shape
  with np.errstate(
    invalid="ignore"
  ):  # an infinite score has no interval, and that is shown
    v = values.mean(1).var(ddof=1) / seeds if seeds > 1 else 0.0
    w = values.mean(0).var(ddof=1) / examples if examples > 1 else 0.0
    mean = float(values.mean())
  return _estimate(mean, (v, seeds - 1), (w, examples - 1), level)


def estimate_of(
  statistic: Callable[[np.ndarray], float],
  values: np.ndarray,
  others: np.ndarray | None = None,
  level: float = 0.95,
  replicates: int = 200,
) -> Estimate:
  """The mean over seeds of a statistic that is no mean over examples: AUROC, perplexity.

  As `estimate`, with w the variance of the mean over seeds between `replicates` resamples of
  the examples, the same for every seed and for both sides of a comparison.

  Args:
    statistic: of the rows of one seed, [N, ...] -> a number; one of `summary.of_sums` is asked
      of the sums of the resampled rows.
    values: [S, N, ...].
    others: of a comparison, what the statistic of is subtracted, [S, N, ...].
    level: of the interval.
    replicates: of the bootstrap.

  Efron & Tibshirani (1993), chapter 6.
  """
  values = np.asarray(values)
  seeds, examples = values.shape[:2]
  of_sums = getattr(statistic, "of_sums", None)
  sides = [side for side in (values, others) if side is not None]

  def less(each: list[list[float]]) -> np.ndarray:
    return np.subtract(*each) if others is not None else np.asarray(each[0], np.float64)

  def of(rows: np.ndarray) -> np.ndarray:
    if of_sums is None:
      return less([[statistic(one[rows]) for one in side] for side in sides])
    times = np.bincount(rows, minlength=examples).astype(np.float64)
    return less([[of_sums(times @ one) for one in side] for side in sides])

  each = less([[statistic(one) for one in side] for side in sides])
  rng = np.random.default_rng(0)
  w = 0.0
  with np.errstate(invalid="ignore"):  # as in `estimate`
    if examples > 1:
      drawn = [of(rng.integers(examples, size=examples)).mean() for _ in range(replicates)]
      w = float(np.var(drawn, ddof=1))
    v = each.var(ddof=1) / seeds if seeds > 1 else 0.0
  return _estimate(float(each.mean()), (v, seeds - 1), (w, examples - 1), level)


def _estimate(
  mean: float, seeds: tuple[float, int], examples: tuple[float, int], level: float
) -> Estimate:
  """From the variance and the degrees of freedom of both levels."""
  known = [(v, freedom) for v, freedom in (seeds, examples) if freedom > 0]
  counts = seeds[1] + 1, examples[1] + 1
  if not known or not np.isfinite(mean):
    return Estimate(mean, np.nan, np.nan, *counts)
  tail = (1 + level) / 2
  half = np.sqrt(sum(v * np.square(special.stdtrit(freedom, tail)) for v, freedom in known))
  return Estimate(mean, float(half), _p_value(abs(mean), *known), *counts)


def settle(differences: list[np.ndarray], level: float = 0.95) -> list[Settled]:
  """Several paired comparisons at once, corrected by `holm`, each with the seeds it needs.

  The seeds are those of `seeds_needed` at the level of Holm's first and hardest step, so that
  they are not too few. A comparison of one seed has no p-value and is not counted.

  Args:
    differences: of each comparison [S, N], by seed and by example.
    level: 1 less the chance of one false finding among all comparisons.
  """
  found = [estimate(d, level) for d in differences]
  adjusted = holm(np.array([e.p if e.seeds > 1 else np.nan for e in found]))
  tests = max(1, int(np.isfinite(adjusted).sum()))
  settled = []
  for d, e, p in zip(differences, found, adjusted, strict=True):
    d = np.asarray(d, np.float64)
    with np.errstate(invalid="ignore"):
      std = float(d.mean(1).std(ddof=1)) if e.seeds > 1 else np.nan
      error = float(d.mean(0).std(ddof=1) / np.sqrt(e.examples)) if e.examples > 1 else 0.0
    needed = seeds_needed(e.mean, std, error, 1 - (1 - level) / tests)
    settled.append(Settled(e, float(p), needed, error > std / np.sqrt(e.seeds)))
  return settled


def holm(p: np.ndarray) -> np.ndarray:
  """P-values [P] adjusted for being P of them: the chance of one false finding stays in bounds.

  In ascending order p_(i) becomes max_{j <= i} min(1, (P - j + 1) p_(j)). A NaN stays one and
  does not count among the P.

  Holm (1979), "A simple sequentially rejective multiple test procedure".
  """
  p = np.asarray(p, np.float64)
  adjusted = np.full(p.shape, np.nan)
  known = np.flatnonzero(np.isfinite(p))
  order = known[np.argsort(p[known], kind="stable")]
  factors = len(order) - np.arange(len(order))
  adjusted[order] = np.maximum.accumulate(np.minimum(1.0, factors * p[order]))
  return adjusted


def power(
  difference: float,
  seed_std: float,
  seeds: np.ndarray,
  example_error: float = 0.0,
  level: float = 0.95,
) -> np.ndarray:
  """The chance that the p-value of `estimate` finds a true difference, with so many seeds.

  With v = seed_std^2 / S, w = example_error^2, delta = |difference| / sqrt(v + w), the test's
  edge e = sqrt((t_{S-1}^2 v + z^2 w) / (v + w)) at quantiles (1 + level) / 2 and f = (S - 1)
  (1 + w / v)^2, it is P(|T_f(delta)| > e) of the noncentral t distribution.

  Args:
    difference: the true one.
    seed_std: between seeds, of the paired difference.
    seeds: [...], S >= 2.
    example_error: the part of the error that more seeds do not lower.
    level: 1 less the p-value that has to be reached.

  Returns:
    [...] in [0, 1].

  Cohen (1988), chapter 2, with the exact distribution in place of his tables.
  """
  seeds = np.asarray(seeds, np.float64)
  v, w, tail = np.square(seed_std) / seeds, np.square(example_error), (1 + level) / 2
  with np.errstate(divide="ignore"):
    delta = np.abs(difference) / np.sqrt(v + w)
    freedom = np.minimum((seeds - 1) * np.square(1 + w / v), 1e6)  # scipy ends at infinity
  student, normal = stats.t.ppf(tail, seeds - 1), stats.norm.ppf(tail)
  edge = np.sqrt((np.square(student) * v + np.square(normal) * w) / (v + w))
  # scipy's series is NaN in a lower tail that is nothing at all.
  lower = np.where(delta > 5, 0.0, stats.nct.cdf(-edge, freedom, np.minimum(delta, 5)))
  return np.clip(stats.nct.sf(edge, freedom, delta) + lower, 0, 1)


def seeds_needed(
  difference: float,
  seed_std: float,
  example_error: float = 0.0,
  level: float = 0.95,
  chance: float = 0.8,
  most: int = 1000,
) -> int | None:
  """The fewest seeds with which `power` reaches `chance`; None where `most` do not suffice.

  The difference and its spread are those seen so far and are themselves uncertain: with few
  seeds the answer is an order of magnitude.
  """
  if difference == 0 or not np.isfinite(difference + seed_std + example_error):
    return None
  if seed_std == example_error == 0:
    return 2
  seeds = np.arange(2, most + 1)
  enough = power(difference, seed_std, seeds, example_error, level) >= chance
  return int(seeds[np.argmax(enough)]) if enough.any() else None


def _p_value(size: float, *levels: tuple[float, int]) -> float:
  """Where the squared half-widths t(1 - p/2)^2 v of all levels (v, freedom) add up to size^2."""
  if not np.isfinite(size):
    return np.nan
  known = [(v, freedom) for v, freedom in levels if v > 0]
  if not known or size == 0:
    return float(size == 0)
  squares = lambda log_p: sum(
    v * np.square(special.stdtrit(freedom, np.exp(log_p) / 2)) for v, freedom in known
  )
  smallest = np.log(1e-100)
  if squares(smallest) <= np.square(size):
    return 0.0
  return float(np.exp(optimize.brentq(lambda q: squares(q) - size**2, smallest, 0.0)))
