"""The page of all error messages has a place for each of them."""

import importlib.util

import prose
import pytest
from helpers import ROOT

where = importlib.util.spec_from_file_location("errors", ROOT / "docs" / "errors.py")
errors = importlib.util.module_from_spec(where)
where.loader.exec_module(errors)


def test_every_message_has_a_group():
  text = errors.written()  # a file without a group is a StopIteration
  assert text.count("\n- `") > 600
  for title, _, _ in errors.GROUPS:
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert section.count("\n- `") > 3, title


@pytest.mark.parametrize(
  ("name", "title", "part"),
  [
    ("training/sweep", "Sweeps", "training/sweep"),
    ("training/lock", "The run directory and training", "training/lock"),
    ("applications/anomaly/points", "Applications", "applications/anomaly"),
    ("applications/_recommendation", "Applications", "applications/recommendation"),
    ("data/__init__", "Data", "data"),
  ],
)
def test_files_are_grouped(name, title, part):
  assert (errors.group(name), errors.part(name)) == (title, part)


def test_texts_are_found_with_dots_for_values(tmp_path):
  path = tmp_path / "file.py"
  path.write_text('raise UserError(f"x is {x};" + " give one" f" of {y}.")\nUserError(a)\n')
  assert errors.raised(path) == ["x is …; give one of …."]


def test_links_to_pages_are_there():
  for link in prose.links(errors.written()):
    assert (ROOT / "docs" / link.partition("#")[0]).is_file(), link


@pytest.mark.slow
def test_the_page_is_as_the_sources_are():
  found = (ROOT / "docs" / "errors.md").read_text("utf-8")
  assert found == errors.written(), "run python docs/errors.py"
