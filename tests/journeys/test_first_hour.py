"""The documents are followed to the letter, in an empty folder with the built wheel."""

import pathlib
import re
import subprocess
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first_hour.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M))
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.S)
LEFT = {  # what each journey leaves behind
  "Pictures of your own": ("runs/pictures/report.html", "latents.csv"),
  "A table with holes": (
    "runs/houses/reports/imputation/completed.csv",
    "runs/houses_again",
  ),
  "An objective of your own, swept": ("runs/soft/sweep.html", "runs/soft/report.html"),
  "The pure functions, in a loop of your own": (),
}
pytestmark = pytest.mark.slow


def follow(section: str, folder: pathlib.Path, environment: dict) -> list[str]:
  """Runs every block of a section in a folder; what each printed."""
  said = []
  for language, text in BLOCK.findall(section):
    command = ["bash", "-euc", text] if language == "bash" else ["python", "-c", text]
    done = subprocess.run(
      command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
    said.append(done.stdout)
  return said


def test_every_section_is_a_journey():
  assert set(SECTIONS) == set(LEFT)


@pytest.mark.parametrize("name", LEFT)
def test_a_journey_arrives(name, installed, tmp_path):
  said = follow(SECTIONS[name], tmp_path, installed)
  assert len(said) >= 1
  for file in LEFT[name]:
    assert (tmp_path / file).exists(), file
  if name == "A table with holes":
    given = (tmp_path / "houses.csv").read_text().splitlines()
    done = (tmp_path / LEFT[name][0]).read_text().splitlines()
    assert done[0] == given[0]
    for old, new in zip(given, done, strict=True):
      for a, b in zip(old.split(","), new.split(","), strict=True):
        assert b == a or (not a and b)  # letter by letter, and no gap is left
    assert all("." not in line.split(",")[0] for line in done[1:])  # integers
  if name.startswith("An objective"):
    assert "(4, 250, 10)" in said[-1]
  if name.startswith("The pure"):
    assert float(re.search(r"loss (\S+) nats", said[-1])[1]) < 200  # about 210 at the start


def test_the_wheel_carries_what_it_needs(wheel):
  inside = zipfile.ZipFile(wheel).namelist()
  for name in ("vae_jax/py.typed", "vae_jax/configs/mnist.py", "vae_jax/report/page.js"):
    assert name in inside
  packages = {str(p.relative_to(ROOT)) for p in (ROOT / "vae_jax").rglob("*.py")}
  assert packages <= set(inside)
  assert not [
    name for name in inside if name.startswith(("tests/", "configs/", "benchmarks/"))
  ]


def test_the_notebook_runs_and_its_outputs_are_kept(installed, tmp_path):
  import nbformat
  from nbclient import NotebookClient

  notebook = nbformat.read(ROOT / "docs" / "quickstart.ipynb", as_version=4)
  code = [cell for cell in notebook.cells if cell.cell_type == "code"]
  assert all(cell.execution_count for cell in code)
  assert sum(bool(cell.outputs) for cell in code) >= 5
  client = NotebookClient(
    notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
  )
  client.execute(env=installed, cwd=str(tmp_path))  # an error in a cell is raised here
  assert (tmp_path / "runs" / "quickstart" / "report.html").is_file()
