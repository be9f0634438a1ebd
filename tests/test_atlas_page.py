"""The pages, files and sentences of the β atlas: whole, safe, and refused where foreign."""

import csv
import html.parser
import re

import numpy as np
import pytest
import test_sweep_report as sweep_page
from atlases import BETAS, NOISE, level, members, saved, started
from browsing import browsed, needs_browser

from vae_jax import report
from vae_jax.report import atlas_page, pages, stored, tables
from vae_jax.types import Report, UserError

LOOK = """setInterval(() => {
  const marked = document.querySelectorAll(".cell.now, .beta.now");
  tell([...marked].map((cell) => cell.dataset.beta).join(" "));
}, 50)"""
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def folder(tmp_path):
  started(tmp_path, members())
  return tmp_path


class Tags(html.parser.HTMLParser):
  """Checks that tags nest, and collects where links lead."""

  def __init__(self):
    super().__init__()
    self.open, self.links, self.cells = [], [], []

  def handle_starttag(self, tag, attrs):
    attrs = dict(attrs)
    self.links += [v for k, v in attrs.items() if k in ("src", "href")]
    if tag == "td" and "cell" in attrs.get("class", ""):
      self.cells.append((attrs["class"].split()[1], attrs.get("style", "")))
    if tag not in ("meta", "link", "br", "input"):
      self.open.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(folder):
  saved(folder, level(20.0, 18.0, 16.0, 12.0), name="x")
  scores = level(np.nan, 18.0, 16.0, 12.0) | {(0.5, EVIL): 30 + NOISE}
  saved(folder, scores, name="y", baseline=None, findings=[f"{EVIL} in no average"])
  report.save(Report("z", "?", [], [], [], {}), folder)
  report.render(folder, "x")
  text = (folder / "atlas.html").read_text()
  tags = Tags()
  tags.feed(text)
  assert tags.open == []
  assert "<script" not in text
  known = ("report.html", "data:")
  assert all(link.startswith(known) for link in tags.links)  # there is no sweep.html
  assert tags.cells[:4] == [
    ("best", "--s:100"), ("far", "--s:75"), ("far", "--s:50"), ("far", "--s:0")
  ]  # fmt: skip
  assert tags.cells[4] == ("nan", "")
  assert "Not in the atlas: z." in text
  assert 'href="atlas.html"' in (folder / "report.html").read_text()


def test_rows_without_a_scale_or_a_verdict_are_words(folder):
  saved(folder, level(20.0, 20.0, 20.0, 20.0), name="x", valid={(4.0, "MAP"): 21.0})
  saved(folder, level(np.nan, 18.0, 16.0, 12.0), name="y", valid={(0.25, "MAP"): 99.0})
  tie, lost = atlas_page.context(folder)["heat"]["rows"]
  assert [cell["text"] for cell in tie["cells"]] == ["="] * 4
  assert (tie["ends"], tie["baseline"]["text"]) == ("all the same", "10.00")
  assert (lost["verdict"], lost["gain"]) == ("NaN", "")
  assert lost["cells"][0]["text"] == "NaN"
  report.render(folder, "x")
  assert "Estimate(" not in (folder / "atlas.html").read_text()


def test_csv_and_latex_hold_the_table(folder):
  saved(folder, level(20.0, 18.0, 16.0, 12.0))
  report.render(folder, "x")
  with (folder / "atlas.csv").open(encoding="utf-8") as file:
    (line,) = csv.DictReader(file)
  assert [float(line[f"β {b:g}"]) for b in BETAS] == pytest.approx([100, 75, 50, 0])
  assert (line["best β"], line["verdict"]) == ("0.25", "better")
  assert float(line["over β = 1"]) == pytest.approx(4)
  latex = (folder / "atlas.tex").read_text()
  assert r"{\boldmath$100.0 \pm" in latex
  assert r"\toprule" in latex
  with (folder / "atlas_cells.csv").open(encoding="utf-8") as file:
    cells = list(csv.DictReader(file))
  assert [float(cell["mean"]) for cell in cells] == pytest.approx([20, 18, 16, 12])


def test_as_markdown_on_the_command_line(folder, capsys):
  saved(folder, level(20.0, 18.0, 16.0, 12.0))
  tables.main([str(folder)])
  head, rule, line, blank, said, *_ = capsys.readouterr().out.splitlines()
  assert head.startswith("| application | 0.25 | 0.5 | 1 | 4 | baseline |")
  assert rule == "|" + " --- |" * 9
  assert line == (
    "| noise reduction, 25 %: PSNR, dB | **100** | 75 | 50 | 0 | −25 | +4.00 ± 0.00 | < 0.001"
    " | 12.00 and 20.00 |"
  )
  assert blank == ""
  assert said.startswith("- Noise reduction, 25 %: take β = 0.25.")
  with pytest.raises(SystemExit):
    tables.main([str(folder / "reports")])
  assert "evaluate a sweep over β" in capsys.readouterr().err


def test_it_is_rendered_again_to_the_same_bytes(folder):
  saved(folder, level(20.0, 18.0, 16.0, 12.0))
  report.render(folder, "x")
  first = [(folder / name).read_bytes() for name in atlas_page.FILES]
  report.render(folder, "x")
  assert [(folder / name).read_bytes() for name in atlas_page.FILES] == first


def test_a_page_of_the_documentation_has_a_stored_atlas_as_it_was_printed(folder, tmp_path):
  saved(folder, level(20.0, 18.0, 16.0, 12.0))
  docs = tmp_path / "docs"
  (docs / "results").mkdir(parents=True)
  store = ["--docs", str(docs), "--store", str(folder), "made", "--application=atlas"]
  pages.main(store)
  page = docs / "page.md"
  page.write_text("<!-- atlas: results/made.json -->\nold\n<!-- end -->\n")
  shown = pages.written(page, docs)
  context = atlas_page.context(folder)
  assert context["markdown"] in shown
  (table,) = stored.load(docs / "results/made.json")["tables"]
  assert tuple(table["columns"]) == context["wide"].columns
  (folder / "reports").rename(folder / "others")
  with pytest.raises(SystemExit):
    pages.main(store)


def test_one_beta_gets_no_atlas_and_no_word(tmp_path):
  rows = members(betas=(1.0,))
  started(tmp_path, rows)
  saved(tmp_path, {(1.0, "MAP"): 20 + NOISE, (1.0, "decode"): 19 + NOISE}, rows=rows)
  for name in atlas_page.FILES:
    (tmp_path / name).write_text("of an earlier evaluation")
  report.render(tmp_path, "x")
  assert not any((tmp_path / name).exists() for name in atlas_page.FILES)
  assert "atlas" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
  ("name", "old", "new"),
  [
    ("choice.csv", "25 %,psnr", "25 %,ssim"),
    ("choice.csv", "0 1 2 3 4", "0 1 2 3 four"),
    ("choice.csv", "10 11 12 13 14", "10 11 12 13 99"),
    ("choice.csv", "beta,", "gamma,"),
    ("choice.csv", "members", "member"),
    ("scores.csv", "mean", "means"),
    ("scores.csv", "25 %", "26 %"),
    ("report.json", '"title": "PSNR"', '"title": "SSIM"'),
  ],
)
def test_files_of_another_run_are_one_sentence_or_no_atlas(folder, name, old, new):
  saved(folder, level(20.0, 18.0, 16.0, 12.0))
  path = folder / "reports/noise_reduction" / name
  assert old in path.read_text()
  path.write_text(path.read_text().replace(old, new))
  if new == "gamma,":  # a run without β
    assert atlas_page.context(folder) is None
    return
  with pytest.raises(UserError, match=r"damaged or not of this run|is damaged"):
    atlas_page.context(folder)


def test_a_link_out_of_the_run_directory_is_refused(folder, tmp_path_factory):
  saved(folder, level(20.0, 18.0, 16.0, 12.0))
  path = folder / "reports/noise_reduction/choice.csv"
  other = tmp_path_factory.mktemp("other") / "choice.csv"
  other.write_bytes(path.read_bytes())
  path.unlink()
  path.symlink_to(other)
  with pytest.raises(UserError, match="leads out"):
    atlas_page.context(folder)


def test_text_on_every_colour_of_a_cell_can_be_read():
  """4.5 to 1 of ink on the mix of 0 to 100 %, in both schemes."""
  from drawings import contrast

  style = (atlas_page.HERE / "style.css").read_text()
  heat = (atlas_page.HERE / "atlas.css").read_text()
  share = float(re.search(r"var\(--s, 0\) \* ([\d.]+)%", heat).group(1))
  color = lambda text, name: [
    int(re.findall(rf"--{name}: #(\w+)", text)[scheme][i : i + 2], 16) / 255
    for i in (0, 2, 4)
  ]
  for scheme in (0, 1):  # noqa: B007
    ink, raised, top = (
      np.array(color(text, name))
      for text, name in ((style, "ink"), (style, "raised"), (heat, "heat"))
    )
    for part in (0, 25, 50, 75, 100):
      mixed = raised + (top - raised) * part * share / 100
      assert contrast(ink, mixed) > 4.5


def swept(folder):
  """A run directory with a sweep's page and, on its members, an atlas of one application."""
  path, _ = sweep_page.saved(folder)
  scores = {(b, "MAP"): [b + 1, b + 1.5] for b in sweep_page.BETAS}
  saved(folder, scores, rows=sweep_page.ROWS)
  report.render(folder, "x")
  return path


def test_the_sweeps_page_holds_the_table_and_each_leads_to_the_other(tmp_path):
  text = swept(tmp_path).read_text()
  assert 'href="atlas.html"' in text
  assert re.findall(r'<td class="cell.*?href="(.*?)"', text) == [
    "#member=0", "#member=2", "#member=4"
  ]  # fmt: skip
  links = re.findall(r'"(sweep.html#.*?)"', (tmp_path / "atlas.html").read_text())
  assert links[:3] == [f"sweep.html#member={i}" for i in (0, 2, 4)]


@pytest.mark.browser
@needs_browser
def test_the_slider_marks_its_column(tmp_path):
  path = swept(tmp_path)
  act = f"<script>onload = () => {{ {sweep_page.SLIDE.format(2)} {LOOK} }}</script></body>"
  text = path.read_text().replace("</body>", act)
  told, log = browsed(text, tmp_path, 1280, "#member=2", lambda told: told == "4.0 4.0")
  assert told == "4.0 4.0"
  assert "CONSOLE" not in log
