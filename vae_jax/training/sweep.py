"""A sweep is data: which numbers and which static fields differ between members.

The algebra, in `config.sweep`; `rows` reads it and a sweep is always a list of rows:

    {"beta": [1, 2, 4], "seed": [0, 1]}       the grid of six members; {"grid": ...} is the same
    {"zip": {"beta": [1, 4], "capacity": [5, 25]}}     value with value: two members
    [{"beta": 1}, {"beta": 4, "seed": 3}]     exactly these members; {"list": ...} is the same
    {"chain": [sweep, sweep, ...]}            the members of one after those of the other
    {"product": [sweep, sweep, ...]}          each of one with each of the other

A name is a number of `hyper`, "seed", "data_seed", or the dotted name of a static field
("model.latents", "objective.name"). Members that differ in numbers alone are one program.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vae_jax import config as configuration
from vae_jax import ranges, registry
from vae_jax.types import UserError

_STATIC = (*configuration.PARTS, "schedule", "optimizer", "train", "two_stage")
MOST = 100_000  # members of a run
MOST_PROGRAMS = 1_000  # of a run, each compiled
SEEDS = ("seed", "data_seed")  # integers; every other number of a sweep is one of hyper
ROWS = "data_rows"  # the number of a joined program that says which rows a member has


class Part(NamedTuple):
  """Members that one compiled program trains, and their configuration."""

  config: (
    dict  # complete, the members' static fields applied; its sweep is the list of rows
  )
  rows: list[dict]  # what distinguishes each member: the seed and all that is swept
  numbers: list[int]  # of each member in the whole sweep
  choices: list[dict] | None = None  # of a joined program, its options of what is normal
  chosen: list[int] | None = None  # of each member, which of them it has


def rows(sweep: Any) -> list[dict]:
  """The members of a sweep, a dict {name: value} for each, in order.

  Raises:
    UserError: it is not of the algebra above, an axis is empty, or two axes of a zip differ
      in length.
  """
  if isinstance(sweep, list):
    return _listed(sweep)
  if not isinstance(sweep, dict):
    raise UserError(f"config.sweep has {sweep!r}; {_EXPECTED}")
  operators = [name for name in sweep if name in _OPERATORS]
  if not operators:
    return _grid(sweep)
  if len(sweep) > 1:
    raise UserError(
      f"config.sweep has {operators[0]!r} beside {[k for k in sweep if k != operators[0]]}:"
      f' an operator stands alone; combine sweeps with {{"product": [...]}}.'
    )
  return _OPERATORS[operators[0]](sweep[operators[0]])


def count(sweep: Any) -> int:
  """How many members a sweep has, by multiplication: none of them is made."""
  if isinstance(sweep, list):
    return len(sweep)
  if not isinstance(sweep, dict):
    return 0  # `rows` refuses it
  name = next((name for name in sweep if name in _OPERATORS), None)
  inner = sweep if name is None else sweep[name]
  if name in ("chain", "product"):
    counts = [count(one) for one in inner] if isinstance(inner, list) else []
    return sum(counts) if name == "chain" else math.prod(counts)
  sizes = (
    [len(v) for v in inner.values() if isinstance(v, list)]
    if isinstance(inner, dict)
    else []
  )
  if name == "zip":
    return max(sizes, default=0)
  return len(inner) if name == "list" and isinstance(inner, list) else math.prod(sizes)


def parts(config: dict) -> list[Part]:
  """The members of a complete configuration, those with the same static fields together.

  Every row names the same things: what is swept anywhere, with the value of the
  configuration where a member leaves it out, and None where its program has no such number.

  Raises:
    UserError: a name that is neither a number of the member's `hyper` nor a static field, a
      value out of range, or two members that are the same.
  """
  members = count(config["sweep"])
  if members > MOST:
    raise UserError(
      f"config.sweep has {members:,} members, and at most {MOST:,} are trained in one run: take"
      " fewer values of an axis."
    )
  found = [_named(row) for row in rows(config["sweep"])] or [{}]
  swept = list(dict.fromkeys(name for row in found for name in row))
  groups: dict[tuple, list[int]] = {}
  for number, row in enumerate(found):
    static = tuple((name, repr(row[name])) for name in swept if "." in name and name in row)
    groups.setdefault(static, []).append(number)
  if len(groups) > MOST_PROGRAMS:
    raise UserError(
      f"config.sweep has {len(groups):,} programs, and at most {MOST_PROGRAMS:,} are compiled in"
      " one run: sweep fewer values of its static fields."
    )
  made = [
    _part(config, [found[i] for i in group], group, swept) for group in groups.values()
  ]
  _refuse_twins([row for part in made for row in part.rows])
  return made


def cut(part: Part, size: int) -> list[Part]:
  """A part as parts of at most `size` members, as even as they come."""
  pieces = -(-len(part.rows) // size)
  bounds = [i * len(part.rows) // pieces for i in range(pieces + 1)]
  return [take(part, part.numbers[a:b]) for a, b in itertools.pairwise(bounds)]


def take(part: Part, numbers: list[int]) -> Part:
  """The members of these numbers alone."""
  at = [part.numbers.index(number) for number in numbers]
  kept = [part.config["sweep"][i] for i in at]
  chosen = part.chosen and [part.chosen[i] for i in at]
  rows = [part.rows[i] for i in at]
  return Part({**part.config, "sweep": kept}, rows, numbers, part.choices, chosen)


def members(config: dict) -> list[dict]:
  """What distinguishes each member, in the order of the sweep; raises as `parts` does."""
  placed = [
    (n, row) for p in parts(config) for n, row in zip(p.numbers, p.rows, strict=True)
  ]
  return [row for _, row in sorted(placed, key=lambda pair: pair[0])]


def hyper(part: Part) -> dict[str, np.ndarray]:
  """`stack` of a part, with ROWS [M] int32 where it is of a joined program."""
  rows = {ROWS: np.asarray(part.chosen, np.int32)} if part.chosen else {}
  return {**stack(part.config, part.rows), **rows}


def stack(config: dict, rows: list[dict]) -> dict[str, np.ndarray]:
  """The `hyper` of all members: every number [M] float32, and the seeds [M] int32.

  A "data_seed" is among them only where it is swept: members share their batches otherwise.
  """
  numbers = {
    name: np.asarray([row.get(name, value) for row in rows], np.float32)
    for name, value in config["hyper"].items()
  }
  seeds = [name for name in SEEDS if name in rows[0]]
  return {**numbers, **{s: np.asarray([row[s] for row in rows], np.int32) for s in seeds}}


def label(row: dict) -> str:
  """A member's name in a title: "beta 4, seed 1"."""
  names = [*(k for k in row if k != "seed"), "seed"]
  return ", ".join(f"{name} {text(row[name])}" for name in names if row[name] is not None)


def setting(row: dict) -> dict:
  """What distinguishes a member, without its seeds."""
  return {name: value for name, value in row.items() if name not in SEEDS}


def text(value: Any) -> str:
  """A swept value for the eye."""
  return f"{value:g}" if isinstance(value, float) else str(value)


def _part(config: dict, group: list[dict], numbers: list[int], swept: list[str]) -> Part:
  fields = {name: value for name, value in group[0].items() if "." in name}
  own = configuration.override({**config, "sweep": {}}, fields)
  known = [*SEEDS, *own["hyper"]]
  members, kept = [], []
  for row in group:
    given = {name: value for name, value in row.items() if name not in fields}
    _check(own, given, known, fields)
    defaults = {**own["hyper"], "seed": own["seed"], "data_seed": own["data"]["seed"]}
    whole = {n: given.get(n, defaults.get(n)) for n in swept if n not in fields}
    seeds = {s: int(whole.pop(s)) for s in SEEDS if s in whole}
    whole |= {name: _cell(_field(own, name)) for name in swept if "." in name}
    members.append({"seed": own["seed"], **seeds, **whole})
    kept.append({k: v for k, v in members[-1].items() if k in known and v is not None})
  return Part({**own, "sweep": kept}, members, numbers)


def _check(own: dict, given: dict, known: list[str], fields: dict) -> None:
  """Refuses a name that is no number of this program, and a number out of its range."""
  where = f" of the program with {label({'seed': None, **fields})}" if fields else ""
  for name, value in given.items():
    if name not in known:
      raise UserError(
        f"config.sweep has {name!r}, which is no number of hyper{where} and no seed. What"
        f" changes a shape or the control flow is swept by its dotted name, like"
        f" model.latents.{registry.nearest(name, known)}"
      )
    if not _is_number(value) or not math.isfinite(value):
      raise UserError(f"config.sweep.{name} has {value!r}; it must be a number.")
    if name in SEEDS and (value != int(value) or not 0 <= value < 2**31):
      raise UserError(f"config.sweep.{name} has {value!r}; an integer in [0, 2^31).")
  numbers = {k: v for k, v in given.items() if k not in SEEDS}
  signed = ranges.signed(own)
  ranges.check_numbers({**own["hyper"], **numbers}, "config.sweep", signed)


def _named(row: dict) -> dict:
  """A member by the names of its numbers and of static fields, each said once."""
  named: dict[str, Any] = {}
  for name, value in row.items():
    if not isinstance(name, str):
      raise UserError(f"config.sweep has the name {name!r}; a name is a string.")
    short = name.removeprefix("hyper.")
    if short in named:
      raise UserError(
        f"config.sweep has {short!r} and {name!r}, which are the same number."
      )
    if "." in short and short.split(".")[0] not in _STATIC:
      raise UserError(
        f"config.sweep has {name!r}; a static field is of {', '.join(_STATIC)}."
      )
    named[short] = value
  return named


def _refuse_twins(members: list[dict]) -> None:
  seen = set()
  for row in members:
    name = tuple(sorted(row.items(), key=lambda pair: pair[0]))
    if name in seen:
      raise UserError(f"config.sweep has the member {label(row)} twice: leave one out.")
    seen.add(name)


def _cell(value: Any) -> Any:
  """A static value as a name: what tells members apart is compared, drawn and hashed."""
  return text(value) if isinstance(value, list | dict) else value


def _field(config: dict, name: str) -> Any:
  for part in name.split("."):
    config = config.get(part) if isinstance(config, dict) else None
  return config


def _grid(axes: dict) -> list[dict]:
  _check_axes(axes)
  if not axes:
    return []
  return [
    dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
  ]


def _zip(axes: dict) -> list[dict]:
  _check_axes(axes)
  if not axes:
    raise UserError("config.sweep has a zip of no axes.")
  lengths = {name: len(values) for name, values in axes.items()}
  if len(set(lengths.values())) > 1:
    raise UserError(f"config.sweep has a zip of axes of different lengths: {lengths}.")
  return [
    dict(zip(axes, values, strict=True)) for values in zip(*axes.values(), strict=True)
  ]


def _listed(members: list) -> list[dict]:
  if not isinstance(members, list):
    raise UserError(f"config.sweep lists {members!r}; expected a list of members.")
  for row in members:
    if not isinstance(row, dict) or not row:
      raise UserError(
        f"config.sweep has the member {row!r}; expected {{name: value, ...}}."
      )
  return [dict(row) for row in members]


def _chain(sweeps: list) -> list[dict]:
  return [row for sweep in _several(sweeps) for row in rows(sweep)]


def _product(sweeps: list) -> list[dict]:
  found = []
  for combined in itertools.product(*(rows(sweep) for sweep in _several(sweeps))):
    row = {name: value for part in combined for name, value in part.items()}
    if len(row) < sum(map(len, combined)):
      raise UserError("config.sweep has a product of sweeps that share a name.")
    found.append(row)
  return found


_OPERATORS: dict[str, Callable[[Any], list[dict]]] = {
  "grid": _grid, "zip": _zip, "list": _listed, "chain": _chain, "product": _product
}  # fmt: skip
_EXPECTED = (
  'expected axes {"beta": [1, 4], "seed": [0, 1]}, a list of members, or one of '
  + ", ".join(_OPERATORS)
)


def _several(sweeps: Any) -> list:
  if not isinstance(sweeps, list) or not sweeps:
    raise UserError(f"config.sweep combines {sweeps!r}; expected a list of sweeps.")
  return sweeps


def _check_axes(axes: Any) -> None:
  if not isinstance(axes, dict):
    raise UserError(f"config.sweep has {axes!r}; {_EXPECTED}")
  for name, values in axes.items():
    if not isinstance(values, list) or not values:
      raise UserError(f"config.sweep.{name} is {values!r}; it must be a list of values.")


def _is_number(value: object) -> bool:
  return isinstance(value, int | float) and not isinstance(value, bool)
