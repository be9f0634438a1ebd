"""Reports as files: `save` writes what an application found, `render` makes the pages."""

import pathlib

from vae_jax.report import page, sweep_page
from vae_jax.report.store import load, save

__all__ = ["load", "render", "save"]


def render(workdir: str | pathlib.Path, command: str) -> pathlib.Path:
  """Writes report.html, and sweep.html where a sweep was compared; returns the first's path.

  Args:
    workdir: the run directory.
    command: the command that made the reports, printed in the page.
  """
  sweep_page.write(workdir)
  return page.render(workdir, command)
