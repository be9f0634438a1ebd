"""Reports as files: `save` writes what an application found, `render` makes the pages."""

import pathlib

from vae_jax.report import atlas_page, page, sweep_page
from vae_jax.report.store import load, save

__all__ = ["load", "render", "save"]


def render(workdir: str | pathlib.Path, command: str) -> pathlib.Path:
  """Writes report.html, sweep.html where a sweep was compared, atlas.html where β was swept.

  Args:
    workdir: the run directory.
    command: the command that made the reports, printed in the page.

  Returns:
    The path of report.html.
  """
  workdir = pathlib.Path(workdir)
  atlas = atlas_page.context(workdir)
  sweep = sweep_page.write(workdir, atlas)
  atlas_page.write(workdir, atlas, sweep is not None)
  return page.render(workdir, command)
