"""Every command of README and docs is run, page by page, in the order of the page.

bash reads the blocks itself, with its loops, variables and here-documents. The programs in them
only write down their words there, and are then called within this process, where JAX is imported.
What makes them short is added by `page_commands` and is on no page: two steps of training, two
values of each axis of a sweep, a dozen examples. `page_files` makes the files that a page names,
and an MNIST of scikit-learn's digits. Other data are those of VAE_JAX_DATA.

What asks for nothing that an earlier command does not (`page_commands.likenesses`) is run up to
the point where everything is read and checked: a training whose run no other command of the page
reads by `--plan`, an evaluation until it would ask the model. So each application is asked once,
and once for every file that it is given. `--application=all` is all on README, and two elsewhere.
"""

import pathlib
import re
import sys

import page_commands
import page_files
import pytest
from helpers import ROOT

import vae_jax.objectives
from vae_jax import data

ELSEWHERE = {  # pages that another test follows, with the wheel
  "docs/first_hour.md": "test_first_hour.py",
  "docs/slurm.md": "test_slurm.py",
}
NOT_RUN = {  # what a command begins with, or a flag of it -> why it is not run
  "pip": "needs a package index",
  "python3 -m venv": "makes the environment that pip installs into",
  "source": "of that environment",
  "make": "the suite itself",
  "mkdocs": "a server that does not end; test_site.py builds the pages",
  "pre-commit": "needs a network",
  "srun": "needs a cluster",
  "gcloud": "needs TPUs",
  "python train.py --distributed": "one of several machines; test_distributed.py has two",
  "python -m benchmarks": "measures for minutes; test_benchmarks.py runs its parts",
  "--workdir=runs/ladder/parts/005": "a sweep is cut to two programs here",
  "--topology=": "needs the compiler for TPUs; test_topology.py has it",
  "vae-jax data mnist emnist/letters": "needs a network",
}
pytestmark = pytest.mark.slow


def name(page: pathlib.Path) -> str:
  return str(page.relative_to(ROOT))


def reason(words: tuple[str, ...]) -> str:
  """Why a command is not run here, or nothing."""
  line = " ".join(words)
  fits = [part for part in NOT_RUN if _is_of(line, part)]
  return NOT_RUN[max(fits, key=len)] if fits else ""


def _is_of(line: str, part: str) -> bool:
  return f" {part}" in line if part.startswith("--") else line.startswith(part)


@pytest.fixture
def folder(request, tmp_path, monkeypatch) -> pathlib.Path:
  """A folder with the files that the page names; data are loaded in part."""
  page_files.make(request.param, tmp_path)
  monkeypatch.setattr(data, "load", page_files.small_load)
  folders = [*vae_jax.objectives.__path__, str(tmp_path / "objectives")]
  monkeypatch.setattr(vae_jax.objectives, "__path__", folders)
  yield tmp_path
  sys.modules.pop("vae_jax.objectives.rate_target", None)


@pytest.mark.filterwarnings("default")  # a model of two steps gives reasons to warn
@pytest.mark.parametrize(
  ("page", "folder"),
  [
    pytest.param(p, p, id=name(p))
    for p in page_commands.pages()
    if name(p) not in ELSEWHERE
  ],
  indirect=["folder"],
)
def test_the_commands_of_a_page_run(page, folder):
  every = page_commands.of_page(page, folder)
  for words in every:
    if reason(words):
      continue
    page_files.needed(words)
    page_commands.run(words, folder, _whole(page, words, every), page.name == "README.md")
  if page.name == "README.md":
    reports = {
      path.parent.name for path in folder.glob("runs/digits/reports/*/report.json")
    }
    assert set(page_commands.ON_DIGITS) <= reports


def _whole(
  page: pathlib.Path, words: tuple[str, ...], every: list[tuple[str, ...]]
) -> bool:
  """Whether a command asks for something new, or another command reads what it writes."""
  asked = page_commands.likenesses(words, every)
  if (page, words) in [page_commands.first()[one] for one in asked]:
    return True
  run = next((w.partition("=")[2] for w in words if w.startswith("--workdir=")), "")
  if page_commands.kind(words) == "train":
    goes_on = f"--config.two_stage.run={run}"
    reads = lambda w: page_commands.kind(w) != "train" and run in " ".join(w)
    return any(goes_on in w or reads(w) for w in every)
  return any(f"{run}/reports" in " ".join(w) for w in every[every.index(words) + 1 :])


def test_the_first_lines_of_python_run(tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  text = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
  text = text.replace("seed=[0, 1, 2])", "seed=[0, 1, 2], steps=2)")
  exec(text + "print(codes.shape, pictures.shape)", {})
  assert "(6, 250, 10) (64, 8, 8, 1)" in capsys.readouterr().out


def test_what_is_not_run_is_there(tmp_path):
  """Every reason is of a command that some page has, and no page is left out by mistake."""
  pages = {name(page) for page in page_commands.pages()}
  assert set(ELSEWHERE) <= pages
  assert len(pages) > 50
  lines = [
    " ".join(w) for p in page_commands.pages() for w in page_commands.of_page(p, tmp_path)
  ]
  unused = [part for part in NOT_RUN if not any(_is_of(line, part) for line in lines)]
  assert not unused
