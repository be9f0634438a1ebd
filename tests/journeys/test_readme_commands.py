"""Commands of README, docs/commands.md and the pages of objectives are run as they stand.

Those that need a data set or a package index are left out.
"""

import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import prose
import pytest

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
SHORT = "--config.train.steps=20"  # so many steps in the place of the page's
LEFT_OUT = (
  "pip install",
  "make ",
  "vae-jax data ",
  "--data_dir=",
  "runs/mnist",
  "runs/faces",
)
LEFT_OUT = (*LEFT_OUT, "runs/betas")  # MNIST, pictures of faces, a package index
LIKELIHOODS = sorted((ROOT / "docs" / "likelihoods").glob("*.md"))
OBJECTIVES = [
  page
  for page in sorted((ROOT / "docs" / "objectives").glob("*.md"))
  if prose.commands(page.read_text())
]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(installed, tmp_path_factory) -> tuple[pathlib.Path, dict]:
  """A folder with the two programs, configurations, an array and README's objective."""
  folder = tmp_path_factory.mktemp("checkout")
  for name in ("train.py", "evaluate.py"):
    shutil.copy(ROOT / name, folder)
  shutil.copytree(ROOT / "configs", folder / "configs")
  x = np.random.default_rng(0).integers(0, 256, (200, 8, 8), dtype=np.uint8)
  np.savez(folder / "mine.npz", x=x)
  package = pathlib.Path(shutil.copytree(installed["PYTHONPATH"], folder / "site"))
  blocks = re.findall(r"```python\n(.*?)```", COMMANDS, re.S)
  (objective,) = [text for text in blocks if "def loss" in text]
  (package / "vae_jax/objectives/rate_target.py").write_text(objective)
  path = os.pathsep.join([str(package / "bin"), installed["PATH"]])
  return folder, {**installed, "PYTHONPATH": str(package), "PATH": path}


def follow(command: list[str], folder: pathlib.Path, environment: dict) -> str:
  done = subprocess.run(
    command, cwd=folder, env=environment, capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, f"{command}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
  return done.stdout


def test_the_commands_that_need_no_data_set_run(checkout):
  folder, environment = checkout
  run = [
    c for c in prose.commands(README + COMMANDS) if not any(part in c for part in LEFT_OUT)
  ]
  assert len(run) >= 8
  for command in run:
    trains = re.match(r"(vae-jax train|python train\.py) ", command)
    follow(
      ["bash", "-euc", f"{command} {SHORT}" if trains else command], folder, environment
    )
  for name in ("digits", "pages", "mine"):
    assert (folder / "runs" / name / "report.html").is_file()
  assert (folder / "runs/pages/sweep.html").is_file()
  assert len((folder / "latents.csv").read_text().splitlines()) == 21  # a tenth is test


@pytest.mark.parametrize("page", OBJECTIVES, ids=lambda p: p.stem)
def test_the_commands_of_objectives_run(page, checkout):
  folder, environment = checkout
  for command in prose.commands(page.read_text()):
    follow(["bash", "-euc", f"{command} {SHORT}"], folder, environment)


@pytest.mark.parametrize("page", LIKELIHOODS, ids=lambda p: p.stem)
def test_the_pictures_of_likelihoods_are_drawn(page, checkout):
  folder, environment = checkout
  shutil.copytree(ROOT / "docs", folder / "docs", dirs_exist_ok=True)
  for command in prose.commands(page.read_text()):
    said = follow(["bash", "-euc", f"{command} --steps=20"], folder, environment)
    assert (folder / f"docs/images/likelihoods/{page.stem}.png").is_file()
    assert "Drew" in said


def test_the_first_lines_of_python_run(checkout):
  folder, environment = checkout
  text = re.search(r"```python\n(.*?)```", README, re.S)[1]
  text = text.replace("seed=[0, 1, 2])", "seed=[0, 1, 2], steps=20)")
  text += "print(codes.shape, pictures.shape)"
  assert "(6, 250, 10) (64, 8, 8, 1)" in follow(["python", "-c", text], folder, environment)
