"""A report of everything that follows from an outcome, and of what the application adds."""

import time

import numpy as np

from vae_jax.evaluation import answer as of_answer
from vae_jax.evaluation import figures, sentences, tables
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation.answer import Outcome, Say
from vae_jax.evaluation.protocol import Application, Extra, Metric, Result
from vae_jax.own import refused
from vae_jax.run import Run
from vae_jax.types import Array, Report


def report(
  application: Application,
  runs: list[Run],
  key: Array,
  given: dict,
  say: Say = lambda text: None,
) -> Report:
  """The report of one application on all programs of a run directory; see `answer.answer`.

  Raises:
    UserError: as `answer.answer`.
  """
  began = time.perf_counter()
  outcome = of_answer.answer(application, runs, key, given, say)
  further = application.optional("further")
  say("tables and figures")
  extra = further(outcome) if further is not None else Extra()
  seconds = time.perf_counter() - began
  return Report(
    application.name,
    application.question,
    [*tables.all_of(outcome), *extra.tables],
    [*{f.name: f for f in (*figures.all_of(outcome), *extra.figures)}.values()],
    [*sentences.all_of(outcome, runs), *extra.findings],
    {**arrays(outcome), **extra.arrays},
    tables.long_form(outcome),
    verdicts(outcome),
    headline(outcome),
    [*sentences.block(outcome, seconds), *extra.block],
    seconds,
    {name: _described(metric) for name, metric in outcome.application.metrics.items()},
    tables.choice(outcome),
    extra.sounds,
  )


def _described(metric: Metric) -> dict:
  fields = ("title", "unit", "better", "digits")
  return {field: getattr(metric, field) for field in fields}


def part(
  outcome: Outcome,
  title: str,
  metrics: dict[str, Metric],
  conditions: tuple[str, ...],
  results: list[Result],
) -> Extra:
  """The tables and the verdict of further results, for what an application also measures.

  Args:
    outcome: of the application; the setting chosen there is spoken of here, by the method
      chosen there or, where these results lack it, by their first one.
    title: in front of every table's.
    metrics: of these results, the first one for the verdict.
    conditions: of these results.
    results: of members and baselines.
  """
  name = next(iter(metrics))
  own = outcome.application._replace(metrics=metrics, headline=name, note="", contrasts=())
  lines = of_results.lines(results, outcome.grouping())
  ours = [line for line in lines if line.setting is not None]
  top = outcome.chosen
  near = [line for line in ours if top is not None and line.setting == top.setting]
  named = (line for line in near if line.method == top.method)
  chosen = next(named, near[0] if near else None)
  rivals = [line for line in lines if line.setting is None]
  words = []
  if chosen is not None and metrics[name].better and not refused(outcome):
    words = of_results.against_baselines(chosen, rivals, name, metrics[name], conditions)
  tasks = [task._replace(conditions=conditions) for task in outcome.tasks]
  found = outcome._replace(application=own, tasks=tasks, results=results, lines=lines)
  found = found._replace(chosen=chosen, verdicts=words)
  shown = [table for name in metrics if (table := tables.of_metric(found, name))]
  shown += [tables.verdicts(found)] if words else []
  return Extra(
    [table._replace(title=f"{title}: {table.title}") for table in shown],
    findings=[f"{title}: {said}" for said in sentences.verdict(found)] if words else [],
  )


def arrays(outcome: Outcome) -> dict[str, np.ndarray]:
  """The scores of every example by metric, method and condition, [members or 1, n] each."""
  rows: dict[str, list] = {}
  for result in outcome.results:
    for name, values in result.scores.items():
      words = (name, result.method, *filter(None, (result.condition,)))
      rows.setdefault("/".join(words).replace(" ", "_"), []).append(values)
  found = {"id": outcome.task.examples["id"]}
  for name, values in rows.items():
    count = min(map(len, values))
    found[f"scores/{name}"] = np.stack([one[:count] for one in values])
  return found


def verdicts(outcome: Outcome) -> list[dict]:
  """The verdicts as plain numbers and words."""
  found = []
  for v in outcome.verdicts:
    d, setting = v.difference, dict(v.ours.setting)
    one = {"metric": v.metric, "condition": v.condition, "setting": setting}
    one |= {"method": v.ours.method, "baseline": v.theirs.method, "difference": d.mean}
    one |= {"half": d.half, "seeds": d.seeds, "examples": d.examples, "verdict": v.word}
    found.append(one)
  return found


def headline(outcome: Outcome) -> dict:
  """The number that stands for all: the chosen line's under the middle condition."""
  if outcome.chosen is None:
    return {}
  name = outcome.application.headline
  metric = outcome.application.metrics[name]
  condition = outcome.conditions[len(outcome.conditions) // 2]
  found = of_results.interval(outcome.chosen, name, metric, condition)
  if found is None:
    return {}
  told = {"metric": metric.title, "unit": metric.unit, "digits": metric.digits}
  told |= {"condition": condition, "method": outcome.chosen.method}
  told |= {"setting": of_members.name(outcome.chosen.setting)}
  return told | {"mean": found.mean, "half": found.half}
