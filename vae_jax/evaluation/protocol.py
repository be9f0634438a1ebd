"""What an application provides, and what passes between it and the kit.

An application is a module of `vae_jax.applications`: its question, its settings, its metrics
and five functions. The kit maps them over members, conditions and examples, chooses on
validation, compares with the baselines and writes every table, figure and sentence that
follows from the scores. Titles of metrics and NOTE may name settings in braces.
`docs/writing_an_application.md` has an example of 40 lines.

    QUESTION: str
    SETTINGS: dict[str, Any]              # with split, limit and tune of `settings.COMMON`
    METRICS: dict[str, Metric]            # the first one is the headline's where HEADLINE is not;
                                          # of data that has no score of it, the first that has
    HEADLINE: str                         # optional: the metric that methods are chosen by
    CHOICE: str                           # optional: the metric that they are chosen by where
                                          # validation cannot tell the headline's
    NOTE: str                             # optional: what the numbers mean
    CONTRASTS: ((method, method), ...)    # optional: the second against the first, in a sentence
    VARIES: tuple[str, ...]               # optional: fields of config.data that count as seeds
    FAMILIES: bool                        # optional: asks posteriors and priors of every family
    TOLD: {method: str}                   # optional: what each is told; "": all others
    SHAPES: bool                          # optional: asks data of points and of voxels
    REFERENCES: tuple[str, ...]           # optional: methods to look at, never chosen or rivals

    check(runs, settings) -> None                      # optional: refuses before anything else
    adapted(application, runs, settings) -> Application  # optional: titles, headline and note
    prepare(source, split, limit) -> Task              # of the data alone
    model(task, run) -> Ask | {method: answers}        # of ONE member and ONE example
    baselines(task) -> {method: condition index -> answer}
    score(task, answer, condition index) -> {metric: [n]}
    rivals(line, baselines) -> baselines               # optional: those that a line is held against
    grouping(members) -> (member, condition) -> Setting | None   # optional: other settings
    pictures(task, condition) -> {label: [n, *shape]}  # optional: rows of the side-by-side figure
    shown(task, answer, condition) -> [n, *shape]      # optional: an answer as a picture
    further(outcome) -> Extra                          # optional: what only this application has
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vae_jax.asking import BATCH
from vae_jax.evaluation.source import Source
from vae_jax.run import Run
from vae_jax.types import NOTHING, Figure, Table, UserError

Setting = tuple[tuple[str, Any], ...]  # names and values of what is swept, but the seeds
NEEDED = ("QUESTION", "SETTINGS", "METRICS", "prepare", "model", "baselines", "score")


class Metric(NamedTuple):
  """A score of single examples, and how its numbers become one."""

  title: str
  unit: str = ""
  better: int = 1  # 1: higher, -1: lower, 0: neither
  digits: int = 2
  reduce: Callable[[np.ndarray], float] | None = (
    None  # [n, ...] -> a number; None: the mean
  )
  table: str = ""  # metrics of one name share a table, with a row for each condition


class Task(NamedTuple):
  """The examples of one split and what stays the same over methods."""

  source: Source
  split: str
  examples: dict[str, np.ndarray]  # [N, ...] each, as stored, with `id`
  conditions: tuple[str, ...] = ("",)  # C of them, by name
  fields: Mapping[str, np.ndarray] = NOTHING  # what a condition adds, [C, N, ...] each
  truth: Any = None  # what answers are scored against
  own: Any = None  # whatever else the application keeps
  whole: Mapping[str, np.ndarray] = (
    NOTHING  # what codes are described on; the examples if empty
  )

  @property
  def settings(self) -> dict[str, Any]:
    """The application's settings, complete."""
    return self.source.settings


class Ask(NamedTuple):
  """What is asked of every member, condition and example: one compiled program."""

  fn: Callable  # (params, hyper, example, key) -> {method: answer}, answers are pytrees
  numbers: Mapping[str, np.ndarray] = NOTHING  # added to each member's hyper, [M, ...] each
  batch: int = BATCH  # examples at once: memory, not the result
  inner: int = 1  # samples of one example that `fn` holds at once


class Member(NamedTuple):
  """One trained model of the sweep."""

  number: int  # in the whole sweep
  run: Run  # its program
  place: int  # in that program
  row: dict[str, Any]  # beta where there is one, the seed, and all else that is swept
  setting: Setting
  part: int  # the data it was trained on, of those that the sweep has
  ended: str  # "", or "stopped at 500"
  active: str = ""  # "8 of 10", "0 of 10 COLLAPSED", "NaN"; empty where it has no code
  rate: float = float("nan")  # KL in nats

  @property
  def seed(self) -> tuple:
    """What makes it another one of the same setting."""
    return (self.part, *(self.row.get(name) for name in ("seed", "data_seed")))


class Result(NamedTuple):
  """What one method scored under one condition."""

  member: Member | None  # None: a baseline
  method: str
  condition: str
  scores: dict[str, np.ndarray]  # [n] each, or [n, ...] of a metric with `reduce`
  seconds: float = 0.0
  part: int = 0  # the data it is about
  answer: Any = None  # kept for pictures


class Extra(NamedTuple):
  """What an application adds to the report that follows from its scores."""

  tables: Sequence[Table] = ()
  figures: Sequence[Figure] = ()  # one of a name that the kit has takes its place
  findings: Sequence[str] = ()
  arrays: Mapping[str, np.ndarray] = NOTHING
  block: Sequence[str] = ()  # further lines for the terminal


class Application(NamedTuple):
  """A module that keeps the protocol, with the defaults of what it leaves out."""

  name: str
  module: Any
  question: str
  metrics: dict[str, Metric]
  headline: str
  note: str
  contrasts: tuple[tuple[str, str], ...]
  varies: tuple[str, ...]
  references: tuple[str, ...] = ()
  choice: str = ""  # the headline, where empty

  def optional(self, name: str, default: Callable | None = None) -> Any:
    """A function of the module, or the default where it has none."""
    return getattr(self.module, name, default)


def read(name: str, module: Any) -> Application:
  """An application from its module.

  Raises:
    UserError: a part of the protocol is missing.
  """
  missing = [part for part in NEEDED if not hasattr(module, part)]
  if missing:
    raise UserError(
      f"The application {name} has no {', '.join(missing)}; vae_jax/evaluation/protocol.py"
      " says what an application provides."
    )
  metrics = dict(module.METRICS)
  headline = getattr(module, "HEADLINE", next(iter(metrics)))
  return Application(
    name,
    module,
    module.QUESTION,
    metrics,
    headline,
    getattr(module, "NOTE", ""),
    tuple(getattr(module, "CONTRASTS", ())),
    tuple(getattr(module, "VARIES", ())),
    tuple(getattr(module, "REFERENCES", ())),
    getattr(module, "CHOICE", ""),
  )
