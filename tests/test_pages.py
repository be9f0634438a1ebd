"""Tables of pages are those of the stored reports, and the list of typed tables only shrinks."""

import json
import re

import prose
import pytest
from helpers import ROOT

from vae_jax import registry
from vae_jax.report import literature, pages, stored
from vae_jax.types import UserError

DOCS = ROOT / "docs"
TYPED: dict[str, int] = {}


def test_pages_are_as_their_stored_reports_have_them():
  for page in pages.pages(DOCS):
    assert pages.written(page, DOCS) == page.read_text("utf-8"), (
      f"{page.relative_to(ROOT)} differs: run python -m vae_jax.report.pages"
    )


def tables_of_numbers(text: str) -> int:
  """How many tables of a page hold measured numbers and are not written by the command."""
  text = pages.BLOCK.sub("", prose.FENCE.sub("", text))
  text = re.sub(r"<!-- measured.*?<!-- end of measured -->", "", text, flags=re.S)
  found = re.findall(r"(?:^\|.*\|$\n?)+", text, re.M)
  cells = lambda table: [c for row in table.splitlines()[2:] for c in row.split("|")[2:]]
  number = re.compile(r"[*\s]*[+−-]?\d+([.,]\d|[^|]{0,4}±)")
  measured = lambda table: any(number.match(cell) for cell in cells(table))
  settings = lambda table: re.match(r"\|.*\b(default|meaning|what it)\b", table)
  return sum(measured(table) and not settings(table) for table in found)


def test_typed_tables_become_fewer():
  found = {
    str(page.relative_to(ROOT)): tables_of_numbers(page.read_text("utf-8"))
    for page in pages.pages(DOCS)
  }
  found = {name: count for name, count in found.items() if count}
  assert found == TYPED, (
    "a typed table is new: store its report; or is gone: shrink the list"
  )


def test_every_stored_report_is_shown_and_small():
  text = "".join(page.read_text("utf-8") for page in pages.pages(DOCS))
  text += (DOCS / "results/literature.json").read_text("utf-8")
  text += "results/literature.json"
  for path in (DOCS / "results").glob("*.json"):
    assert f"results/{path.name}" in text, path.name
    assert path.stat().st_size < 40_000, path.name


REPORT = {
  "application": "shown", "question": "?", "headline": {}, "verdicts": [],
  "findings": ["One."], "seconds": 1.5, "metrics": {}, "nans": 0, "figures": [],
  "sounds": [],
  "tables": [
    {"title": "Scores", "columns": ["β", "method", "MSE, dB", "± MSE, dB", "seconds"],
     "note": "", "marks": [[1, 2]],
     "rows": [[1.0, "a|b", 12.345678912, 0.5, 3.0], [4.0, "PCA", 2.0, 0.25, 1.0]]},
    {"title": "Every member", "columns": ["member"], "note": "", "marks": [],
     "rows": [[0]]},
  ],
}  # fmt: skip


@pytest.fixture
def docs(tmp_path):
  """A folder of pages with one stored report, made from a run directory."""
  run = tmp_path / "run"
  (run / "reports/shown").mkdir(parents=True)
  (run / "reports/shown/report.json").write_text(json.dumps(REPORT))
  (run / "run.json").write_text(json.dumps({"seconds": 7.0, "device": "1 cpu"}))
  docs = tmp_path / "docs"
  (docs / "results").mkdir(parents=True)
  pages.main(["--docs", str(docs), "--store", str(run), "one"])
  return docs


def test_a_stored_report_is_the_report_without_its_members(docs):
  found = stored.load(docs / "results/one.json")
  assert [table["title"] for table in found["tables"]] == ["Scores"]
  assert found["tables"][0]["rows"][0] == [1.0, "a|b", 12.34568, 0.5, 3.0]
  assert found["training_seconds"] == 7.0
  with pytest.raises(UserError, match=r"reports shown.*--application"):
    stored.store(docs.parent / "run", "other", docs / "x.json")


def test_a_table_a_value_and_a_check(docs, capsys):
  page = docs / "page.md"
  marker = '<!-- table: results/one.json "Scores" columns="method|MSE" rows="β=1,4" -->'
  value = '<!-- value: results/one.json "Scores" columns="MSE" rows="method=PCA" -->'
  page.write_text(f"{marker}\nold\n<!-- end -->\nIt is {value}9<!-- end --> dB.\n")
  with pytest.raises(SystemExit) as end:
    pages.main(["--docs", str(docs), "--check"])
  assert end.value.code == 1
  with pytest.raises(SystemExit) as end:
    pages.main(["--docs", str(docs)])
  assert end.value.code == 0
  lines = page.read_text().splitlines()
  assert lines[1:5] == [
    "| method | MSE, dB |",
    "| --- | ---: |",
    "| a∣b | 12.35 ± 0.50 |",
    "| PCA | **2.00 ± 0.25** |",
  ]
  assert lines[6] == "Stored report: [one.json](results/one.json)."
  assert lines[-1] == f"It is {value}2.00 ± 0.25<!-- end --> dB."
  with pytest.raises(SystemExit) as end:
    pages.main(["--docs", str(docs), "--check"])
  assert end.value.code == 0
  capsys.readouterr()


@pytest.mark.parametrize(
  ("words", "said"),
  [
    ("results/none.json T", "There is no stored report"),
    ("results/one.json T", "has no table 'T': Scores"),
    ('results/one.json Scores columns="PSNR"', "no column 'PSNR'"),
    ('results/one.json Scores rows="method=x"', "has no row"),
    ("results/one.json Scores shape=3", "is not of the form"),
  ],
)
def test_a_wrong_marker_is_told(words, said, docs):
  with pytest.raises(UserError, match=said):
    pages.chosen(docs, pages.asked(words))


def test_the_literature_has_a_difference_or_a_dash(docs):
  entries = [
    {"paper": "P", "where": "T1", "protocol": "K=5", "quantity": "NLL", "theirs": "10.0",
     "config": "configs/x.py", "digits": 2,
     "ours": {"file": "results/one.json", "table": "Scores", "column": "MSE, dB",
              "row": {"method": "PCA"}}},
    {"paper": "Q", "where": "T2", "protocol": "", "quantity": "NLL", "theirs": "3.0 ± 1",
     "config": "configs/y.py", "hours": 12},
  ]  # fmt: skip
  (docs / "results/list.json").write_text(json.dumps(entries))
  lines = literature.table(docs, "results/list.json").splitlines()
  assert (
    lines[2] == "| P | T1 | K=5 | NLL | 10.0 | 2.00 ± 0.25 | −8.00 | 1 | `configs/x.py` |"
  )
  assert (
    lines[3] == "| Q | T2 |  | NLL | 3.0 ± 1 | – | – | – | `configs/y.py`, about 12 h |"
  )
  entries[0]["ours"]["row"] = {"method": "x"}
  (docs / "results/list.json").write_text(json.dumps(entries))
  with pytest.raises(UserError, match="0 rows"):
    literature.table(docs, "results/list.json")


@pytest.mark.parametrize("kind", [*registry.PLUGGED])
def test_every_kind_of_the_registry_is_in_the_reference(kind):
  text = "".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))
  assert kind == "applications" or f"::: vae_jax.{kind}\n" in text
