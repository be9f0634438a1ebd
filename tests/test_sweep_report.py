"""The sweep's page: complete, small, safe in its text, and working in a real browser."""

import base64
import html.parser
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from vae_jax import plots, report
from vae_jax.applications import _beta_pictures
from vae_jax.report import sweep_page
from vae_jax.types import Report, Table

BETAS, SEEDS = (0.5, 1.0, 4.0), (0, 1)
ROWS = [{"seed": s, "beta": b} for b in BETAS for s in SEEDS]
EVIL = "</script><script>alert(1)</script>"


def saved(folder, rows=None, shape=(8, 8, 1), pictures=True, finding="β 1 is better."):
  """A run directory with a comparison of `rows`, their numbers and pictures made up."""
  rows = ROWS if rows is None else rows
  rng, count = np.random.default_rng(0), len(rows)
  config = {
    "data": {"name": "digits"}, "model": {"name": "conv", "latents": 2},
    "likelihood": {"name": "bernoulli"}, "objective": {"name": "beta"}, "hyper": {"beta": 1.0},
  }  # fmt: skip
  for name, value in {"config": config, "members": rows, "run": {}}.items():
    (folder / f"{name}.json").write_text(json.dumps(value))
  rate = rng.random((count, 5)) + 3
  rate[1] = np.nan
  distortion = 20 - 2 * rate
  active = ["2 of 2"] * (count - 1) + ["0 of 2 COLLAPSED"]
  cells = [
    [i, *row.values(), active[i], rate[i].mean(), -30.0 - i, 0.25]
    for i, row in enumerate(rows)
  ]
  columns = ("member", *rows[0], "active", "rate", "elbo", "± elbo")
  means = np.stack([np.arange(3.0) + 2, np.arange(3.0), np.arange(3.0) + 4], -1)
  arrays = {
    "member": np.arange(count), "rate": rate, "distortion": distortion,
    "latents": np.tile([2.0, 1.0], (count, 1)), "setting_group": np.zeros(3, int),
    "setting_axis": np.asarray(["0.5", "1", EVIL]), "setting_rate": means,
    "setting_distortion": means[::-1] + 9, "setting_elbo": means + 16,
  }  # fmt: skip
  if pictures:
    plan = _beta_pictures.plan(count, shape)
    tiles = rng.integers(0, 256, (count, plan.tiles, *shape), dtype=np.uint8)
    arrays |= {
      "sweep_pictures": tiles, "sweep_members": np.arange(count),
      "sweep_originals": tiles[0, : plan.reconstructions],
      "sweep_layout": np.asarray(plan[:4]), "sweep_palette": np.asarray("magma"),
      "sweep_walks": np.tile([1, 0, *[-1] * (plan.latents - 2)], (count, 1)),
      "sweep_values": np.linspace(-3, 3, plan.steps),
    }  # fmt: skip
  table = Table("Every member", columns, cells, "What they mean.")
  report.save(Report("beta_comparison", "?", [table], [], [finding], arrays), folder)
  return report.render(folder, "python evaluate.py").parent / "sweep.html", arrays


def embedded(path) -> dict:
  found = re.search(
    r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.S
  )
  return json.loads(found.group(1))


class Tags(html.parser.HTMLParser):
  """Checks that tags nest, and collects what they refer to, their labels and the ids."""

  VOID = ("meta", "link", "img", "br", "input")

  def __init__(self):
    super().__init__()
    self.open, self.links, self.labelled, self.ids, self.scripts = [], [], [], [], 0
    self.inputs = []

  def handle_starttag(self, tag, attrs):
    attrs = dict(attrs)
    self.links += [v for k, v in attrs.items() if k in ("src", "href", "action", "data")]
    self.labelled += [attrs["for"]] if tag == "label" else []
    self.ids += [attrs["id"]] if "id" in attrs else []
    self.inputs += [attrs["id"]] if tag in ("input", "select") else []
    self.scripts += tag == "script"
    if tag not in self.VOID:
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    pass

  def handle_endtag(self, tag):
    assert self.open.pop() == tag


@pytest.mark.parametrize("pictures", [True, False])
def test_the_page_is_whole_and_needs_nothing_else(tmp_path, pictures):
  path, _ = saved(tmp_path, pictures=pictures, finding=f"Better {EVIL}.")
  text = path.read_text()
  tags = Tags()
  tags.feed(text)
  assert tags.open == []
  assert tags.scripts == 2  # its data and its code; what a name holds starts none
  assert all(
    link.startswith(("data:", "#")) or link == "report.html" for link in tags.links
  )
  assert "http" not in text.replace("http://www.w3.org", "")
  assert tags.inputs == ["axis-0", "axis-1"]
  assert set(tags.inputs) <= set(tags.labelled)
  assert len(tags.ids) == len(set(tags.ids))
  assert ('id="samples"' in text) is pictures
  assert "COLLAPSED" in text


def test_every_member_has_a_place_its_numbers_and_a_point(tmp_path):
  path, _ = saved(tmp_path)
  data = embedded(path)
  assert [(a["label"], a["texts"], a["slider"]) for a in data["axes"]] == [
    ("β", ["0.5", "1", "4"], True), ("seed", ["0", "1"], False)
  ]  # fmt: skip
  assert [m["at"] for m in data["members"]] == [[i, j] for i in range(3) for j in range(2)]
  assert data["members"][5]["name"] == "β 4 · seed 1"
  last = {one["label"]: one for one in data["members"][5]["numbers"]}
  assert last["active"]["kind"] == "collapsed"
  assert (last["ELBO"]["text"], last["ELBO"]["error"]) == ("−35.00", "0.25")
  points = re.findall(r'data-member="(\d+)"', path.read_text())
  assert points == ["0", "2", "3", "4", "5"]  # member 1 is NaN: in the table, on no curve
  assert all(f'href="#member={i}">β' in path.read_text() for i in range(6))
  assert data["sheets"]["5"]["walks"][:3] == [
    "latent 2, 2.00 nats",
    "latent 1, 1.00 nats",
    "",
  ]


def test_a_grey_sheet_holds_the_pictures_exactly():
  tiles = np.random.default_rng(1).integers(0, 256, (13, 5, 7, 1), dtype=np.uint8)
  kind, _, content = sweep_page.sheet(tiles, "viridis").partition(",")
  assert kind == "data:image/png;base64"
  image = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")
  pixels = np.asarray(image)
  assert pixels.shape == (2 * 5, 10 * 7, 3)
  twelfth = pixels[5:10, 2 * 7 : 3 * 7]
  np.testing.assert_array_equal(twelfth, plots.colormap("viridis")[tiles[12, ..., 0]])


def test_a_colour_sheet_is_near_the_pictures():
  x, y = np.meshgrid(np.linspace(0, 255, 32), np.linspace(0, 255, 32))
  tile = np.stack([x, y, 255 - x], -1).astype(np.uint8)
  kind, _, content = sweep_page.sheet(np.stack([tile] * 3), "magma").partition(",")
  assert kind == "data:image/jpeg;base64"
  pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))), float)
  assert np.abs(pixels[:32, 32:64] - tile).mean() < 3


def test_forty_five_members_of_28_by_28_are_below_15_megabytes(tmp_path):
  """Of noise, which no encoder makes smaller: real pictures take a third of it."""
  rows = [{"seed": s, "beta": float(b)} for b in range(9) for s in range(5)]
  path, arrays = saved(tmp_path, rows, (28, 28, 1))
  assert arrays["sweep_pictures"].shape == (45, 94, 28, 28, 1)
  assert path.stat().st_size < 15e6


def test_names_static_fields_and_holes_in_the_grid(tmp_path):
  rows = [
    {"seed": 0, "beta": 1.0, "objective.name": "beta", "model.latents": 2},
    {"seed": 0, "beta": None, "objective.name": EVIL, "model.latents": 2},
    {"seed": 0, "beta": 4.0, "objective.name": "beta", "model.latents": 3},
  ]
  path, _ = saved(tmp_path, rows)
  axes = {a["label"]: a for a in embedded(path)["axes"]}
  assert set(axes) == {"β", "objective", "latents"}
  assert axes["latents"]["slider"]
  assert not axes["β"]["slider"]  # a program without β has no number of it
  assert axes["objective"]["texts"] == ["beta", EVIL]


def test_the_report_leads_there_only_where_it_is(tmp_path):
  saved(tmp_path)
  assert 'href="sweep.html"' in (tmp_path / "report.html").read_text()
  shutil.rmtree(tmp_path / "reports" / "beta_comparison")
  text = report.render(tmp_path, "python evaluate.py").read_text()
  assert 'href="sweep.html"' not in text
  assert not (tmp_path / "sweep.html").exists()


def test_one_member_needs_no_slider(tmp_path):
  path, _ = saved(tmp_path, ROWS[:1] + ROWS[:1])
  assert path.exists()
  table = json.loads((tmp_path / "reports/beta_comparison/report.json").read_text())
  table["tables"][0]["rows"] = table["tables"][0]["rows"][:1]
  (tmp_path / "reports/beta_comparison/report.json").write_text(json.dumps(table))
  assert sweep_page.write(tmp_path) is None


BROWSER = next(
  filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
OBSERVE = """<script>
addEventListener("error", e => document.title += " ERROR " + e.message);
const tell = () => {
  const view = document.documentElement, s = document.body.dataset;
  const out = performance.getEntriesByType("resource").filter(r => !r.name.startsWith("data:"));
  const here = document.getElementById("here");
  const at = c => c.getAttribute("cx") + c.getAttribute("cy");
  const on = [...document.querySelectorAll(".curve a")].filter(
    a => here.style.display !== "none" && at(a.querySelector(".point")) === at(here)
  ).map(a => a.dataset.member);
  const ink = document.getElementById("samples").getContext("2d").getImageData(5, 5, 1, 1).data[3];
  s.told = [s.member, s.drawn, on, document.getElementById("who").textContent,
    document.getElementById("value-0").textContent, location.hash, ink, out.length,
    view.scrollWidth <= view.clientWidth].join("|");
};
</script></head>"""
STEPS = {
  "named": ("#member=5", "", "5|5|5|β 4 · seed 1|4|#member=5|255|0|true"),
  "first": ("", "", "0|0|0|β 0.5 · seed 0|0.5||255|0|true"),
  "unknown": ("#member=77", "", "0|0|0|β 0.5 · seed 0|0.5|#member=77|255|0|true"),
  "slid": (
    "#member=5",
    'const r = document.getElementById("axis-0"); r.value = 0;'
    ' r.dispatchEvent(new Event("input"))',
    "1|1||β 0.5 · seed 1|0.5|#member=1|255|0|true",  # member 1 has no point: its scores are NaN
  ),
  "picked": (
    "",
    'const r = document.getElementById("axis-0"); r.value = 2;'
    ' r.dispatchEvent(new Event("input"));'
    ' const s = document.getElementById("axis-1"); s.value = 1;'
    ' s.dispatchEvent(new Event("input"))',
    "5|5|5|β 4 · seed 1|4|#member=5|255|0|true",
  ),
  "chosen on the curve": (
    "",
    "document.querySelector('.curve a[data-member=\"3\"]')"
    ".dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))",
    "3|3|3|β 1 · seed 1|1|#member=3|255|0|true",
  ),
}


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on the path")
@pytest.mark.parametrize("step", STEPS)
def test_the_page_in_a_browser(tmp_path, step):
  """At 390 pixels: the right member is shown, drawn and marked, and nothing is fetched."""
  path, _ = saved(tmp_path)
  where, action, expected = STEPS[step]
  acting = (
    f"<script>setTimeout(() => {{ {action} }}, 300); setTimeout(tell, 900)</script></body>"
  )
  text = path.read_text().replace("</head>", OBSERVE).replace("</body>", acting)
  (tmp_path / "inner.html").write_text(text)
  frame = f'<iframe src="inner.html{where}" style="width:390px;height:900px"></iframe>'
  relay = "document.title = frames[0].document.body.dataset.told + frames[0].document.title"
  (tmp_path / "outer.html").write_text(
    f"<title>-</title>{frame}<script>setTimeout(() => {{ {relay} }}, 1800)</script>"
  )
  flags = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run"
    " --disable-sync --allow-file-access-from-files --enable-logging=stderr"
    " --virtual-time-budget=4000 --dump-dom"
  )
  found = subprocess.run(
    [
      BROWSER, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}",
      (tmp_path / "outer.html").as_uri(),
    ],
    capture_output=True, text=True, timeout=90, check=True,
  )  # fmt: skip
  title = re.search("<title>(.*?)</title>", found.stdout).group(1)
  assert title == f"{expected}digits: the sweep · vae_jax"
  assert "CONSOLE" not in found.stderr
