"""Where an evaluation writes, tried before it computes: the run directory, or another folder."""

import pathlib
import shutil

from vae_jax import files
from vae_jax.report import store
from vae_jax.training import summary
from vae_jax.training.workdir import named
from vae_jax.types import UserError

COPIED = ("config.json", "members.json")  # what a page needs beside the reports


def checked(workdir: str, out: str | None) -> pathlib.Path:
  """The folder that reports, figures and pages go to.

  Args:
    workdir: the run directory.
    out: another folder, for a run that is only to be read; None: the run directory.

  Raises:
    UserError: it cannot be written, is itself a run or holds the reports of another one, or a
      report that is there is damaged.
  """
  folder = named(workdir)
  if out is not None and not out.strip():
    raise UserError("--out is empty: name the folder that the reports go to.")
  target = folder if out is None else pathlib.Path(out)
  if not folder.is_dir():
    return target  # whoever opens the run says so
  own = target.resolve() == folder.resolve()
  if not own and ((target / "checkpoints").exists() or (target / "parts.json").exists()):
    raise UserError(
      f"--out is {target}, which is a run directory itself: name another folder."
    )
  try:
    files.check_writable(target)
    for name in ("reports", "figures"):
      if files.inside(target, name).exists():
        files.check_writable(target / name)
  except OSError as error:
    mend = "name a folder that can" if out is not None else "name another folder with --out"
    raise UserError(
      f"The reports cannot be written to {target} ({error.strerror}): {mend}."
    ) from error
  if not own:
    _refuse_another(folder, target)
  store.load(target)  # a damaged report would stop the page when all is computed
  return target


def described(workdir: str, target: pathlib.Path) -> None:
  """Puts beside the reports what their page says of the run; sums up a run of several parts.

  Raises:
    UserError: a file of the run directory is damaged.
  """
  folder = pathlib.Path(workdir)
  parts = (folder / "parts.json").is_file()
  if parts:
    summary.sum_up(folder, target)  # a training that was killed may not have
  if target.resolve() == folder.resolve():
    return
  for name in (*COPIED, *(() if parts else ("run.json", "metrics.jsonl"))):
    if (folder / name).is_file():
      files.write_whole(target / name, lambda to, name=name: shutil.copy(folder / name, to))


def _refuse_another(folder: pathlib.Path, target: pathlib.Path) -> None:
  for name in COPIED:
    here, there = folder / name, target / name
    if there.is_file() and here.is_file() and here.read_bytes() != there.read_bytes():
      raise UserError(
        f"--out is {target}, which has the reports of another run ({name} differs): name"
        " another folder."
      )
