"""Is one setting better than another: a two-level bootstrap, a paired test, Holm, power.

Values are [S, N]: S seeds, each a model trained anew, and N test examples that every model
is scored on. Seeds and examples are crossed, not nested: example n is the same for all seeds.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

BLOCK = 250  # replicates whose example weights are held at once: memory, not the result


class Interval(NamedTuple):
  """A mean over seeds and examples and where the true one lies."""

  mean: np.ndarray  # [...]
  low: np.ndarray  # [...]
  high: np.ndarray  # [...]


class Estimate(NamedTuple):
  """A mean over seeds and examples, and how far off it may be."""

  mean: float
  half: float  # half the width of the interval; NaN where nothing tells it
  p: float  # two-sided, of a true mean of 0; NaN where nothing tells it
  seeds: int  # S
  examples: int  # N


class Difference(NamedTuple):
  """Setting a minus setting b, paired by seed and by example."""

  mean: float
  low: float
  high: float
  p: float  # two-sided; NaN with one seed, which says nothing of other seeds
  seeds: int  # S
  seed_std: float  # between seeds of the mean over examples; NaN with one seed
  example_error: float  # standard error of the mean over examples of the mean over seeds


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
    statistic: of the rows of one seed, [N, ...] -> a number.
    values: [S, N, ...].
    others: of a comparison, what the statistic of is subtracted, [S, N, ...].
    level: of the interval.
    replicates: of the bootstrap.

  Efron & Tibshirani (1993), chapter 6.
  """
  values = np.asarray(values)
  seeds, examples = values.shape[:2]

  def of(rows: np.ndarray | slice) -> np.ndarray:
    own = np.asarray([statistic(one[rows]) for one in values], np.float64)
    return own if others is None else own - [statistic(one[rows]) for one in others]

  each, rng = of(slice(None)), np.random.default_rng(0)
  w = 0.0
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
  half = np.sqrt(sum(v * np.square(stats.t.ppf(tail, freedom)) for v, freedom in known))
  return Estimate(mean, float(half), _p_value(abs(mean), *known), *counts)


def two_level(
  values: np.ndarray,
  rng: np.random.Generator,
  replicates: int = 2000,
  level: float = 0.95,
) -> Interval:
  """The mean of values over seeds and examples, with a two-level bootstrap interval.

  Replicate r draws S seeds with counts W_r and N examples with counts V_r, both with
  replacement, every seed seeing the same examples, and deviates from the mean m by

    k (sum_s W_rs / S mean_n y_sn - m) + (sum_n V_rn / N mean_s y_sn - m);

  the interval has the quantiles of m plus that. A mean is linear in either set of counts, so
  this is the bootstrap of both less their interaction, which falls with 1 / (S N). Quantiles of
  S resampled seeds are too narrow for small S, by sqrt((S - 1) / S) and by a normal quantile
  where Student's is due: k = sqrt(S / (S - 1)) t_{S-1} / z undoes both. With one seed the
  interval is of the examples alone; with N = 1 (one number for each model) of the seeds alone;
  with one of each there is none, and it is NaN.

  Args:
    values: [..., S, N]; what is in front shares the resamples, so that it stays paired.
    rng: of the resamples.
    replicates: R.
    level: of the interval.

  Returns:
    Interval, [...] each, in the units of the values; a NaN among them stays one.

  Owen (2007), "The pigeonhole bootstrap", for the two crossed levels; Hesterberg (2015), "What
  teachers should know about the bootstrap", for the narrowness in small samples, which he
  mends by the quantiles' level ("expanded percentile") and we by the deviations' size.
  """
  values = np.asarray(values, np.float64)
  seeds, examples = values.shape[-2:]
  by_seed, by_example = values.mean(-1), values.mean(-2)
  mean = by_seed.mean(-1)
  if seeds * examples == 1:
    return Interval(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
  drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), replicates) / seeds
  # An infinite score has no interval, and that is shown.
  with np.errstate(invalid="ignore"):
    deviation = _widening(seeds, level) * (by_seed @ drawn.T - mean[..., None])
    if examples > 1:
      centred = by_example - mean[..., None]
      for start in range(0, replicates, BLOCK):
        part = slice(start, min(start + BLOCK, replicates))
        deviation[..., part] += centred @ _shares(examples, part.stop - start, rng).T
    low, high = np.quantile(deviation, [(1 - level) / 2, (1 + level) / 2], axis=-1)
  return Interval(mean, mean + low, mean + high)


def paired(
  a: np.ndarray,
  b: np.ndarray,
  rng: np.random.Generator,
  replicates: int = 2000,
  level: float = 0.95,
) -> Difference:
  """How far a [S, N] lies above b [S, N], where row s of both has the same seed.

  The interval is `two_level` of a - b, so whatever a seed or an example adds to both settings
  is gone. With d = a - b, the p-value solves

    mean(d)^2 = t_{S-1}(1 - p/2)^2 v + t_{N-1}(1 - p/2)^2 w,
    v = var_s(mean_n d_sn) / S,   w = var_n(mean_s d_sn) / N,

  which is Student's paired t-test over seeds where the examples add nothing, and over examples
  where the seeds do. It is a t-test and not a count of bootstrap replicates because S seeds
  have few resamples: of three seeds one resample in 27 is all the first and one all the last,
  so that no p-value could fall below 0.07, however clear the case.

  Args:
    a: [S, N].
    b: [S, N].
    rng: of the resamples; the same one for every pair keeps pairs comparable.
    replicates: of the interval.
    level: of the interval.

  Howe (1974), "Approximate confidence limits on the mean of X + Y", for the sum of two
  squared half-widths; Satterthwaite's degrees of freedom find too much with two seeds.
  """
  d = np.asarray(a, np.float64) - np.asarray(b, np.float64)
  seeds, examples = d.shape
  found = two_level(d, rng, replicates, level)
  error = 0.0 if examples == 1 else d.mean(0).std(ddof=1) / np.sqrt(examples)
  bare = float(found.mean), float(found.low), float(found.high)
  if seeds == 1:
    return Difference(*bare, np.nan, 1, np.nan, float(error))
  std = d.mean(1).std(ddof=1)
  p = _p_value(abs(bare[0]), (std**2 / seeds, seeds - 1), (error**2, examples - 1))
  return Difference(*bare, p, seeds, float(std), float(error))


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
  """The chance that `paired` finds a true difference, with so many seeds.

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
  seeds = np.arange(2, most + 1)
  enough = power(difference, seed_std, seeds, example_error, level) >= chance
  return int(seeds[np.argmax(enough)]) if enough.any() else None


def _widening(seeds: int, level: float) -> float:
  if seeds == 1:
    return 1.0
  tail = (1 + level) / 2
  return np.sqrt(seeds / (seeds - 1)) * stats.t.ppf(tail, seeds - 1) / stats.norm.ppf(tail)


def _shares(examples: int, replicates: int, rng: np.random.Generator) -> np.ndarray:
  """How much each example counts in each replicate, [R, N], rows adding up to 1."""
  drawn = rng.integers(examples, size=(replicates, examples))
  drawn += examples * np.arange(replicates)[:, None]
  counts = np.bincount(drawn.ravel(), minlength=replicates * examples)
  return counts.reshape(replicates, examples) / examples


def _p_value(size: float, *levels: tuple[float, int]) -> float:
  """Where the squared half-widths t(1 - p/2)^2 v of all levels (v, freedom) add up to size^2."""
  if not np.isfinite(size):
    return np.nan
  known = [(v, freedom) for v, freedom in levels if v > 0]
  if not known or size == 0:
    return float(size == 0)
  squares = lambda log_p: sum(
    v * np.square(stats.t.isf(np.exp(log_p) / 2, freedom)) for v, freedom in known
  )
  smallest = np.log(1e-100)
  if squares(smallest) <= np.square(size):
    return 0.0
  return float(np.exp(optimize.brentq(lambda q: squares(q) - size**2, smallest, 0.0)))
