"""What evaluate.py does: applications over a run, their reports, one page."""

import pathlib
import shlex
import sys
from types import ModuleType

import jax
from tqdm import tqdm

from vae_jax import config as configuration
from vae_jax import registry, report
from vae_jax import run as runs
from vae_jax.applications import _members
from vae_jax.training import loop
from vae_jax.types import Array, Report, UserError


def evaluate(
  workdir: str,
  names: list[str],
  given: dict[str, str],
  checkpoint: str = "best",
  member: int | None = None,
  data_dir: str | None = None,
  seed: int = 0,
  plugins: str | None = None,
) -> str:
  """Runs applications on a run directory and renders its report.

  Args:
    workdir: of a training, finished or not.
    names: of applications, or ["all"].
    given: settings as written on the command line; each must belong to one of them.
    checkpoint: "best" or "latest".
    member: only this one; None: all.
    data_dir: where the data lies now, when not where it was at training.
    seed: of the evaluation's own noise.
    plugins: a folder of files of one's own; None: the one that the run was trained with.

  Returns:
    The path of the report.

  Raises:
    UserError: anything the caller can mend, told before minutes of compute are spent.
  """
  runs.plug(workdir, plugins)
  every = names == ["all"]
  names = registry.names("applications") if every else names
  modules = {name: registry.find("applications", name) for name in names}
  settings = _settings(modules, given)
  if (pathlib.Path(workdir) / "parts.json").is_file():
    loop.sum_up(pathlib.Path(workdir))  # a training that was killed may not have
  found = runs.open_runs(workdir, checkpoint, data_dir, plugins)
  if member is not None:
    _refuse_comparisons(modules, every)
    modules = {k: m for k, m in modules.items() if not hasattr(m, "compare")}
    found = [_member(found, member)]
  key = jax.random.key(seed)
  bar = tqdm(modules.items(), unit="application", disable=not sys.stderr.isatty())
  for name, module in bar:
    bar.set_description(name)
    try:
      answer = _answer(module, found, key, settings[name])
    except UserError as error:
      if not every:
        raise
      print(f"{name}: left out. {error}")  # an image application on a table, and the like
      continue
    report.save(answer, workdir)
    bar.clear()
    print(f"{name}: {' '.join(answer.findings)}")
  path = report.render(workdir, command=shlex.join(["python", *sys.argv]))
  print(f"Open {path}")
  return str(path)


def _member(found: list[runs.Run], number: int) -> runs.Run:
  """The run of the member of this number in the whole sweep."""
  for run in found:
    if number in run.numbers:
      return runs.select(run, run.numbers.index(number))
  known = sorted(n for run in found for n in run.numbers)
  raise UserError(
    f"There is no member {number}: {found[0].workdir} has members {known[0]} to {known[-1]}."
  )


def _refuse_comparisons(modules: dict[str, ModuleType], every: bool) -> None:
  """A comparison of members is none of a member, and would take the place of the sweep's."""
  named = [name for name, module in modules.items() if hasattr(module, "compare")]
  if named and not every:
    raise UserError(f"{named[0]} compares members: run it without --member.")


def _answer(
  module: ModuleType, found: list[runs.Run], key: Array, settings: dict
) -> Report:
  """An application's report on all programs of a run directory.

  One that compares members sees them all. Another is asked for each program, without its
  dead members, and the answers are put together.
  """
  if hasattr(module, "compare"):
    varies = getattr(module, "VARIES", ())
    fixed = lambda run: {k: v for k, v in run.config["data"].items() if k not in varies}
    if any(fixed(run) != fixed(found[0]) for run in found):
      raise UserError(
        "The programs of this run differ in config.data, so that no comparison of their scores"
        " says anything: evaluate one of them with --member."
      )
    return module.compare(found, found[0].dataset, key, settings)
  dead = lambda run: all(end.startswith(runs.DEAD) for end in run.ended)
  living = [runs.alive(run) for run in found if not dead(run)]
  if not living:
    runs.alive(found[0])
  answers = [module.evaluate(run, run.dataset, key, settings) for run in living]
  return _members.together(found, living, answers)


def _settings(modules: dict[str, ModuleType], given: dict[str, str]) -> dict[str, dict]:
  """The settings of each application, checked here so that no `all` passes over a mistake."""
  known = {name for module in modules.values() for name in module.SETTINGS}
  for name in given:
    if name not in known:
      raise UserError(
        f"None of {', '.join(modules)} has a setting {name!r}.{registry.nearest(name, [*known])}"
      )

  values = {name: configuration.literal(text) for name, text in given.items()}
  return {
    application: _members.resolve(
      module.SETTINGS, {k: v for k, v in values.items() if k in module.SETTINGS}
    )
    for application, module in modules.items()
  }
