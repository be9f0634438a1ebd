"""Pairs of settings: which are compared, the differences, and the seeds that would be needed."""

import itertools
from typing import NamedTuple

import numpy as np

from vae_jax import own
from vae_jax.evaluation import figures
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.numbers import counted, p_value, plus_minus
from vae_jax.evaluation.protocol import Setting
from vae_jax.evaluation.results import Line
from vae_jax.metrics import comparison
from vae_jax.run import Run
from vae_jax.training import sweep
from vae_jax.types import Table, UserError

ALL_PAIRS = 10  # settings up to which every two are compared: 45 pairs
LEVEL = 0.05  # of Holm's p-value, below which a difference is called one
SENTENCES = 8  # pairs told in words; the table has all of them


class Pair(NamedTuple):
  """The setting of the lower score and the other one."""

  lower: Line
  higher: Line
  found: comparison.Settled  # of higher - lower


def asked(settings: list[Setting], axis: str, text: str) -> list[tuple[Setting, Setting]]:
  """The pairs of settings that "4:2, 8:1" means: values of the axis, all else being equal.

  Raises:
    UserError: the axis is not swept, or a pair is not two values of it.
  """
  differ = figures.differing(settings)
  if axis not in differ:
    raise UserError(
      f"The setting axis is {axis!r}, which is not swept; swept are {', '.join(differ)}."
    )
  rows, pairs = figures.along(settings, axis).values(), []
  named = [{sweep.text(dict(setting)[axis]): setting for setting in row} for row in rows]
  known = list(dict.fromkeys(name for row in named for name in row))
  for part in filter(None, text.split(",")):
    a, _, b = (word.strip() for word in part.partition(":"))
    if not {a, b} <= {*known} or a == b:
      raise UserError(
        f"The setting pairs has {part.strip()!r}; expected two values of {axis} with a colon"
        f" between them, from {', '.join(known)}."
      )
    pairs += [(row[a], row[b]) for row in named if {a, b} <= row.keys()]
  return pairs


def check(runs: list[Run]) -> None:
  """Refuses programs of which no comparison says anything.

  Raises:
    UserError: their data differ, or some have a likelihood and some a loss that is none.
  """
  if len({run.likelihood.proper for run in runs}) > 1:
    names = ", ".join(sorted({run.likelihood.name for run in runs}))
    raise UserError(
      f"The sweep mixes likelihoods with losses that are none ({names}): their nats do not"
      " compare; evaluate members of one kind with --member."
    )
  if any(run.config["data"] != runs[0].config["data"] for run in runs):
    raise UserError(
      "The programs of this run differ in config.data, so that no comparison of their scores"
      " says anything: evaluate one of them with --member."
    )


def compare(outcome: Outcome, axis: str, text: str) -> list[Pair]:
  """The headline's metric of pairs of settings by seed and example, corrected by Holm.

  Those that were `asked` for alone; else every pair of up to ALL_PAIRS settings; of more,
  neighbours along the axis and the chosen setting against all. None on too little data of one's
  own.
  """
  if own.refused(outcome):
    return []
  lines, measured = {line.setting: line for line in outcome.ours}, []
  swept = list(dict.fromkeys(member.setting for member in outcome.members))
  wanted = asked(swept, axis, text) if text else _family(outcome, axis)
  for a, b in ((lines[a], lines[b]) for a, b in wanted if {a, b} <= lines.keys()):
    both = of_results.pairs(a, b, outcome.application.headline, "")
    if both is not None:
      d = both[1] - both[0]
      measured.append((b, a, -d) if d.mean() < 0 else (a, b, d))
  settled = comparison.settle([d for _, _, d in measured])
  return [Pair(*m[:2], found) for m, found in zip(measured, settled, strict=True)]


def verdict(pair: Pair, better: int) -> str:
  """In a word or two: better or lower, or why neither can be said."""
  if not np.isfinite(pair.found.difference.mean):
    return "NaN"
  if pair.found.difference.seeds == 1:
    return "one seed"
  known = "better" if better else "lower"
  return known if pair.found.p < LEVEL else "cannot be said"


def more(found: comparison.Settled) -> str:
  """How many more seeds would settle it, and what would if none do."""
  if found.needed is not None:
    extra = max(1, found.needed - found.difference.seeds)
    return f"about {counted(extra, 'more seed')} would settle it"
  if found.difference.mean == 0:
    return "the scores are the same"
  if found.by_examples:
    return "more seeds would not settle it, more test examples might"
  return "to tell a difference as small as this one takes more than 1,000 seeds"


def sentence(outcome: Outcome, pair: Pair) -> str:
  """The verdict on two settings: better by how much, or what it would take to say."""
  metric = outcome.application.metrics[outcome.application.headline]
  d = pair.found.difference
  a, b = _words(outcome, pair.lower), _words(outcome, pair.higher)
  word, seeds = verdict(pair, metric.better), counted(d.seeds, "seed")
  told = word != "cannot be said"
  size = f"{plus_minus(d, metric.digits, told=told)} {metric.unit}".rstrip()
  claim = f"{a} is {'better' if metric.better else f'lower in {metric.title}'} than {b}"
  if word == "NaN":
    return f"{a} against {b}: NaN, at least one of the scores is."
  if word == "one seed":
    return (
      f"Whether {claim} cannot be said with one seed: the two models differ by {size}, an"
      " interval of the examples alone; train more seeds of both."
    )
  p = f"Holm p {p_value(pair.found.p)}"
  if word == "cannot be said":
    return f"Whether {claim} {word} with {seeds}: {size}, {p}; {more(pair.found)}."
  return f"{claim} by {size}, {p} ({seeds})."


def findings(outcome: Outcome, pairs: list[Pair]) -> list[str]:
  """The chosen setting, and the verdicts on pairs, those of the chosen one where they are many."""
  name, top = outcome.application.headline, outcome.chosen
  if top is None:
    return ["No setting has a member with a finite score: there is nothing to compare."]
  metric = outcome.application.metrics[name]
  size = plus_minus(of_results.interval(top, name, metric, ""), metric.digits)
  where = f" on validation, and on {outcome.settings['split']}"
  where = f"{where if outcome.on_validation else ':'} {size} {metric.unit}".rstrip()
  told = _told(outcome, pairs)
  return [
    f"Of {len(outcome.ours)} settings {_words(outcome, top)} has the lowest {metric.title}{where}"
    f" over {counted(len(top.cells['']), 'seed')}.",
    *(sentence(outcome, pair) for pair in told),
    *([f"The table has all {len(pairs)} pairs."] if len(pairs) > len(told) else []),
  ]


def block(outcome: Outcome, pairs: list[Pair]) -> list[str]:
  """For the terminal: a line for each pair that is told in words."""
  metric, lines = outcome.application.metrics[outcome.application.headline], []
  for pair in _told(outcome, pairs):
    word = verdict(pair, metric.better)
    told = word != "cannot be said"
    size = plus_minus(pair.found.difference, metric.digits, told=told)
    both = f"{_words(outcome, pair.lower)} below {_words(outcome, pair.higher)}"
    lines.append(f"  {both} by {size}: {word}")
  return lines


def table(outcome: Outcome, pairs: list[Pair]) -> Table:
  """Every pair with its difference, its p-values and the seeds that it needs."""
  metric, rows = outcome.application.metrics[outcome.application.headline], []
  known = lambda value: float(value) if np.isfinite(value) else None
  for pair in pairs:
    d, p, needed, _ = pair.found
    word = verdict(pair, metric.better)
    extra = max(1, needed - d.seeds) if needed and word == "cannot be said" else None
    row = [_words(outcome, pair.lower), _words(outcome, pair.higher), d.seeds, d.mean]
    row += [known(d.half), known(d.p) if d.seeds > 1 else None, known(p), extra, word]
    rows.append(row)
  by = ", ".join(filter(None, ("by", metric.unit)))
  columns = ("lower", "than", "seeds", by, f"± {by}", "p", "Holm p")
  columns += ("more seeds", "verdict")
  note = (
    f"On {metric.title}{'; lower is better' if metric.better else ''}, paired by seed and by"
    " example, ± the half width of the 95 % interval of this pair alone. p: Student's paired t"
    f" over seeds and examples; Holm p is corrected for {len(pairs)} pairs. More seeds: for a"
    " chance of 80 % to find a difference as large as this one with as large a spread between"
    " seeds, which with few seeds is an order of magnitude."
  )
  return Table("Is one better than another?", columns, rows, note)


def _told(outcome: Outcome, pairs: list[Pair]) -> list[Pair]:
  of_chosen = [p for p in pairs if outcome.chosen in (p.lower, p.higher)]
  return (pairs if len(pairs) <= SENTENCES else of_chosen)[:SENTENCES]


def _family(outcome: Outcome, axis: str) -> list[tuple[Setting, Setting]]:
  settings = [line.setting for line in outcome.ours]
  if len(settings) <= ALL_PAIRS or outcome.chosen is None:
    return list(itertools.combinations(settings, 2))
  top, rows = outcome.chosen.setting, figures.along(settings, axis).values()
  pairs = [pair for row in rows for pair in itertools.pairwise(row)]
  known = [{*pair} for pair in pairs]
  return pairs + [(top, s) for s in settings if s != top and {top, s} not in known]


def _words(outcome: Outcome, line: Line) -> str:
  return of_results.setting_words(line, outcome.ours)
