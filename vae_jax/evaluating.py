"""What evaluate.py does: applications over a run, their reports, one page."""

import shlex
import sys
from types import ModuleType

import jax
from tqdm import tqdm

from vae_jax import config as configuration
from vae_jax import registry, report
from vae_jax import run as runs
from vae_jax.applications import _members
from vae_jax.types import UserError


def evaluate(
  workdir: str,
  names: list[str],
  given: dict[str, str],
  checkpoint: str = "best",
  member: int | None = None,
  data_dir: str | None = None,
  seed: int = 0,
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

  Returns:
    The path of the report.

  Raises:
    UserError: anything the caller can mend, told before minutes of compute are spent.
  """
  every = names == ["all"]
  names = registry.names("applications") if every else names
  modules = {name: registry.find("applications", name) for name in names}
  settings = _settings(modules, given)
  run = runs.open_run(workdir, checkpoint, data_dir)
  run = run if member is None else runs.select(run, member)
  key = jax.random.key(seed)
  bar = tqdm(modules.items(), unit="application", disable=not sys.stderr.isatty())
  for name, module in bar:
    bar.set_description(name)
    try:
      answer = module.evaluate(run, run.dataset, key, settings[name])
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
