"""Sentences about the scores, and the block that a terminal shows."""

import numpy as np

from vae_jax import own
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation import tables
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.numbers import counted, listed, plus_minus, text
from vae_jax.evaluation.protocol import Metric
from vae_jax.evaluation.results import Line, Verdict

WORDS = {
  "ahead": "ahead of every baseline",
  "behind": "behind the best baseline",
  "open": "neither ahead nor behind for sure",
  "NaN": "without a finite score",
}


def all_of(outcome: Outcome, opened: list) -> list[str]:
  """Who is ahead, contrasts between methods, and every caution that the numbers call for.

  Args:
    outcome: what was measured.
    opened: the programs as they were opened, dead members included.
  """
  found = verdict(outcome) if outcome.verdicts else own.refused(outcome)
  found += [
    said for pair in outcome.application.contrasts if (said := contrast(outcome, *pair))
  ]
  return found + cautions(outcome, opened)


def verdict(outcome: Outcome) -> list[str]:
  """The chosen line beside the hardest baseline, one sentence for each word of the verdict."""
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  who = tables.chosen_words(outcome)
  found = [f"{metric.title} of {who}: {_values(outcome, outcome.chosen, name)}."]
  if outcome.verdicts[0].metric != name:
    name = outcome.verdicts[0].metric
    metric = outcome.application.metrics[name]
    found.append(f"Its {metric.title}: {_values(outcome, outcome.chosen, name)}.")
  for word in dict.fromkeys(one.word for one in outcome.verdicts):
    those = [one for one in outcome.verdicts if one.word == word]
    told = [_against(one, metric) for one in those]
    found.append(f"{WORDS[word].capitalize()}: {'; '.join(told)}.")
  return found


def _values(outcome: Outcome, line: Line, name: str) -> str:
  metric, parts = outcome.application.metrics[name], []
  for condition in outcome.conditions:
    mean = of_results.mean(line, name, metric, condition)
    value = f"{text(mean, metric.digits)}{_unit(metric)}"
    parts.append(f"{value} at {condition}" if condition else value)
  return ", ".join(parts)


def _against(found: Verdict, metric: Metric) -> str:
  where = f"{found.condition}, " if found.condition else ""
  return f"{where}{found.theirs.method} ({_difference(found, metric)}{_unit(metric)})"


def _difference(found: Verdict, metric: Metric) -> str:
  told = found.word != "open"
  return plus_minus(found.difference, metric.digits, sign=True, told=told)


def contrast(outcome: Outcome, first: str, second: str) -> str:
  """What the second method gains over the first, each network with itself; empty without both."""
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  pairs = []
  for setting in dict.fromkeys(line.setting for line in outcome.ours):
    own = {line.method: line for line in outcome.ours if line.setting == setting}
    if first in own and second in own:
      pairs.append((own[second], own[first]))
  told = []
  for condition in outcome.conditions:
    found = of_results.pooled(pairs, name, metric, condition)
    if found is not None:
      where = f" at {condition}" if condition else ""
      told.append(f"{plus_minus(found, metric.digits, sign=True)}{_unit(metric)}{where}")
  if not told:
    return ""
  name = f"{second[0].upper()}{second[1:]}"
  return f"{name} against {first}, the same networks: {', '.join(told)}."


def cautions(outcome: Outcome, opened: list) -> list[str]:
  """COLLAPSED members, numbers that are none, the dead, the stopped, and few seeds."""
  found = []
  flat = of_members.collapsed(outcome.members)
  if flat:
    found.append(
      f"COLLAPSED: no latent is active in {flat}; its scores do not measure a code."
    )
  lost, total = _lost(outcome)
  if lost:
    found.append(f"{lost:,} of {total:,} scores are NaN; they are in every mean.")
  found += of_members.dead(opened) + of_members.stopped(outcome.members)
  if outcome.verdicts and all(of_results.one_seed(v) for v in outcome.verdicts):
    found.append(
      "One seed: the intervals are of the examples alone, and another seed may differ."
    )
  if any(v.word == "open" and v.difference.seeds == 2 for v in outcome.verdicts):
    found.append(
      "Two seeds: Student's quantile of two is 12.7, so their interval is always wide. What"
      " is open is given without an interval. A third seed makes it 3.6 times narrower."
    )
  return found


def _lost(outcome: Outcome) -> tuple[int, int]:
  scores = [v for r in outcome.results for v in r.scores.values() if v.dtype.kind == "f"]
  return sum(int(np.isnan(v).sum()) for v in scores), sum(v.size for v in scores)


def block(outcome: Outcome, seconds: float) -> list[str]:
  """The lines of the terminal: the chosen line, the hardest baselines, the difference."""
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  count = _examples(outcome, name)
  better = {1: ", higher is better", -1: ", lower is better", 0: ""}[metric.better]
  unit = f" in {metric.unit}" if metric.unit else ""
  seeds = max((d.difference.seeds for d in outcome.verdicts), default=_seeds(outcome))
  scored = any(name in result.scores for result in outcome.results)
  what = f" · {metric.title}{unit}{better}" if scored else ""
  head = f"{outcome.application.name}{what} · {counted(count, 'example')}"
  head += f", {counted(seeds, 'seed')}"
  lines = [f"{head:<88} {seconds:5.0f} s"]
  if outcome.chosen is None:
    return lines
  rows: list[list[str]] = [["", *outcome.conditions]] if outcome.conditions != ("",) else []
  named = of_results.label(outcome.chosen, outcome.ours)
  rows.append([named, *_row(outcome, name)])
  if outcome.verdicts:
    if outcome.verdicts[0].metric != name:
      name = outcome.verdicts[0].metric
      metric = outcome.application.metrics[name]
      rows.append([metric.title, *_row(outcome, name)])
    at = {v.condition: v for v in outcome.verdicts}
    rivals = [at[c].theirs if c in at else None for c in outcome.conditions]
    cell = lambda line, c: (
      text(of_results.mean(line, name, metric, c), metric.digits) if line else "–"
    )
    pairs = zip(rivals, outcome.conditions, strict=True)
    rows.append(["hardest baseline", *(cell(line, c) for line, c in pairs)])
    gap = lambda c: _difference(at[c], metric) if c in at else "–"
    rows.append(["difference", *map(gap, outcome.conditions)])
  width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
  for row in rows:
    cells = [f"{word:>{w}}" for word, w in zip(row[1:], width[1:], strict=True)]
    lines.append(f"  {row[0]:<{width[0]}}   " + "   ".join(cells))
  told = [_told(outcome.verdicts)] if outcome.verdicts else own.refused(outcome)
  lines += [f"  {sentence}" for sentence in told]
  return [line.rstrip() for line in lines]


def _told(found: list[Verdict]) -> str:
  """The verdicts in a line, "ahead at 5 %, 10 %; open at 50 %", and the baselines' names."""
  parts = []
  for word in dict.fromkeys(v.word for v in found):
    where = [v.condition for v in found if v.word == word and v.condition]
    two = word == "open" and any(v.difference.seeds == 2 for v in found)
    said = f"{word} with two seeds" if two else word
    parts.append(f"{said} at {', '.join(where)}" if where else said)
  names = listed(list(dict.fromkeys(v.theirs.method for v in found)))
  return f"{'; '.join(parts)} (against {names})"


def _row(outcome: Outcome, name: str) -> list[str]:
  metric, line = outcome.application.metrics[name], outcome.chosen
  best = {v.condition for v in outcome.verdicts if v.word == "ahead" and v.metric == name}
  if not outcome.verdicts:
    found = [of_results.interval(line, name, metric, c) for c in outcome.conditions]
    return [plus_minus(one, metric.digits) if one is not None else "–" for one in found]
  mean = lambda c: text(of_results.mean(line, name, metric, c), metric.digits)
  return [f"{mean(c)} *" if c in best else mean(c) for c in outcome.conditions]


def _seeds(outcome: Outcome) -> int:
  cells = outcome.chosen.cells.values() if outcome.chosen is not None else [outcome.members]
  return max(map(len, cells))


def _examples(outcome: Outcome, name: str) -> int:
  """How many examples the headline's metric is of; all where it is one number a model."""
  scored = [r.scores[name] for r in outcome.results if r.member and name in r.scores]
  most = max(map(len, scored), default=1)
  return most if most > 1 else len(outcome.task.examples["id"])


def _unit(metric: Metric) -> str:
  return f" {metric.unit}" if metric.unit else ""
