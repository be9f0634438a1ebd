"""Pictures, files and the page that is made of them."""

import html.parser
import json
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest

from vae_jax import plots, report
from vae_jax.report import curves, page, store
from vae_jax.types import Figure, Report, Table

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 4, 8, 8, 1))
COMMAND = "python evaluate.py --workdir=runs/x --set pairs='3-8' <here>"


def grid(images=IMAGES, kind="image_grid", **options) -> Figure:
  data = {"images": images, "rows": ["a", "b\nb", "c"], **options}
  return Figure("grid", kind, data, "Pictures & <captions>.")


FIGURES = {
  "image_grid": grid(columns=list("wxyz"), title="β 4 · seed 1"),
  "rgb": grid(RNG.random((3, 4, 8, 8, 3))),
  "nan": grid(np.full((3, 4, 8, 8, 1), np.nan)),
  "sequences": grid(RNG.random((3, 4, 20, 2))),
  "maps": grid(RNG.random((3, 4, 20, 9)), "pairs"),
  "tables": grid(RNG.random((3, 7, 5)), "pairs", columns=list("abcdefg"), title="t"),
  "strips": grid(kind="strips", wide_after=(0, 2)),
  "latent_grid": Figure(
    "plane",
    "latent_grid",
    {
      "images": RNG.random((5, 5, 28, 28, 1)),
      "x": np.linspace(-3, 3, 5),
      "y": np.linspace(3, -3, 5),
      "x_label": "latent 1",
      "y_label": "latent 2",
    },
    "",
  ),
  "lines": Figure(
    "lines",
    "lines",
    {
      "x": np.arange(5),
      "series": {"a": np.arange(5), "b": -np.arange(5)},
      "bands": {"a": (np.arange(5) - 1, np.arange(5) + 1)},
      "x_label": "x",
      "y_label": "y",
    },
    "",
  ),
  "bars": Figure(
    "bars",
    "bars",
    {
      "series": {"a": np.arange(3), "b": np.arange(3)},
      "labels": ["1", "2", "3"],
      "x_label": "x",
      "y_label": "y",
      "line": 1.0,
    },
    "",
  ),
  "histogram": Figure(
    "histogram",
    "histogram",
    {
      "series": {"a": RNG.random(50), "b": np.append(RNG.random(9), np.nan)},
      "x_label": "x",
    },
    "",
  ),
  "scatter": Figure(
    "scatter",
    "scatter",
    {
      "points": RNG.random((9, 2)),
      "labels": np.arange(9) % 2,
      "names": ("a", "b"),
      "x_label": "x",
      "y_label": "y",
    },
    "",
  ),
}


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
    [Table("Scores", columns, rows, "What they mean.")],
    [FIGURES["image_grid"], FIGURES["lines"]],
    ["It works.", "COLLAPSED: the other."],
    {"nll": np.arange(3.0)},
  )
  return found._replace(**changes)


@pytest.mark.parametrize("name", FIGURES)
def test_every_kind_is_drawn_with_a_transparent_background(name, tmp_path):
  import matplotlib.image

  plots.draw(FIGURES[name], tmp_path / "x.png")
  pixels = matplotlib.image.imread(tmp_path / "x.png")
  assert pixels.shape[2] == 4
  assert pixels[..., 3].min() == 0
  assert pixels.shape[0] > 100
  assert pixels.shape[1] > 100


def test_a_pixel_of_an_image_is_a_square_of_the_file(tmp_path):
  import matplotlib.image

  image = np.zeros((1, 1, 4, 4, 1))
  image[0, 0, 1, 2] = 1
  data = {"images": image, "palette": "gray"}
  plots.draw(Figure("one", "image_grid", data, ""), tmp_path / "x.png")
  pixels = matplotlib.image.imread(tmp_path / "x.png")
  white = np.argwhere(pixels[..., :3].min(-1) * pixels[..., 3] > 0.5)
  side = plots.TILE // 4
  assert (np.ptp(white, axis=0) + 1).tolist() == [side, side]


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

  def handle_starttag(self, tag, attrs):
    self.links += [v for k, v in attrs if k in ("src", "href", "action", "data")]
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
  assert "<script" not in text
  assert "@import" not in text
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
  ):
    assert words in tags.text or words in text, words
  anchors = {link[1:] for link in tags.links if link.startswith("#")}
  assert anchors <= set(re.findall(r'id="([^"]+)"', text))


def test_the_page_of_an_empty_run_directory(tmp_path):
  text = report.render(tmp_path, "python evaluate.py").read_text()
  assert "python evaluate.py" in text
  assert 'id="training"' not in text


def test_the_first_numbers_are_all_of_the_best_member():
  tables = [
    {"columns": ["seed", "elbo", "± elbo"], "rows": [[0, -9.0, 0.1], [1, -5.0, 0.2]]},
    {"columns": ["seed", "method", "psnr"], "rows": [[0, "VAE", 11.0], [1, "VAE", 22.0]]},
    {"columns": ["seed", "psnr"], "rows": [[None, 99.0]]},
  ]
  found = page.headlines([{"tables": tables}])
  shown = {one["label"]: (one["value"], one["error"]) for one in found["numbers"]}
  assert shown == {"ELBO": ("−5.00", "0.20"), "PSNR": ("22.00", "")}
  assert found["member"] == "seed 1"
  assert page.headlines([]) == {"numbers": [], "member": ""}


@pytest.mark.parametrize(
  ("value", "text"),
  [
    (None, "–"), (12345, "12,345"), (-1.5, "−1.50"), (0.0312, "0.03120"), (0.0, "0"),
    (123.456, "123.5"), (54321.9, "54,322"), ("NaN", "NaN"), (1e-9, "1.0e−09"),
  ],
)  # fmt: skip
def test_numbers_for_the_eye(value, text):
  assert page.number(value) == text


def test_a_column_has_one_number_of_digits():
  body = page.cells(["x", "± x"], [[1.0, 0.1], [0.123, 0.0004], [None, None]])["body"]
  assert [(row[0]["text"], row[0]["error"]) for row in body] == [
    ("1.00", "0.10"),
    ("0.12", "4.0e−04"),
    ("–", None),
  ]


def test_curves_have_a_gap_where_a_number_is_missing():
  values = [3.0, "nan", 2.0, 1.5]
  rows = [
    {"step": i + 1, "member": 0, "split": "valid", "elbo": v} for i, v in enumerate(values)
  ]
  (chart,) = curves.charts(rows, ["seed 0"])
  (path,) = re.findall(r'class="valid c0" d="([^"]+)"', chart["svg"])
  assert path.count("M") == 2
  assert path.count("L") == 1
  assert curves.charts([], ["seed 0"]) == []


def test_ticks_are_round():
  assert curves.ticks(0, 10) == [0, 2, 4, 6, 8, 10]
  np.testing.assert_allclose(curves.ticks(-0.31, 0.12, 4), [-0.2, 0, ], atol=1e-9)  # fmt: skip


BROWSER = next(
  filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MEASURE = """<script>
addEventListener("error", e => document.title += " ERROR " + e.message);
addEventListener("load", () => {
  const wide = document.documentElement.scrollWidth, view = document.documentElement.clientWidth;
  const bad = [...document.images].filter(i => !i.complete || !i.naturalWidth).length;
  const out = performance.getEntriesByType("resource").filter(r => !r.name.startsWith("data:"));
  document.body.dataset.measured = `view ${view} wide ${wide} broken ${bad} fetched ${out.length}`;
});
</script></head>"""


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on the path")
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_in_a_browser(workdir, tmp_path, width):
  """Nothing is fetched, nothing is broken, and the page is no wider than its window.

  Chromium's own window does not go below 500 pixels, so the page is measured in a frame.
  """
  text = report.render(workdir, COMMAND).read_text().replace("</head>", MEASURE)
  (tmp_path / "inner.html").write_text(text)
  frame = (
    f'<iframe src="inner.html" style="width:{width}px;height:900px;border:0"></iframe>'
  )
  relay = (
    "setTimeout(() => { document.title = frames[0].document.body.dataset.measured }, 400)"
  )
  (tmp_path / "outer.html").write_text(
    f"<title>-</title>{frame}<script>onload = () => {relay}</script>"
  )
  flags = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run"
  )
  flags += " --hide-scrollbars --allow-file-access-from-files --enable-logging=stderr"
  found = subprocess.run(
    [
      BROWSER, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000",
      "--virtual-time-budget=3000", "--dump-dom", (tmp_path / "outer.html").as_uri(),
    ],
    capture_output=True, text=True, timeout=90, check=True,
  )  # fmt: skip
  title = re.search("<title>(.*?)</title>", found.stdout).group(1)
  assert title == f"view {width} wide {width} broken 0 fetched 0"
  assert "CONSOLE" not in found.stderr
