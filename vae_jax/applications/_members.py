"""What every application says of the members of a run: columns, titles, notes, settings."""

import re
from typing import Any

import numpy as np

from vae_jax import config as configuration
from vae_jax import registry
from vae_jax.asking import apply
from vae_jax.metrics import latent
from vae_jax.run import DEAD, Run, select
from vae_jax.training import sweep
from vae_jax.types import Array, Posterior, Report, Table, UserError

SHOWN = 3  # members drawn in figures; tables hold them all
PALETTES = ("magma", "inferno", "viridis", "cividis", "gray")
SYMBOLS = {"beta": "β"}


def resolve(defaults: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
  """The settings with defaults filled in, each of the type of its default.

  Raises:
    UserError: a name that is no setting, a value of another type, an integer below 1, a
      number that is not above 0, or an unknown palette.
  """
  full = dict(defaults)
  for name, value in settings.items():
    if name not in defaults:
      hint = registry.nearest(name, list(defaults))
      raise UserError(f"There is no setting {name!r}.{hint}")
    kind = type(defaults[name])
    value = configuration.fit(f"The setting {name}", defaults[name], value)
    if kind is int and value < 1:
      raise UserError(f"The setting {name} is {value!r}; it must be at least 1.")
    if kind is float and value <= 0:
      raise UserError(f"The setting {name} is {value!r}; it must be above 0.")
    full[name] = value
  if "palette" in full and full["palette"] not in PALETTES:
    raise UserError(f"The setting palette is {full['palette']!r}; one of {PALETTES}.")
  return full


def split(data: Any, name: str) -> dict[str, np.ndarray]:
  """The examples of a split with an id for each, or an error that lists the splits."""
  if name not in data.splits:
    hint = registry.nearest(name, list(data.splits))
    raise UserError(f"The dataset {data.name!r} has no split {name!r}.{hint}")
  examples = dict(data.splits[name])
  return {**examples, "id": np.arange(len(examples["x"]), dtype=np.int32)}


def inputs(run: Run, examples: dict[str, np.ndarray], key: Array) -> np.ndarray:
  """x [N, *shape] as the model is given it: decoded and transformed."""
  one = select(run, 0)
  return apply(one, lambda params, hyper, example, key: example["x"], examples, key)[0]


def posterior(run: Run, examples: dict[str, np.ndarray], key: Array) -> Posterior:
  """q(z|x) of every member and example, [M, N, L] each."""
  encode = lambda params, hyper, example, key: run.vae.posterior(params, example)
  return apply(run, encode, examples, key)


def columns(run: Run) -> tuple[str, ...]:
  """β where the objective has one, the seed, and what else the members differ in."""
  others = [k for k in run.members[0] if k not in ("beta", "seed")]
  ended = ["ended"] if any(run.ended) else []
  return (*(["beta"] if "beta" in run.hyper else []), "seed", *others, *ended)


def cells(run: Run, member: int) -> list[Any]:
  """The values of `columns` for one member."""
  row = run.members[member]
  if "beta" in run.hyper and "beta" not in row:
    row = {**row, "beta": _plain(run.hyper["beta"][member])}
  ended = {"ended": run.ended[member] or None} if any(run.ended) else {}
  return [{**row, **ended}[name] for name in columns(run)]


def title(run: Run, member: int) -> str:
  """A member's name in a figure: "β 4 · seed 1"; empty when there is one member only."""
  if len(run.members) == 1:
    return ""
  named = zip(columns(run), cells(run, member), strict=True)
  return " · ".join(
    f"{SYMBOLS.get(name, name)} {sweep.text(value)}"
    for name, value in named
    if value is not None
  )


def collapsed(run: Run, means: np.ndarray) -> str:
  """The members without an active latent, by name; "the model" of one, empty for none."""
  flat = [m for m in range(len(run.members)) if latent.collapsed(means[m])]
  return ", ".join(title(run, m) or "the model" for m in flat)


def shown(run: Run) -> list[int]:
  """The members that figures draw: at most SHOWN, as different as the sweep has them.

  The first seed of each setting, evenly chosen where there are many; where only the seed
  differs, the first seeds.
  """
  groups: dict[tuple, int] = {}
  for m, row in enumerate(run.members):
    groups.setdefault(tuple((k, v) for k, v in row.items() if k != "seed"), m)
  found = list(groups.values()) if len(groups) > 1 else list(range(len(run.members)))
  picked = np.linspace(0, len(found) - 1, min(SHOWN, len(found))).round().astype(int)
  return [found[i] for i in picked]


def across_seeds(table: Table, keys: int) -> Table | None:
  """The mean over seeds of a table whose first `keys` columns name the member.

  Rows that differ in the seed alone become one, `n` says how many they were, and each measured
  number is their mean with their standard deviation (n - 1) beside it. None where no two rows do.
  """
  seed = table.columns.index("seed")
  groups: dict[tuple, list[list]] = {}
  for row in table.rows:
    if isinstance(row[seed], int):
      name = tuple(v for i, v in enumerate(row[:keys]) if i != seed)
      groups.setdefault(name, []).append(row[keys:])
  kept = [i for i, c in enumerate(table.columns[keys:]) if not c.startswith("±")]
  kept = [
    i for i in kept if all(isinstance(r[i], float) for g in groups.values() for r in g)
  ]
  if not kept or max(map(len, groups.values()), default=0) < 2:
    return None
  rows = []
  for name, group in groups.items():
    values = np.asarray([[row[i] for i in kept] for row in group], np.float64)
    with np.errstate(invalid="ignore"):  # an infinite score has no spread: shown as NaN
      spread = values.std(0, ddof=1) if len(group) > 1 else np.full(len(kept), np.nan)
    both = np.stack([values.mean(0), spread], -1).ravel().tolist()
    rows.append([*name, len(group), *both])
  named = [table.columns[keys + i] for i in kept]
  head = (*(c for i, c in enumerate(table.columns[:keys]) if i != seed), "n")
  pairs = tuple(name for c in named for name in (c, f"± {c}"))
  note = "The mean over seeds and, after ±, the standard deviation between seeds."
  return Table(f"{table.title}: across seeds", (*head, *pairs), rows, note)


def together(found: list[Run], living: list[Run], answers: list[Report]) -> Report:
  """The reports on the programs of one run directory as one, and a sentence on its dead.

  Tables of one title and the same columns become one; other tables, and all figures, arrays
  and findings, are told apart by the static fields of their program.

  Args:
    found: the programs as they were opened.
    living: the same without their dead members.
    answers: the report on each.
  """
  names = [_static(run) for run in living] if len(answers) > 1 else [""]
  tables: dict[tuple, list[tuple[str, Table]]] = {}
  for name, answer in zip(names, answers, strict=True):
    for table in answer.tables:
      tables.setdefault((table.title, table.columns), []).append((name, table))
  mark = lambda text, name: f"{text} ({name})" if name else text
  tag = lambda text, i: f"program{i}_{text}" if len(answers) > 1 else text
  return answers[0]._replace(
    tables=[_joined(parts) for parts in tables.values()],
    figures=[
      figure._replace(name=tag(figure.name, i), caption=mark(figure.caption, names[i]))
      for i, answer in enumerate(answers)
      for figure in answer.figures
    ],
    findings=[
      f"{name}: {sentence}" if name else sentence
      for name, answer in zip(names, answers, strict=True)
      for sentence in answer.findings
    ]
    + _dead(found),
    arrays={
      tag(name, i): values
      for i, answer in enumerate(answers)
      for name, values in answer.arrays.items()
    },
  )


def _joined(parts: list[tuple[str, Table]]) -> Table:
  """One table of several programs': all rows, and what each says beside what all say."""
  told = {name: re.split(r"(?<=[.;]) ", table.note) for name, table in parts}
  common = lambda sentence: all(sentence in others for others in told.values())
  note = [sentence for sentence in told[parts[0][0]] if common(sentence)]
  note += [
    f"{name}: {' '.join(own)}"
    for name, sentences in told.items()
    if (own := [sentence for sentence in sentences if not common(sentence)])
  ]
  rows = [row for _, table in parts for row in table.rows]
  return parts[0][1]._replace(rows=rows, note=" ".join(note))


def _static(run: Run) -> str:
  row = run.members[0]
  return ", ".join(f"{k} {sweep.text(v)}" for k, v in row.items() if "." in k)


def _dead(found: list[Run]) -> list[str]:
  """A sentence that names the members with nothing to evaluate."""
  dead = [
    f"{run.numbers[m]} ({sweep.label(run.members[m])}, {end})"
    for run in found
    for m, end in enumerate(run.ended)
    if end.startswith(DEAD)
  ]
  if not dead:
    return []
  total = sum(len(run.members) for run in found)
  return [f"{len(dead)} of {total} members are dead and in no average: {', '.join(dead)}."]


def _plain(value: Any) -> float:
  # A float32 0.1 would show as 0.10000000149; eight digits are its own precision.
  return float(f"{float(value):.7g}")
