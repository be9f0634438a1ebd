"""What the documents show is true: the objective, links, file names, commands, numbers."""

import importlib.util
import pathlib
import re
import shlex
import sys
import tomllib

import jax
import jax.numpy as jnp
import numpy as np
import prose
import pytest
from helpers import ROOT, tiny

import vae_jax.objectives
from vae_jax import config, flags, registry
from vae_jax.cli import evaluate, train
from vae_jax.data import load
from vae_jax.evaluation import settings
from vae_jax.training import sweep
from vae_jax.vae import build

README = (ROOT / "README.md").read_text()
DOCS = ROOT / "docs"
COMMANDS = (DOCS / "commands.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
SIMPLE = (  # the pages that a newcomer reads
  "index", "install", "first_hour", "python", "reading_results", "choosing_a_likelihood",
  "troubleshooting", "commands", "slurm", "data_tables", "reproductions",
)  # fmt: skip
LONGEST = 35  # words of a sentence
LONG = {
  "applications/imputation": 1,
  "applications/inpainting": 2,
  "applications/noise_reduction": 4,
  "applications/super_resolution": 1,
  "benchmarks": 1,
}  # pages that still have longer ones, and how many; the list only becomes shorter


def test_the_objective_it_shows_works_as_one_new_file(tmp_path, monkeypatch):
  """The block is written as a file, found by its name, swept and differentiated."""
  code = next(
    b for b in re.findall(r"```python\n(.*?)```", COMMANDS, re.S) if "def loss" in b
  )
  (tmp_path / "rate_target.py").write_text(code)
  folders = [*vae_jax.objectives.__path__, str(tmp_path)]
  monkeypatch.setattr(vae_jax.objectives, "__path__", folders)
  swept = tiny(objective={"name": "rate_target"}, sweep={"target": [3.0, 5.0]})
  assert swept["hyper"]["target"] == 10.0
  assert len(sweep.parts(swept)) == 1
  vae = build(swept, load(swept["data"], None).spec)
  params = vae.init(jax.random.key(0))
  example = {"x": jnp.full((8, 8, 1), 0.3), "id": 0}
  loss = registry.find("objectives", "rate_target").loss
  terms = loss(vae, params, example, jax.random.key(1), {"weight": 2.0, "target": 3.0})
  expected = terms.distortion + 2.0 * (terms.rate - 3.0) ** 2
  np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)
  sys.modules.pop("vae_jax.objectives.rate_target")


def headings(page: pathlib.Path) -> set[str]:
  """The anchors of a page, as GitHub and MkDocs make them of its headings."""
  text = prose.FENCE.sub("", page.read_text())
  found = re.findall(r"^#+ (.*)$", text, re.M)
  plain = [re.sub(r"[^\w\- ]", "", prose.LINK.sub(r"\1", title).lower()) for title in found]
  return {title.strip().replace(" ", "-") for title in plain}


def targets(page: pathlib.Path) -> list[tuple[pathlib.Path, str]]:
  """The files of the checkout that a page links to, each with its anchor."""
  found = []
  for link in prose.links(page.read_text()):
    if not link.startswith("http"):
      name, _, anchor = link.partition("#")
      found.append(((page.parent / name).resolve() if name else page, anchor))
  return found


def test_no_link_of_the_documents_is_dead():
  for page in PAGES:
    for file, anchor in targets(page):
      assert file.exists(), f"{page.relative_to(ROOT)} links to {file}"
      if anchor:
        assert anchor in headings(file), f"{page.relative_to(ROOT)}: {file.name}#{anchor}"
      if page.is_relative_to(DOCS):  # of the site, which has nothing else
        assert file.is_relative_to(DOCS), f"{page.relative_to(ROOT)} links to {file}"
  for page in PAGES:
    for name in re.findall(r"configs/\w+\.py", page.read_text()):
      assert (ROOT / name).is_file() or name == "configs/x.py", f"{page.name}: {name}"


def test_every_picture_is_there_and_is_shown_on_the_site():
  for page in PAGES:
    text = prose.FENCE.sub("", page.read_text())
    assert "<img" not in text, f"{page.name}: MkDocs moves the addresses of ![](...) alone"
    for address in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text):
      assert (page.parent / address).is_file(), f"{page.name}: {address}"
  for path in (DOCS / "images" / "likelihoods").iterdir():
    assert path.stat().st_size < 60_000, path.name


def test_no_document_names_an_unfinished_thing():
  assert "TODO" not in README
  assert not re.search(r"\b[A-Z]+_(RESULTS|TABLE)\b", README)


@pytest.mark.parametrize(
  "kind",
  ["models", "likelihoods", "objectives", "priors", "posteriors", "applications"],
)
def test_everything_registered_has_a_page(kind):
  for name in registry.names(kind):
    assert (ROOT / "docs" / kind / f"{name}.md").is_file(), f"docs/{kind}/{name}.md"


def test_the_index_leads_to_every_page():
  """By its own links, with a line for each page; and README leads to the index."""
  named = {file for file, _ in targets(DOCS / "index.md")}
  pages = {*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")} - {DOCS / "index.md"}
  missing = sorted(str(page.relative_to(DOCS)) for page in pages - named)
  assert not missing, f"add a line to docs/index.md for {', '.join(missing)}"
  assert (DOCS / "index.md", "") in targets(ROOT / "README.md")
  for line in (DOCS / "index.md").read_text().splitlines():
    if line.startswith("- "):
      assert re.fullmatch(r"- \[.+\]\(.+\): .+\.", line), line


def test_the_site_has_the_index_as_its_navigation():
  where = importlib.util.spec_from_file_location("navigation", DOCS / "navigation.py")
  module = importlib.util.module_from_spec(where)
  where.loader.exec_module(module)
  nav = module.entries((DOCS / "index.md").read_text())
  shown = [
    page for part in nav[1:] for one in next(iter(part.values())) for page in one.values()
  ]
  assert {"index.md", *shown} == {str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md")}
  assert len(shown) == len(set(shown))


def long_sentences(page: pathlib.Path) -> list[str]:
  return [s for s in prose.sentences(page.read_text()) if prose.words(s) > LONGEST]


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{name}.md" for name in SIMPLE)])
def test_no_sentence_is_long(name):
  found = long_sentences(ROOT / name)
  assert not found, f"{name} has a sentence of {prose.words(found[0])} words: {found[0]}"


def test_long_sentences_become_fewer():
  pages = [path for path in DOCS.rglob("*.md") if path.name != "errors.md"]
  counts = {str(p.relative_to(DOCS))[:-3]: len(long_sentences(p)) for p in pages}
  more = {name: n for name, n in counts.items() if n > LONG.get(name, 0)}
  fewer = {name: counts[name] for name in LONG if counts[name] < LONG[name]}
  assert not more, f"pages with more sentences of over {LONGEST} words: {more}"
  assert not fewer, f"write the new numbers into LONG: {fewer}"


def test_sentences_are_found():
  """The counter itself: what ends a sentence, what is a sentence of its own, what is none."""
  page = (
    "# A title\n\nOne [two](x.md) `three four`. Five, e.g. six:\nseven.\n\n"
    "```bash\nnot. Counted.\n```\n\n| a | b c |\n|---|---|\n- d\n  e. F\n"
  )
  found = prose.sentences(page)
  expected = ["A title", "One two `three four`.", "Five, e.g. six: seven.", "a", "b c"]
  assert found == [*expected, "---", "---", "d e.", "F"]
  assert [prose.words(s) for s in found[:3]] == [2, 3, 4]


def test_choosing_has_a_row_for_every_likelihood():
  rows = re.findall(r"^\|.*\|$", (DOCS / "choosing_a_likelihood.md").read_text(), re.M)
  named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
  assert set(registry.names("likelihoods")) <= named


def test_the_page_of_installing_has_every_extra():
  project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
  table = (DOCS / "install.md").read_text().partition("## Extras")[2].partition("\n## ")[0]
  named = {n for row in re.findall(r"^\| (`.*?) \|", table, re.M) for n in row.split("`")}
  assert named - {"", ", "} == set(project["optional-dependencies"])


def test_troubleshooting_has_the_sentences_of_the_code():
  page = (DOCS / "troubleshooting.md").read_text()
  quoted = re.findall(r"^\*\*`(.*?)`\*\*$", page, re.M)
  known = prose.literals(ROOT / "vae_jax")
  gone = [one for one in quoted if not any(one in text for text in known)]
  assert len(quoted) > 30
  assert not gone, f"no message of the code holds {gone[0]!r}"


COMMAND = re.compile(r"\b(vae-jax|python) (train|evaluate)(?:\.py)? (.*)$")


def called(page: pathlib.Path) -> list[tuple[str, list[str]]]:
  """What a page calls: train or evaluate, and its words; those with shell variables left out."""
  found = []
  for line in prose.commands(page.read_text()):
    match = COMMAND.search(line)
    if match and "$" not in line and '\\"' not in line:
      words = shlex.split(match[3])
      found.append((match[2], words))
  return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_is_understood(page):
  """Its configuration is read with all overrides, and its settings are the application's."""
  for program, words in called(page):
    if program == "evaluate":
      known, rest = evaluate._parser(None).parse_known_args(words)
      assert not rest, rest
      names = known.application.split(",")
      names = registry.names("applications") if names == ["all"] else names
      modules = {name: registry.find("applications", name) for name in names}
      settings.of_each(modules, flags.assignments(known.set))
    else:
      known, rest = train._parser(None).parse_known_args(words)
      overrides = flags.overrides(rest)
      if known.plugins is None and overrides.get("objective.name") != "rate_target":
        config.load(known.config, overrides)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_block_says_its_language(page):
  """So that all commands, and nothing else, are run by `journeys/test_every_command.py`."""
  opened = re.findall(r"^ *```(\w*)$", page.read_text(), re.M)[::2]
  assert set(opened) <= {"bash", "python", "text"}


def test_commands_are_found():
  total = sum(len(called(page)) for page in PAGES)
  assert total > 90
  page = "```bash\na \\\n  b  # why\n```\n```python\nc\n```\n```\nd\n```\n"
  assert prose.commands(page) == ["a    b", "d"]


def test_speeds_of_the_front_page_are_those_of_the_benchmarks():
  section = (DOCS / "benchmarks.md").read_text().partition("### A sweep of 64 (mlp)")[2]
  section = section.partition("\n### ")[0]
  found = re.search(r"networks takes (\S+) s.*?PyTorch takes (\S+) s", README, re.S)
  ours, theirs = found.groups()
  included = dict(re.findall(r"^\| (.*?) \| [\d.]+ \| ([\d.]+) \|$", section, re.M))
  assert included["vae_jax, one sweep"] == ours
  assert min(float(v) for k, v in included.items() if "PyTorch" in k) == float(theirs)
