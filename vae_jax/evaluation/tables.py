"""Tables that follow from the lines, and the long form of all scores."""

from typing import Any

import numpy as np

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Member, Result
from vae_jax.evaluation.results import Line
from vae_jax.metrics.comparison import Estimate, estimate, estimate_of
from vae_jax.types import Table

INTERVAL = "95 % intervals over seeds and examples"


def all_of(outcome: Outcome) -> list[Table]:
  """A table for each metric, the verdicts, and every member where there are several."""
  metrics, plain = outcome.application.metrics, outcome.conditions == ("",)
  found = [
    of_metric(outcome, name) for name, one in metrics.items() if not (plain or one.table)
  ]
  titles = dict.fromkeys(one.table for one in metrics.values() if plain or one.table)
  found += [of_metrics(outcome, title) for title in titles]
  found = [table for table in found if table is not None and table.rows]
  found += [verdicts(outcome)] if outcome.verdicts else []
  return found + ([of_each_member(outcome)] if len(outcome.members) > 1 else [])


def named(outcome: Outcome, lines: list[Line]) -> tuple[tuple[str, ...], list[list[Any]]]:
  """The columns that tell lines apart, and their cells: settings that differ, and the method.

  A name that has one value in all lines is left out; what methods are told comes last.
  """
  told = outcome.application.optional("TOLD", {})
  values: dict[str, list] = {}
  for line in lines:
    for name, value in line.setting or ():
      values.setdefault(name, [])
      values[name] += [] if value in values[name] else [value]
  shown = [name for name, known in values.items() if len(known) > 1]
  own = lambda line: [dict(line.setting or ()).get(name) for name in shown]
  says = lambda line: [told.get(line.method, told.get(""))] if told else []
  rows = [[*own(line), line.method, *says(line)] for line in lines]
  head = *(of_members.short(name) for name in shown), "method"
  return (*head, *(["told"] if told else [])), rows


def of_metric(outcome: Outcome, name: str) -> Table | None:
  """One metric: a row for each line, a column for each condition; None where no method has it."""
  metric = outcome.application.metrics[name]
  lines = [line for line in outcome.lines if of_results.has(line, name)]
  if not lines:
    return None
  head, rows = named(outcome, lines)
  columns = [*head, "seeds"]
  for condition in outcome.conditions:
    columns += [condition, f"± {condition}"]
  columns.append("seconds")
  for line, row in zip(lines, rows, strict=True):
    row.append(_seeds(line))
    for condition in outcome.conditions:
      row += _cell(line, name, metric, condition)
    row.append(_seconds(line))
  marks = _marks(
    outcome, lines, rows, {columns.index(c): metric for c in outcome.conditions}
  )
  return Table(_title(metric), tuple(columns), rows, note(outcome, name), marks)


def of_metrics(outcome: Outcome, title: str) -> Table | None:
  """The metrics that name this table: a row for each line, and for each of its conditions.

  Where nothing at all is scored, the lines stand in the first table with their seconds.
  """
  every, has = outcome.application.metrics, of_results.has
  metrics = {
    name: metric
    for name, metric in every.items()
    if metric.table == title and any(has(line, name) for line in outcome.lines)
  }
  plain, scored = outcome.conditions == ("",), any(r.scores for r in outcome.results)
  first = plain and title == next(iter(every.values())).table
  if not metrics and (scored or not first):
    return None
  lines = [line for line in outcome.lines if any(has(line, name) for name in metrics)]
  lines = lines if scored else outcome.lines
  (head, cells), rows = named(outcome, lines), []
  columns = [*head, "seeds" if plain else "condition"]
  for metric in metrics.values():
    columns += [_title(metric), f"± {_title(metric)}"]
  columns += ["seconds"] if first else []
  for line, own in zip(lines, cells, strict=True):
    for condition in outcome.conditions:
      row = [*own, _seeds(line) if plain else condition]
      for name, metric in metrics.items():
        row += _cell(line, name, metric, condition)
      rows.append([*row, _seconds(line)] if first else row)
  at = {columns.index(_title(metric)): metric for metric in metrics.values() if plain}
  marks = _marks(outcome, lines, rows, at)
  own = first or (plain and every[outcome.application.headline].table == title)
  text = note(outcome, "") if own else f"± is the half width of {INTERVAL}."
  title = title or outcome.application.name.replace("_", " ").capitalize()
  return Table(title, tuple(columns), rows, text, marks)


def verdicts(outcome: Outcome) -> Table:
  """The chosen line against the hardest baseline under each condition."""
  name = outcome.verdicts[0].metric
  metric = outcome.application.metrics[name]
  rows = []
  for found in outcome.verdicts:
    d, condition = found.difference, found.condition
    pair = [
      of_results.mean(line, name, metric, condition) for line in (found.ours, found.theirs)
    ]
    p = found.p if np.isfinite(found.p) else None
    row = [condition or metric.title, pair[0], found.theirs.method, pair[1]]
    rows.append([*row, d.mean, d.half, p, d.seeds, d.examples, found.word])
  columns = ("condition", "model", "hardest baseline", "baseline", "difference")
  columns += ("± difference", "Holm p", "seeds", "examples", "verdict")
  better = "higher" if metric.better > 0 else "lower"
  text = (
    f"{_title(metric)}, {better} is better. The model is {chosen_words(outcome)}. The"
    " difference is paired by seed and by example, on the examples that both have, ± the half"
    " width of its 95 % interval. Ahead or behind: Holm's p, over the conditions, is below 0.05;"
    " else open."
  )
  if any(of_results.one_seed(found) for found in outcome.verdicts):
    text += " With one seed an interval is of the examples alone: another seed may differ."
  return Table("Against the baselines", columns, rows, text)


def chosen_words(outcome: Outcome) -> str:
  """The chosen line in words, and where it was chosen."""
  named = of_results.label(outcome.chosen, outcome.ours)
  return f"{named}, chosen on validation" if outcome.on_validation else named


def of_each_member(outcome: Outcome) -> Table:
  """Every member and method by the headline's metric, with what its code is like."""
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  keys = of_members.columns(outcome.members)
  ended = any(member.ended for member in outcome.members)
  columns = ["member", *keys, *(["ended"] if ended else []), "active", "KL", "method"]
  for condition in outcome.conditions:
    columns += [condition or _title(metric), f"± {condition or _title(metric)}"]
  cells: dict[tuple, dict[str, Result]] = {}
  for result in outcome.results:
    if result.member is not None and name in result.scores:
      cells.setdefault((result.member.number, result.method), {})[result.condition] = result
  rows = []
  for found in cells.values():
    member = next(iter(found.values())).member
    row = [member.number, *(member.row.get(key) for key in keys)]
    row += [member.ended or None] if ended else []
    row += [member.active or None, member.rate if np.isfinite(member.rate) else None]
    row.append(next(iter(found.values())).method)
    for condition in outcome.conditions:
      row += _of_one(found[condition], name, metric) if condition in found else [None] * 2
    rows.append(row)
  text = (
    f"{_title(metric)} of each member, ± the half width of its 95 % interval over examples."
    " active: latents with Var(E[z|x]) > 0.01; KL in nats. All other metrics are in scores.csv."
  )
  return Table("Every member", tuple(columns), rows, text)


def long_form(outcome: Outcome) -> Table:
  """All scores: a row for each member or baseline, method, condition and metric."""
  keys = of_members.columns(outcome.members)
  columns = ("member", *keys, "ended", "active", "method", "condition", "metric", "mean")
  columns += ("low", "high", "examples", "seconds")
  rows = []
  for result in outcome.results:
    who = _who(result.member, keys)
    if result.member is None:
      own = outcome.tasks[result.part].source.run.members[0]
      who[1 : 1 + len(keys)] = [own.get(k) if k.startswith("data.") else None for k in keys]
    for name, metric in outcome.application.metrics.items():
      if name not in result.scores:
        continue
      mean, half = _of_one(result, name, metric)
      half = np.nan if half is None else half
      count = len(result.scores[name])
      row = [*who, result.method, result.condition, name, mean, mean - half, mean + half]
      rows.append([*row, count, result.seconds])
  return Table("scores", columns, rows)


def choice(outcome: Outcome) -> Table | None:
  """What the choice on validation was made from: the means of the lines; None without one.

  By the headline first, then by what takes its place where validation cannot tell it.
  """
  known = outcome.known if outcome.on_validation else ()
  names = list(dict.fromkeys(k for line in known for k, _ in line.setting))
  every, rows = outcome.application.metrics, []
  for name in filter(None, (outcome.application.headline, outcome.application.choice)):
    for line in (line for line in known if of_results.has(line, name)):
      own = *(dict(line.setting).get(k) for k in names), line.method
      for c, cell in line.cells.items():
        numbers = " ".join(str(result.member.number) for result in cell)
        rows.append([*own, c, name, of_results.mean(line, name, every[name], c), numbers])
  columns = (*names, "method", "condition", "metric", "mean", "members")
  return Table("choice", columns, rows) if rows else None


def note(outcome: Outcome, name: str) -> str:
  """What the numbers of a table mean: the application's own words below the first one."""
  first = not name or name == next(iter(outcome.application.metrics))
  metric = outcome.application.metrics[name] if name else None
  text = f"± is the half width of {INTERVAL}."
  if metric is not None and metric.better:
    text = f"{'Higher' if metric.better > 0 else 'Lower'} is better. {text}"
  if not first:
    return text
  count = len(outcome.task.examples["id"])
  split = outcome.settings["split"]
  kind = lambda likelihood: ", a density" if likelihood.is_density else ""
  likelihoods = sorted(
    {f"{run.likelihood.name}{kind(run.likelihood)}" for run in outcome.runs}
  )
  return (
    f"{text} On {count:,} examples of {split}. Seconds: of a method under all conditions, the"
    " model's methods together, compilation included, fitting not."
    f" Likelihood: {'; '.join(likelihoods)}. {outcome.application.note}"
  ).strip()


def _who(member: Member | None, keys: tuple[str, ...]) -> list[Any]:
  if member is None:
    return [None] * (len(keys) + 3)
  own = [member.row.get(key) for key in keys]
  return [member.number, *own, member.ended or None, member.active or None]


def _title(metric: Any) -> str:
  return f"{metric.title}, {metric.unit}" if metric.unit else metric.title


def _cell(line: Line, name: str, metric: Any, condition: str) -> list[float | None]:
  return _shown(of_results.interval(line, name, metric, condition))


def _of_one(result: Result, name: str, metric: Any) -> list[float | None]:
  values = result.scores[name][None]
  reduced = metric.reduce is not None
  return _shown(estimate_of(metric.reduce, values) if reduced else estimate(values))


def _shown(found: Estimate | None) -> list[float | None]:
  """A mean and its half width, None for what nothing tells."""
  if found is None:
    return [None, None]
  return [found.mean, found.half if np.isfinite(found.half) else None]


def _seeds(line: Line) -> int | None:
  return None if line.setting is None else max(len(cell) for cell in line.cells.values())


def _seconds(line: Line) -> float:
  firsts = [cell[0] for cell in line.cells.values()]
  return float(firsts[0].seconds)


def _marks(
  outcome: Outcome, lines: list[Line], rows: list[list], at: dict[int, Any]
) -> list[tuple[int, int]]:
  """The place of the best number of each column `at`, references left out."""
  references, marks = outcome.application.references, []
  compared = [i for i, line in enumerate(lines) if line.method not in references]
  for column, metric in at.items():
    cells = ((rows[i][column], i) for i in compared if rows[i][column] is not None)
    known = [(metric.better * v, i) for v, i in cells if np.isfinite(v)]
    marks += [(max(known)[1], column)] if metric.better and known else []
  return marks
