"""One entry for every application: from the programs of a run directory to a report."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import asking, distributions, own
from vae_jax.evaluation import members as of_members
from vae_jax.evaluation import results as of_results
from vae_jax.evaluation import settings as of_settings
from vae_jax.evaluation.protocol import Application, Ask, Member, Result, Task
from vae_jax.evaluation.results import Line, Verdict
from vae_jax.evaluation.source import Source
from vae_jax.run import Run
from vae_jax.types import Array, UserError

Say = Callable[[str], None]


class Outcome(NamedTuple):
  """Everything that was measured; what a report is made of."""

  application: Application
  runs: list[Run]  # without dead members
  members: list[Member]
  tasks: list[Task]  # one for each kind of data
  settings: dict[str, Any]
  results: list[Result]
  lines: list[Line]
  chosen: Line | None  # the model's line of the setting and the method chosen on validation
  on_validation: bool  # False where there was nothing to choose
  verdicts: list[Verdict]
  key: Array
  known: Sequence[Line] = ()  # the model's that were chosen among: on validation, or these

  @property
  def task(self) -> Task:
    """The task of the first kind of data; of most sweeps the only one."""
    return self.tasks[0]

  @property
  def conditions(self) -> tuple[str, ...]:
    """The conditions that are scored; data that differ may each bring their own."""
    return tuple(dict.fromkeys(name for task in self.tasks for name in task.conditions))

  @property
  def ours(self) -> list[Line]:
    """The model's lines, without references."""
    return [line for line in self._compared(self.lines) if line.setting is not None]

  @property
  def baselines(self) -> list[Line]:
    """The baselines' lines, without references."""
    return [line for line in self._compared(self.lines) if line.setting is None]

  def _compared(self, lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.method not in self.application.references]

  @property
  def lead(self) -> Member:
    """The member that pictures of one member show: the chosen line's first seed."""
    if self.chosen is not None:
      for cell in self.chosen.cells.values():
        return cell[0].member
    return of_members.spread(self.members)[0]

  def grouping(self) -> Callable:
    """How the application groups members into settings."""
    grouping = self.application.optional("grouping")
    return of_results.own_setting if grouping is None else grouping(self.members)


def answer(
  application: Application,
  runs: list[Run],
  key: Array,
  given: dict[str, Any],
  say: Say = lambda text: None,
) -> Outcome:
  """Asks an application of all programs of a run directory.

  Programs on the same data share a task and its baselines. Dead members are left out, stopped
  ones have rows and are in no average. Where there are several methods or settings, the model
  is asked on validation examples too, and what it is judged by is chosen there.

  Args:
    application: of `protocol.read`.
    runs: the programs, dead members included.
    key: of everything that is drawn; the same for all members, so that they are paired.
    given: settings that differ from the defaults.
    say: called with what is at work.

  Raises:
    UserError: an unknown setting or split, or data that do not fit the application.
  """
  module = application.module
  settings = of_settings.resolve(module.SETTINGS, given)
  living = of_members.living(runs)
  _refuse(application, living)
  application.optional("check", lambda runs, settings: None)(living, settings)
  if adapted := application.optional("adapted"):
    application = adapted(application, living, settings)
  application = _filled_in(application, settings)
  parts = of_members.parts(living)
  firsts = [living[parts.index(part)] for part in range(max(parts) + 1)]
  of_part = lambda part: [r for r, p in zip(living, parts, strict=True) if p == part]
  sources = [Source(run, settings, key, of_part(part)) for part, run in enumerate(firsts)]
  say("data")
  tasks = [module.prepare(s, settings["split"], settings["limit"]) for s in sources]
  members = of_members.of(living, parts, application.varies)
  for run, part in zip(living, parts, strict=True):
    members = _described(members, run, tasks[part])
  results = _of_model(application, members, living, parts, tasks, key, say)
  for part, task in enumerate(tasks):
    results += _of_baselines(application, task, part, say)
  scored = [name for name in application.metrics if any(name in r.scores for r in results)]
  if scored and application.headline not in scored:
    application = application._replace(headline=scored[0])
  outcome = Outcome(
    application, living, members, tasks, settings, results, [], None, False, [], key
  )
  return _judged(outcome, parts, sources, say)


def _refuse(application: Application, runs: list[Run]) -> None:
  """Refuses what an application would read wrong: codes or shapes that it does not declare.

  Without `FAMILIES` it reads a Gaussian's mean and variance, and draws of N(0, I); without
  `SHAPES` it compares number by number, which has no meaning if points have no order.
  """
  name = application.name
  why = f"{name} reads codes as Gaussians and as draws of N(0, I)"
  for run in runs:
    if not application.optional("SHAPES", False) and run.spec.kind in ("points", "voxels"):
      raise UserError(f"{name} knows no {run.spec.kind} in space: ask --application=shape.")
    if not application.optional("FAMILIES", False):
      distributions.require(run.vae, ("gaussian",), why, standard=True)


def _judged(outcome: Outcome, parts: list[int], sources: list[Source], say: Say) -> Outcome:
  """The outcome with its lines, the choice on validation and the verdicts."""
  setting, conditions = outcome.grouping(), outcome.conditions
  lines = of_results.lines(outcome.results, setting)
  outcome = outcome._replace(lines=lines)
  known = ours = outcome.ours
  application = outcome.application
  name = application.headline
  metric = application.metrics[name]
  several = sum(of_results.has(line, name) for line in ours) > 1 and metric.better != 0
  if several:
    tune = outcome.settings["tune"]
    tasks = [application.module.prepare(source, "valid", tune) for source in sources]
    asked = outcome.members, outcome.runs, parts, tasks, outcome.key
    known = of_results.lines(_of_model(application, *asked, say), setting)
    known = outcome._replace(lines=known).ours
  best = of_results.choose(known, name, metric, conditions)
  if best is None and application.choice:
    by = application.choice
    best = of_results.choose(known, by, application.metrics[by], conditions)
  chosen = next((line for line in ours if (line.setting, line.method) == best), None)
  outcome = outcome._replace(chosen=chosen, on_validation=several, known=known)
  if chosen is None or metric.better == 0 or own.refused(outcome):
    return outcome
  rivals = application.optional("rivals", lambda line, baselines: baselines)
  return outcome._replace(verdicts=_held(outcome, rivals(chosen, outcome.baselines)))


def _held(outcome: Outcome, rivals: list[Line]) -> list[Verdict]:
  """The verdicts by the headline, or by the first metric that both sides have."""
  metrics = outcome.application.metrics
  for name in dict.fromkeys((outcome.application.headline, *metrics)):
    if metrics[name].better and any(of_results.has(line, name) for line in rivals):
      asked = outcome.chosen, rivals, name, metrics[name], outcome.conditions
      if found := of_results.against_baselines(*asked):
        return found
  return []


def _filled_in(application: Application, settings: dict[str, Any]) -> Application:
  """The application with its settings in its words: the K of a bound, and the like."""
  metrics = {
    name: metric._replace(title=metric.title.format(**settings))
    for name, metric in application.metrics.items()
  }
  return application._replace(metrics=metrics, note=application.note.format(**settings))


def _described(members: list[Member], run: Run, task: Task) -> list[Member]:
  """The members of a program with their active latents, where their model has a code."""
  if not of_members.has_code(run):
    return members
  q = task.source.posterior(run, dict(task.whole or task.examples))
  return of_members.with_codes(members, run, q)


def _of_model(
  application: Application,
  members: list[Member],
  runs: list[Run],
  parts: list[int],
  tasks: list[Task],
  key: Array,
  say: Say,
) -> list[Result]:
  """What every member's methods scored on the tasks."""
  found = []
  for run, part in zip(runs, parts, strict=True):
    say(f"model {of_members.name(run.members[0])}".strip())
    task, began = tasks[part], time.perf_counter()
    asked = application.module.model(task, run)
    answers = ask(task, run, asked, key) if isinstance(asked, Ask) else asked
    seconds = (time.perf_counter() - began) / len(run.members)
    own = [member for member in members if member.run is run]
    for member in own:
      for method, answer in answers.items():
        of = lambda c, a=answer, m=member.place: jax.tree.map(lambda x: x[m][c], a)
        each = [of(c) for c in range(len(task.conditions))]
        found += _scored(application, task, member, method, each, seconds, part)
  return found


def _scored(
  application: Application,
  task: Task,
  member: Member | None,
  method: str,
  answers: list[Any],
  seconds: float,
  part: int,
) -> list[Result]:
  """The results of one method, from its answer [n, ...] to every condition."""
  found = []
  for c, (condition, answer) in enumerate(zip(task.conditions, answers, strict=True)):
    scores = application.module.score(task, answer, c)
    scores = {k: np.atleast_1d(np.asarray(v)) for k, v in scores.items()}
    found.append(Result(member, method, condition, scores, seconds, part, answer))
  return found


def _of_baselines(
  application: Application, task: Task, part: int, say: Say
) -> list[Result]:
  """What the baselines scored, each asked and timed for every condition."""
  found = []
  for method, fn in application.module.baselines(task).items():
    say(method)
    began = time.perf_counter()
    answers = [fn(c) for c in range(len(task.conditions))]
    seconds = time.perf_counter() - began
    found += _scored(application, task, None, method, answers, seconds, part)
  return found


def ask(task: Task, run: Run, asked: Ask, key: Array) -> dict[str, Any]:
  """`fn(params, hyper, example, key)` of every member, condition and example: [M, C, N, ...].

  All conditions are examples of one call, so that they are one compiled program.

  Args:
    task: its examples and what each condition adds to them.
    run: the members.
    asked: the function, and numbers that are added to each member's hyper.
    key: each example's id is folded in.
  """
  kinds, count = len(task.conditions), len(task.examples["id"])
  for name, values in task.fields.items():
    if values.shape[:2] != (kinds, count):
      raise ValueError(f"The field {name} is {values.shape}; expected [{kinds}, {count}].")
  examples = {k: np.concatenate([v] * kinds) for k, v in task.examples.items()}
  examples |= {k: v.reshape(-1, *v.shape[2:]) for k, v in task.fields.items()}
  run = run._replace(hyper={**run.hyper, **asked.numbers})
  flat = asking.apply(run, asked.fn, examples, key, asked.batch, asked.inner)
  return jax.tree.map(lambda v: v.reshape(len(v), kinds, count, *v.shape[2:]), flat)
