"""The members of a sweep: what distinguishes them, their settings, their names."""

from typing import Any

import numpy as np

from vae_jax import registry
from vae_jax.evaluation.protocol import Member, Setting
from vae_jax.metrics import latent
from vae_jax.run import DEAD, Run, alive
from vae_jax.training import sweep
from vae_jax.types import Posterior

SHOWN = 3  # members drawn in figures; tables hold them all
SYMBOLS = {"beta": "β"}


def living(runs: list[Run]) -> list[Run]:
  """The programs without their dead members, and without those of which all are dead.

  Raises:
    UserError: every member is dead.
  """
  found = [run for run in runs if not all(end.startswith(DEAD) for end in run.ended)]
  return [alive(run) for run in found] or [alive(runs[0])]


def of(runs: list[Run], parts: list[int], varies: tuple[str, ...] = ()) -> list[Member]:
  """The members of all programs in the order of the sweep, their fields in one order.

  Args:
    runs: the programs.
    parts: of each, the number of the data it was trained on.
    varies: fields of config.data in which data of one setting may differ.
  """
  apart = {*sweep.SEEDS, *(f"data.{name}" for name in varies)}
  rows = [[row_of(run, place) for place in range(len(run.numbers))] for run in runs]
  names = dict.fromkeys(["beta", *(name for each in rows for row in each for name in row)])
  found = []
  for run, part, each in zip(runs, parts, rows, strict=True):
    for place, number in enumerate(run.numbers):
      row = {name: each[place][name] for name in names if name in each[place]}
      setting = tuple((k, v) for k, v in row.items() if k not in apart)
      found.append(Member(number, run, place, row, setting, part, run.ended[place]))
  return sorted(found, key=lambda member: member.number)


def row_of(run: Run, place: int) -> dict[str, Any]:
  """β where the objective has one, the seed, and what else a member differs in."""
  beta = {"beta": _plain(run.hyper["beta"][place])} if "beta" in run.hyper else {}
  return {**beta, "seed": None, **run.members[place]}  # the place of a key is its first one


def with_codes(members: list[Member], run: Run, q: Posterior) -> list[Member]:
  """The members of a program with their active latents and their rate.

  The rate is the Gaussian's from N(0, I) and NaN of any other family or prior; a discrete code
  has no variance, and so no active latents.

  Args:
    members: of the whole sweep; those of other programs stay as they are.
    run: the program.
    q: of its members on the examples that are scored, [M, N, L] each.
  """

  def told(member: Member) -> Member:
    if member.run is not run:
      return member
    mean, logvar = q.mean[member.place], q.logvar[member.place]
    known = run.stochastic and run.vae.family == "gaussian" and run.vae.standard
    rate = float(latent.rates(mean, logvar).sum()) if known else np.nan
    active = "" if run.vae.family == "discrete" else latent.verdict(mean)
    return member._replace(active=active, rate=rate)

  return [told(member) for member in members]


def has_code(run: Run) -> bool:
  """Whether a program's objective asks for a code: that of a language model does not."""
  objective = registry.find("objectives", run.config["objective"]["name"])
  return bool(run.vae.latents) and getattr(objective, "LATENT", True)


def columns(members: list[Member]) -> tuple[str, ...]:
  """The names that tell members apart, β and the seed first."""
  return tuple(dict.fromkeys(name for member in members for name in member.row))


def name(values: dict[str, Any] | Setting) -> str:
  """Swept values in words, "β 4 · latents 10"; a number that a program lacks is left out."""
  pairs = values.items() if isinstance(values, dict) else values
  return " · ".join(f"{short(k)} {sweep.text(v)}" for k, v in pairs if v is not None)


def short(name: str) -> str:
  """A swept name for the eye: β, "latents" for model.latents, "objective" for its name."""
  first, _, last = name.rpartition(".")
  return SYMBOLS.get(name, first if last == "name" else last)


def title(member: Member, members: list[Member]) -> str:
  """A member's name in a figure, "β 4 · seed 1"; empty where there is one only."""
  return name(member.row) if len(members) > 1 else ""


def collapsed(members: list[Member]) -> str:
  """The members without an active latent, by name; "the model" of one, empty for none."""
  flat = [member for member in members if "COLLAPSED" in member.active]
  return ", ".join(title(member, members) or "the model" for member in flat)


def spread(members: list[Member], count: int = SHOWN) -> list[Member]:
  """The members that figures draw: at most `count`, as different as the sweep has them.

  The first seed of each setting, evenly chosen where there are many; where only the seed
  differs, the first seeds.
  """
  firsts: dict[Setting, Member] = {}
  for member in members:
    firsts.setdefault(member.setting, member)
  found = list(firsts.values()) if len(firsts) > 1 else members
  picked = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)
  return [found[i] for i in picked]


def dead(runs: list[Run]) -> list[str]:
  """A sentence that names the members with nothing to evaluate; none where all live."""
  found = [
    f"{run.numbers[m]} ({sweep.label(run.members[m])}, {end})"
    for run in runs
    for m, end in enumerate(run.ended)
    if end.startswith(DEAD)
  ]
  if not found:
    return []
  total = sum(len(run.members) for run in runs)
  verb = "is" if len(found) == 1 else "are"
  return [
    f"{len(found)} of {total} members {verb} dead and in no average: {', '.join(found)}."
  ]


def stopped(members: list[Member]) -> list[str]:
  """A sentence that names the members that were stopped early."""
  some = [member for member in members if member.ended]
  if not some:
    return []
  named = "; ".join(f"{name(member.row)}, {member.ended}" for member in some[:5])
  named += f" and {len(some) - 5} more" if len(some) > 5 else ""
  verb = "is" if len(some) == 1 else "are"
  return [f"{len(some)} stopped by early stopping {verb} in no average: {named}."]


def _plain(value: Any) -> float:
  # A float32 0.1 would show as 0.10000000149; eight digits are its own precision.
  return float(f"{float(value):.7g}")


def parts(runs: list[Run]) -> list[int]:
  """The number of the data of each program; programs on the same data share one."""
  known: list[dict] = []
  for run in runs:
    if run.config["data"] not in known:
      known.append(run.config["data"])
  return [known.index(run.config["data"]) for run in runs]
