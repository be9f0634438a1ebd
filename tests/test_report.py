"""Reports as files, and the page that is made of them."""

import csv
import html
import html.parser
import io
import json
import pathlib
import re
import urllib.parse

import numpy as np
import pytest
from browsing import browsed, needs_browser
from drawings import FIGURES, contrast

from vae_jax import report
from vae_jax.report import curves, page, store
from vae_jax.types import Figure, Report, Table

COMMAND = "python evaluate.py --workdir=runs/x --set pairs='3-8' <here>"


SETTING = {"model.latents": 10, "beta": 4.0}
HEADLINE = {
  "metric": "PSNR", "unit": "dB", "digits": 2, "condition": "25 %", "method": "latent <MAP>",
  "setting": "β 4", "mean": 18.2868, "half": 1.1934,
}  # fmt: skip
VERDICTS = [
  {
    "metric": "psnr", "condition": condition, "setting": SETTING, "method": "latent <MAP>",
    "baseline": "linear Wiener", "difference": difference, "half": half, "seeds": 3,
    "examples": 30, "verdict": word,
  }
  for condition, difference, half, word in (
    ("10 %", 3.8129, 1.3692, "ahead"), ("25 %", 0.001, 1.2, "open"),
    ("50 %", -1.5, float("nan"), "behind"), ("90 %", float("nan"), float("nan"), "NaN"),
  )
]  # fmt: skip


@pytest.fixture
def workdir(tmp_path) -> pathlib.Path:
  """A run directory of two members with one report and a log."""
  config = {
    "data": {"name": "digits"},
    "model": {"name": "conv", "latents": 10},
    "likelihood": {"name": "cross_entropy"},
    "objective": {"name": "beta"},
    "hyper": {"beta": 1.0},
  }
  members = [{"seed": 0, "beta": 1.0}, {"seed": 0, "beta": 40.0}]
  about = {"data": "digits: made <up>.", "parameters": 12345, "seconds": 200.0, "steps": 90}
  for name, value in {"config": config, "members": members, "run": about}.items():
    (tmp_path / f"{name}.json").write_text(json.dumps(value))
  rows = [
    {"step": s, "member": m, "split": split, "elbo": -30 - 90 / s - m, "rate": "nan"}
    for s in range(1, 90, 4)
    for m in (0, 1)
    for split in ("train", "valid")
  ]
  text = "".join(json.dumps(row) + "\n" for row in rows) + '{"step": 9'  # cut by a kill
  (tmp_path / "metrics.jsonl").write_text(text)
  report.save(example(), tmp_path)
  return tmp_path


def example(application="reconstruction", **changes) -> Report:
  columns = ("beta", "seed", "active", "elbo", "± elbo", "psnr")
  rows = [
    [np.float32(1), np.int32(0), "9 of 10", np.float64(-30.123), 0.25, np.inf],
    [40.0, 0, "0 of 10 COLLAPSED", float("nan"), None, 12.0],
  ]
  found = Report(
    application,
    "How much <survives>?",
    [Table("Scores", columns, rows, "What they mean.", [(0, 3)])],
    [FIGURES["image_grid"], FIGURES["lines"]],
    ["It works.", "COLLAPSED: the other."],
    {"nll": np.arange(3.0)},
    verdicts=VERDICTS,
    headline=HEADLINE,
    seconds=56.2,
  )
  return found._replace(**changes)


def test_a_report_is_saved_whole_and_a_nan_stays_visible(tmp_path):
  path = report.save(example(), tmp_path)
  assert path == tmp_path / "reports" / "reconstruction" / "report.json"
  found = json.loads(path.read_text())
  assert found["tables"][0]["rows"][0] == [1.0, 0, "9 of 10", -30.123, 0.25, "inf"]
  assert found["tables"][0]["rows"][1][3] == "NaN"
  assert found["nans"] == 1
  assert [f["file"] for f in found["figures"]] == [
    "figures/reconstruction_grid.png",
    "figures/reconstruction_lines.png",
  ]
  with np.load(path.parent / "arrays.npz") as arrays:
    assert arrays["nll"].tolist() == [0, 1, 2]
  assert not list(tmp_path.rglob(".*"))


def test_saving_again_replaces_and_leaves_no_old_picture(tmp_path):
  report.save(example(), tmp_path)
  report.save(example("generation"), tmp_path)
  report.save(example(figures=[FIGURES["bars"]]), tmp_path)
  names = sorted(path.name for path in (tmp_path / "figures").iterdir())
  assert names == ["generation_grid.png", "generation_lines.png", "reconstruction_bars.png"]
  assert [r["application"] for r in store.load(tmp_path)] == [
    "reconstruction",
    "generation",
  ]


def test_a_failed_save_keeps_the_old_report(tmp_path):
  report.save(example(), tmp_path)
  before = (tmp_path / "reports/reconstruction/report.json").read_text()
  broken = Figure("grid", "image_grid", {"images": "no images"}, "")
  with pytest.raises(ValueError, match="no images"):
    report.save(example(figures=[broken]), tmp_path)
  assert (tmp_path / "reports/reconstruction/report.json").read_text() == before
  assert not list(tmp_path.rglob(".*"))


class Tags(html.parser.HTMLParser):
  """Checks that tags nest, and collects what they refer to."""

  VOID = ("meta", "link", "img", "br", "line", "rect")

  def __init__(self):
    super().__init__()
    self.open, self.links, self.text = [], [], ""
    self.headings, self.summaries, self.files = [], 0, {}

  def handle_starttag(self, tag, attrs):
    self.links += [v for k, v in attrs if k in ("src", "href", "action", "data")]
    given = dict(attrs)
    if "download" in given:
      self.files[given["download"]] = urllib.parse.unquote(given["href"].partition(",")[2])
    if re.fullmatch("h[1-6]", tag):
      self.headings.append(int(tag[1]))
    self.summaries += tag == "summary"
    if tag not in self.VOID:
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    pass  # <line ... />: nothing is left open

  def handle_endtag(self, tag):
    assert self.open.pop() == tag

  def handle_data(self, data):
    self.text += data


def test_the_page_is_whole_and_needs_nothing_else(workdir):
  path = report.render(workdir, COMMAND)
  assert path == workdir / "report.html"
  text = path.read_text()
  tags = Tags()
  tags.feed(text)
  assert tags.open == []
  assert all(link.startswith(("data:", "#")) for link in tags.links)
  assert "url(http" not in text
  assert "@import" not in text
  (script,) = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.S)
  assert script[0] == ""
  assert not re.search(r"fetch|import|XMLHttp|https?:|eval", script[1])
  for words in (
    COMMAND,
    "digits: made <up>.",
    "How much <survives>?",
    "Pictures & <captions>.",
    "What they mean.",
    "COLLAPSED: the other.",
    "12,345",
    "3 min",
    '"cross_entropy"',
    "−30.12",
    "± 0.25",
    "NaN",
    "18.29",
    "+3.81 ±\N{NO-BREAK SPACE}1.37 dB",
    "Bold: the best of its column.",
    "In every row: seed 0.",
    "56 s",
  ):
    assert words in tags.text or words in text, words
  assert "<survives>" not in text
  anchors = {link[1:] for link in tags.links if link.startswith("#")}
  assert anchors <= set(re.findall(r'id="([^"]+)"', text))


def test_headings_are_in_order_and_every_part_folds(workdir):
  report.save(example("generation"), workdir)
  tags = Tags()
  tags.feed(report.render(workdir, COMMAND).read_text())
  assert tags.headings[:2] == [1, 2]
  steps = np.diff(tags.headings)
  assert steps.max() <= 1
  assert tags.headings.count(1) == 1
  # training, two reports, how it was made; the contents and the configuration fold too
  assert tags.headings.count(2) == 4
  assert tags.summaries == 4 + 2


def test_a_table_is_taken_away_whole(workdir):
  """csv with all digits and all columns, those that the page leaves out among them."""
  tags = Tags()
  tags.feed(report.render(workdir, COMMAND).read_text())
  assert list(tags.files) == ["reconstruction_1_scores.csv", "reconstruction_1_scores.tex"]
  rows = list(csv.reader(io.StringIO(tags.files["reconstruction_1_scores.csv"])))
  assert rows == [
    ["beta", "seed", "active", "elbo", "± elbo", "psnr"],
    ["1.0", "0", "9 of 10", "-30.123", "0.25", "inf"],
    ["40.0", "0", "0 of 10 COLLAPSED", "NaN", "", "12.0"],
  ]
  folder = workdir / "reports/reconstruction/tables"
  tex = (folder / "01_scores.tex").read_text()
  assert tags.files["reconstruction_1_scores.tex"] == tex
  assert r"{\boldmath$-30.12 \pm 0.25$}" in tex


def test_colours_of_text_have_the_contrast_that_aa_asks_for():
  style = (pathlib.Path(page.__file__).parent / "style.css").read_text()
  light, dark = re.findall(r":root \{(.*?)\}", style, re.S)
  for block in (light, dark):
    hexes = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    color = {
      name: [int(v[i : i + 2], 16) / 255 for i in (1, 3, 5)] for name, v in hexes.items()
    }
    for ink in ("ink", "soft", "accent", "alarm", "ahead"):
      for ground in ("paper", "raised", "wash"):
        assert contrast(color[ink], color[ground]) >= 4.5, (ink, ground)
    assert contrast(color["alarm"], color["alarm-wash"]) >= 4.5
    for i in range(8):
      assert contrast(color[f"c{i}"], color["paper"]) >= 3


@pytest.mark.parametrize(
  ("precision", "words"), [("float32", "exact"), ("default", "the device's own")]
)
def test_the_page_says_how_exact_the_products_were(workdir, precision, words):
  about = json.loads((workdir / "run.json").read_text())
  (workdir / "run.json").write_text(json.dumps({**about, "precision": precision}))
  text = html.unescape(report.render(workdir, COMMAND).read_text())
  assert f"{words} in training, exact in evaluations" in text


def test_the_page_of_an_empty_run_directory(tmp_path):
  text = report.render(tmp_path, "python evaluate.py").read_text()
  assert "python evaluate.py" in text
  assert 'id="training"' not in text


def test_the_first_numbers_are_the_reports_own_headlines(tmp_path):
  report.save(example("noise_reduction"), tmp_path)
  report.save(example("text", headline={}), tmp_path)
  whole = HEADLINE | {"mean": np.nan, "half": np.nan, "condition": "", "unit": ""}
  report.save(example("imputation", headline=whole), tmp_path)
  first, second = page.headlines(store.load(tmp_path))
  assert first == {
    "id": "imputation", "name": "imputation", "value": "NaN", "error": "", "unit": "",
    "kind": "nan", "told": "PSNR of latent <MAP>, β 4",
  }  # fmt: skip
  assert second == {
    "id": "noise_reduction", "name": "noise reduction", "value": "18.29",
    "error": "±\N{NO-BREAK SPACE}1.19", "unit": "dB", "kind": "number",
    "told": "PSNR of latent <MAP>, 25 %, β 4",
  }  # fmt: skip
  assert page.headlines([]) == []


def test_verdicts_are_a_strip_with_the_difference(tmp_path):
  report.save(example(), tmp_path)
  report.save(example("generation", verdicts=()), tmp_path)
  first, second = store.load(tmp_path)
  found = page.verdicts(first)
  assert found["told"] == (
    "PSNR of latent <MAP> · β 4 · latents 10, less the hardest baseline's"
  )
  shown = [(one["condition"], one["word"], one["gap"]) for one in found["each"]]
  assert shown == [
    ("10 %", "ahead", "+3.81 ±\N{NO-BREAK SPACE}1.37 dB"),
    ("25 %", "open", "+0.00 ±\N{NO-BREAK SPACE}1.20 dB"),
    ("50 %", "behind", "−1.50 dB"),
    ("90 %", "NaN", "NaN dB"),
  ]
  assert page.verdicts(second) == {}
  other = {"title": "Error", "unit": "", "better": -1, "digits": 3}
  first["metrics"] = {first["verdicts"][0]["metric"]: other}  # not the headline's
  found = page.verdicts(first)
  assert found["told"].startswith("Error of latent <MAP>")
  assert found["each"][0]["gap"] == "+3.813 ±\N{NO-BREAK SPACE}1.369"
  first["verdicts"] = [{**v, "seeds": 2} for v in first["verdicts"]]
  known = {one["condition"]: one for one in page.verdicts(first)["each"]}
  assert (known["25 %"]["gap"], known["25 %"]["told"]) == (
    "+0.001", "open with two seeds against"
  )  # fmt: skip


def test_a_report_of_before_has_a_page_too(tmp_path):
  """Without a headline, verdicts, marks and seconds."""
  path = report.save(example(), tmp_path)
  old = json.loads(path.read_text())
  for name in ("headline", "verdicts", "seconds"):
    del old[name]
  del old["tables"][0]["marks"]
  path.write_text(json.dumps(old))
  assert "−30.12" in report.render(tmp_path, COMMAND).read_text()


def test_curves_have_a_gap_where_a_number_is_missing():
  values = [3.0, "nan", 2.0, 1.5]
  rows = [
    {"step": i + 1, "member": 0, "split": "valid", "elbo": v} for i, v in enumerate(values)
  ]
  (chart,) = curves.charts(rows, [0])
  (path,) = re.findall(r'class="valid c0" d="([^"]+)"', chart["svg"])
  assert path.count("M") == 2
  assert path.count("L") == 1
  assert curves.charts([], [0]) == []


def test_curves_are_of_every_setting_before_the_seeds_of_one():
  sweep = lambda betas, seeds: [
    {"seed": s, "beta": b} for b in range(betas) for s in range(seeds)
  ]
  assert curves.drawn(sweep(8, 5)) == list(range(0, 40, 5))
  assert curves.drawn(sweep(3, 5)) == [0, 1, 2, 5, 6, 7, 10, 11]
  assert curves.drawn(sweep(1, 10)) == list(range(8))
  assert curves.drawn(sweep(2, 2)) == [0, 1, 2, 3]
  many = curves.drawn(sweep(30, 2))
  assert (len(many), many[0], many[-1]) == (8, 0, 58)
  assert curves.drawn([]) == [0]
  rows = [
    {"step": step, "member": m, "split": "valid", "elbo": m + step}
    for m in range(10)
    for step in (1, 2)
  ]
  (chart,) = curves.charts(rows, [0, 9])
  assert re.findall(r'class="valid (c\d)"', chart["svg"]) == ["c0", "c1"]
  names = [f"seed {m}" for m in range(10)]
  assert [one["name"] for one in curves.legend(names, [0, 9])] == ["seed 0", "seed 9"]


def test_ticks_are_round():
  assert curves.ticks(0, 10) == [0, 2, 4, 6, 8, 10]
  np.testing.assert_allclose(curves.ticks(-0.31, 0.12, 4), [-0.2, 0, ], atol=1e-9)  # fmt: skip


MEASURE = """<script>
addEventListener("load", () => {
  const wide = document.documentElement.scrollWidth, view = document.documentElement.clientWidth;
  const bad = [...document.images].filter(i => !i.complete || !i.naturalWidth).length;
  const out = performance.getEntriesByType("resource").filter(r => !r.name.startsWith("data:"));
  tell(`view ${view} wide ${wide} broken ${bad} fetched ${out.length}`);
});
</script></head>"""


USE = """<script>
addEventListener("load", () => {
  const seen = [], all = (s) => [...document.querySelectorAll(s)];
  const note = (name, value) => seen.push(`${name}=${value}`);
  const parts = all("details.part"), open = () => parts.filter((p) => p.open).length;
  const contents = document.querySelector(".contents > details");
  note("contents", contents.open);
  note("open", open());
  document.getElementById("fold").click();
  note("folded", open());
  contents.open = true;
  all('.contents a[href="#reconstruction_1"]')[0].click();
  note("linked", open());
  note("left", contents.open);
  dispatchEvent(new Event("scroll"));
  note("marked", all(".contents [aria-current]").map((a) => a.hash));
  let copied = "";
  Object.defineProperty(navigator, "clipboard", {value: {writeText: async (t) => { copied = t; }}});
  all("button.copy")[0].click();
  note("copied", JSON.stringify(copied));
  const button = all("button.enlarge")[0], dialog = document.getElementById("large");
  button.click();
  note("large", dialog.open && dialog.querySelector("img").width > button.firstChild.width);
  dialog.click();
  note("closed", !dialog.open);
  tell(seen.join(" "));
});
</script></body>"""


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_in_a_browser(workdir, tmp_path, width):
  """Nothing is fetched, nothing is broken, and the page is no wider than its window."""
  text = report.render(workdir, COMMAND).read_text().replace("</head>", MEASURE)
  told, log = browsed(text, tmp_path, width)
  assert told == f"view {width} wide {width} broken 0 fetched 0"
  assert "CONSOLE" not in log


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_it_folds_marks_copies_and_enlarges(workdir, tmp_path, width):
  text = report.render(workdir, COMMAND).read_text().replace("</body>", USE)
  told, log = browsed(text, tmp_path, width)
  wide = str(width > 1000).lower()
  assert told.split(" ", 6)[:6] == [
    f"contents={wide}", "open=3", "folded=0", "linked=1", f"left={wide}", "marked=#reconstruction",
  ]  # fmt: skip
  rows = [
    ["beta", "seed", "active", "elbo", "± elbo", "psnr"],
    ["1.0", "0", "9 of 10", "-30.123", "0.25", "inf"],
    ["40.0", "0", "0 of 10 COLLAPSED", "NaN", "", "12.0"],
  ]
  words = json.dumps("".join("\t".join(row) + "\n" for row in rows), ensure_ascii=False)
  assert told.split(" ", 6)[6] == f"copied={words} large=true closed=true"
  assert "CONSOLE" not in log
