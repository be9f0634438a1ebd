"""What evaluate.py does: applications over a run, their reports, one page."""

import pathlib
import shlex
import sys

import jax
from tqdm import tqdm

from vae_jax import files, frames, registry, report
from vae_jax import run as runs
from vae_jax.evaluation import protocol, reporting, settings
from vae_jax.evaluation.protocol import Application
from vae_jax.report import destination
from vae_jax.training import logging, processes
from vae_jax.types import Report, UserError

ALARMS = (  # of sentences that are never left out
  "COLLAPSED", "NaN", "in no average", "still improving", "had not arrived", "try next"
)  # fmt: skip


def evaluate(
  workdir: str,
  names: list[str],
  given: dict[str, str],
  checkpoint: str = "best",
  member: int | None = None,
  data_dir: str | None = None,
  seed: int = 0,
  plugins: str | None = None,
  verbose: bool = False,
  out: str | None = None,
  called: str | None = None,
  export: str | None = None,
) -> str:
  """Runs applications on a run directory and renders its report.

  Of several processes each asks its share of the models, and the first writes and prints.

  Args:
    workdir: of a training, finished or not.
    names: of applications, or ["all"].
    given: settings as written on the command line; each must belong to one of them.
    checkpoint: "best" or "latest".
    member: only this one; None: all.
    data_dir: where the data is now, if it is not where it was at training.
    seed: of the evaluation's own noise.
    plugins: a folder of files of one's own; None: the one that the run was trained with.
    verbose: prints the sentences of the report, and why an application was left out.
    out: the folder the report goes to, when not into the run directory.
    called: the command or call that the page names; None: this process's command line.
    export: a .csv that the codes of the scored split go to, where one is wanted.

  Returns:
    The path of the report, "" in a process that writes none.

  Raises:
    UserError: anything the caller can mend, told before minutes of compute are spent.
  """
  runs.plug(workdir, plugins)
  every = names == ["all"]
  names = registry.names("applications") if every else names
  modules = {name: registry.find("applications", name) for name in names}
  chosen = settings.of_each(modules, given)
  applications = [protocol.read(name, module) for name, module in modules.items()]
  target = _target(workdir, out)
  found = runs.open_runs(workdir, checkpoint, data_dir, plugins)
  if target is not None:
    destination.described(workdir, target)
  if member is not None:
    applications = _of_a_member(applications, every)
    found = [_member(found, member)]
  with jax.default_matmul_precision("float32"):  # likelihoods and weights are always exact
    if export is not None:
      _export(found, export, given.get("split", "test"), target is not None)
    left_out = _each(applications, found, target, chosen, seed, every, verbose)
  processes.meet()
  if target is None:
    return ""
  _tell_left_out(left_out, verbose)
  return _page(target, called or shlex.join(["python", *sys.argv]))


def _target(workdir: str, out: str | None) -> pathlib.Path | None:
  """Where the reports go, in the process that writes them; None in the others."""
  main = jax.process_index() == 0
  target = destination.checked(workdir, out) if main else None
  processes.meet()  # where the first refuses the folder, the others have not begun
  return target


def _page(target: pathlib.Path, called: str) -> str:
  """Renders the page and says where it is."""
  path = report.render(target, command=called)
  if (target / "atlas.html").is_file():
    print(f"Which β for what: {target / 'atlas.html'}")
  print(f"Open {path}")
  return str(path)


def _export(found: list[runs.Run], path: str, split: str, main: bool) -> None:
  """Writes the codes of a split, `frames.latents`, as a csv file, where this process is to.

  Raises:
    UserError: the name is of no csv, or its folder is not there.
  """
  target = pathlib.Path(path)
  if target.suffix != ".csv" or not target.parent.is_dir():
    raise UserError(
      f"--export={path}: expected the name of a .csv in a folder that is there."
    )
  codes = frames.latents(found, split)
  if not main:
    return
  files.write_whole(target, lambda to: codes.to_csv(to, index=False))
  print(f"The codes of {split}, {len(codes):,} rows, are in {path}.")


def _each(
  applications: list[Application],
  found: list[runs.Run],
  target: pathlib.Path | None,
  chosen: dict[str, dict],
  seed: int,
  every: bool,
  verbose: bool,
) -> dict[str, str]:
  """Asks, saves and tells one after the other; what does not fit the data, and why.

  Without a `target` it asks alone.
  """
  left_out: dict[str, str] = {}
  key, bar = jax.random.key(seed), _bar(len(applications), target is None)
  for application in applications:
    say = lambda text, name=application.name: bar.set_description(f"{name}: {text}")
    try:
      answer = reporting.report(application, found, key, chosen[application.name], say)
    except UserError as error:
      if not every:
        bar.close()
        raise
      left_out[application.name] = str(
        error
      )  # an image application on a table, and the like
      bar.update()
      continue
    bar.update()
    if target is not None:
      report.save(answer, target)
      _show_in_tensorboard(answer, target)
      bar.clear()
      _tell(answer, verbose)
  bar.close()
  return left_out


def _show_in_tensorboard(answer: Report, target: pathlib.Path) -> None:
  """The pictures of a report beside the curves of the training."""
  name = answer.application
  of_figure = lambda figure: target / "figures" / f"{name}_{figure.name}.png"
  pictures = {f"{name}/{figure.name}": of_figure(figure) for figure in answer.figures}
  logging.show_pictures(target, pictures)


def _bar(total: int, silent: bool) -> tqdm:
  form = "{desc} |{bar}| {n}/{total} applications, {elapsed}, {remaining} left"
  silent = silent or not sys.stderr.isatty()
  return tqdm(total=total, disable=silent, bar_format=form, leave=False)


def _tell(answer: Report, verbose: bool) -> None:
  print("\n".join(answer.block))
  alarms = [s for s in answer.findings if any(word in s for word in ALARMS)]
  for sentence in answer.findings if verbose else alarms:
    print(f"  {sentence}")
  print(flush=True)


def _tell_left_out(left_out: dict[str, str], verbose: bool) -> None:
  if left_out and not verbose:
    print(f"Not for this data: {', '.join(left_out)} (--verbose says why).")
  for name, why in left_out.items() if verbose else ():
    print(f"{name}: left out. {why}")


def _member(found: list[runs.Run], number: int) -> runs.Run:
  """The run of the member of this number in the whole sweep."""
  for run in found:
    if number in run.numbers:
      return runs.select(run, run.numbers.index(number))
  known = sorted(n for run in found for n in run.numbers)
  raise UserError(
    f"There is no member {number}: {found[0].workdir} has members {known[0]} to {known[-1]}."
  )


def _of_a_member(applications: list[Application], every: bool) -> list[Application]:
  """Those that say something of one member: a comparison would replace the sweep's own."""
  compares = lambda module: bool(getattr(module, "COMPARES_MEMBERS", False))
  kept = [one for one in applications if not compares(one.module)]
  if len(kept) < len(applications) and not every:
    name = next(one.name for one in applications if compares(one.module))
    raise UserError(f"{name} compares members: run it without --member.")
  return kept
