"""The wheel, built from this checkout and unpacked into a folder of its own."""

import os
import pathlib
import subprocess
import sys

import helpers
import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel() -> pathlib.Path:
  """The wheel's file; building it in isolation needs a package index.

  Two workers that build in one checkout at once disturb one another.
  """
  (found,) = helpers.once("wheel", _build).glob("*.whl")
  return found


def _build(folder: pathlib.Path) -> None:
  # By way of the source archive, so that nothing left over in the checkout gets into it.
  command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory) -> dict[str, str]:
  """The environment of a user who installed the wheel: its package and its command alone."""
  site = tmp_path_factory.mktemp("site")
  command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(site)]
  subprocess.run([*command, str(wheel)], check=True, capture_output=True)
  path = os.pathsep.join([str(site / "bin"), str(pathlib.Path(sys.executable).parent)])
  return {
    **os.environ,
    "PYTHONPATH": str(site),
    "PATH": path + os.pathsep + os.environ["PATH"],
    "PYTHONSAFEPATH": "1",
  }
