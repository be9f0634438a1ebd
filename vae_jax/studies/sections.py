"""Sections of `further`: what one application adds for the members of each kind of data."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from vae_jax.evaluation import members as of_members
from vae_jax.evaluation.answer import Outcome
from vae_jax.evaluation.protocol import Extra, Member
from vae_jax.run import Run
from vae_jax.studies import symbols


class Part:
  """One kind of data, the members that were trained on it, and what they answered."""

  def __init__(self, outcome: Outcome, number: int):
    self.outcome, self.task = outcome, outcome.tasks[number]
    self.source, self.settings, self.own = (
      self.task.source,
      self.task.settings,
      self.task.own,
    )
    self.results = [r for r in outcome.results if r.part == number]
    self.members = [m for m in outcome.members if m.part == number]
    self.coded = [m for m in self.members if of_members.has_code(m.run)]
    self.real = all(symbols.is_real(m.run) for m in self.coded)  # codes have directions
    self.keys = of_members.columns(
      outcome.members
    )  # the first columns of a table of members
    self.shown = of_members.spread(self.coded or self.members)  # in figures
    lead = [m for m in self.coded if m.number == outcome.lead.number]
    self.lead = (lead or self.shown)[0]
    self.first = {r.member.number: r for r in reversed(self.results) if r.member}

  def cells(self, member: Member | None) -> list[Any]:
    """The first cells of a member's row: what distinguishes it; blanks of a baseline's."""
    return [member.row.get(key) if member else None for key in self.keys]

  def title(self, member: Member, alone: str = "") -> str:
    """A member in a legend; where there is one only, other words."""
    return of_members.title(member, self.outcome.members) or alone

  def stacked(self, *names: str) -> dict[str, np.ndarray]:
    """Parts of the first method's answers, [M, ...] each, where members have one shape."""
    answers = [self.first[m.number].answer for m in self.members]
    own = {name: [one[name] for one in answers if name in one] for name in names}
    return {k: np.stack(v) for k, v in own.items() if len({x.shape for x in v}) == 1}


def each(members: list[Member], fn: Callable[[Run], Any]) -> dict[int, Any]:
  """`fn(run) -> [M, ...]` of the programs of some members, by the member's number."""
  made = {id(run): fn(run) for run in {id(m.run): m.run for m in members}.values()}
  own = lambda m: jax.tree.map(lambda v: v[m.place], made[id(m.run)])
  return {m.number: own(m) for m in members}


def joined(outcome: Outcome, sections: Sequence[Callable], part: type = Part) -> Extra:
  """All sections of all kinds of data; names of the second one and so on have a number.

  Args:
    outcome: what was measured.
    sections: Part -> Extra.
    part: a subclass of Part, with what only the application reads.
  """
  tables, figures, findings, arrays, sounds = [], [], [], {}, []
  for number in range(len(outcome.tasks)):
    own, tail = part(outcome, number), f"_{number}" if number else ""
    for found in (section(own) for section in sections):
      tables += [t._replace(title=f"{t.title}{tail}") for t in found.tables]
      figures += [f._replace(name=f"{f.name}{tail}") for f in found.figures]
      findings += found.findings
      arrays |= {f"{name}{tail}": values for name, values in found.arrays.items()}
      sounds += [s._replace(name=f"{s.name}{tail}") for s in found.sounds]
  return Extra(tables, figures, findings, arrays, sounds=sounds)


def gathered(parts: Sequence[Extra]) -> Extra:
  """Tables, figures, sentences, arrays and sounds of several as those of one."""
  return Extra(
    [t for part in parts for t in part.tables],
    [f for part in parts for f in part.figures],
    [s for part in parts for s in part.findings],
    {name: v for part in parts for name, v in part.arrays.items()},
    sounds=[s for part in parts for s in part.sounds],
  )
