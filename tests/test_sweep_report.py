"""The sweep's page: complete, small, safe in its text, and working in a real browser."""

import base64
import html
import html.parser
import io
import json
import re
import shutil

import numpy as np
import pytest
from browsing import browsed, needs_browser
from PIL import Image

from vae_jax import plots, report
from vae_jax.report import sweep_page
from vae_jax.studies import thumbnails
from vae_jax.types import Report, Table

BETAS, SEEDS = (0.5, 1.0, 4.0), (0, 1)
ROWS = [{"seed": s, "beta": b} for b in BETAS for s in SEEDS]
EVIL = "</script><script>alert(1)</script>"


METRICS = {
  "nll": {"title": "nll (K=50)", "unit": "nats", "better": -1, "digits": 2},
  "elbo": {"title": "−ELBO", "unit": "nats", "better": -1, "digits": 2},
  "rate": {"title": "rate", "unit": "nats", "better": 0, "digits": 2},
  "distortion": {"title": "distortion", "unit": "nats", "better": 0, "digits": 2},
  "information": {"title": "mutual information", "unit": "nats", "better": 0, "digits": 2},
  "aggregate": {"title": "KL(q(z) ‖ p(z))", "unit": "nats", "better": 0, "digits": 2},
  "active": {"title": "active latents", "unit": "", "better": 0, "digits": 1},
}


def saved(
  folder, rows=None, shape=(8, 8, 1), pictures=True, finding="β 1 is better.", **ended
):
  """A run directory with a comparison of `rows`, their numbers and pictures made up."""
  rows = ROWS if rows is None else rows
  rng, count = np.random.default_rng(0), len(rows)
  config = {
    "data": {"name": "digits"}, "model": {"name": "conv", "latents": 2},
    "likelihood": {"name": "bernoulli"}, "objective": {"name": "beta"}, "hyper": {"beta": 1.0},
  }  # fmt: skip
  for name, value in {"config": config, "members": rows, "run": {}}.items():
    (folder / f"{name}.json").write_text(json.dumps(value))
  rate = rng.random(count) + 3
  rate[1] = np.nan
  active = ["2 of 2"] * (count - 1) + ["0 of 2 COLLAPSED"]
  columns = ("member", *rows[0], "ended", "active", "method", "condition", "metric", "mean")
  columns += ("low", "high", "examples", "seconds")
  long = []
  for i, row in enumerate(rows):
    values = {
      "nll": 29.0 + i,
      "elbo": 30.0 + i,
      "rate": rate[i],
      "distortion": 20 - 2 * rate[i],
    }
    values |= {"information": 1.5 + i, "aggregate": 1.0, "active": 2.0}
    who = [i, *row.values(), ended.get(f"m{i}", ""), active[i], "model", ""]
    for name, mean in values.items():
      one = name in ("information", "aggregate", "active")
      half = np.nan if one else 0.25
      long.append([*who, name, mean, mean - half, mean + half, 1 if one else 5, 0.1])
  long.append([None] * (len(rows[0]) + 3) + ["baseline", "", "nll", 1.0, 0.5, 1.5, 5, 0.1])
  arrays = {
    "member": np.arange(count), "latents": np.tile([2.0, 1.0], (count, 1)),
    "at_least_above": np.asarray(5.7),
  }  # fmt: skip
  if pictures:
    plan = thumbnails.plan(count, shape)
    tiles = rng.integers(0, 256, (count, plan.tiles, *shape), dtype=np.uint8)
    arrays |= {
      "sweep_pictures": tiles, "sweep_members": np.arange(count),
      "sweep_originals": tiles[0, : plan.reconstructions],
      "sweep_layout": np.asarray(plan[:4]), "sweep_palette": np.asarray("magma"),
      "sweep_walks": np.tile([1, 0, *[-1] * (plan.latents - 2)], (count, 1)),
      "sweep_values": np.linspace(-3, 3, plan.steps),
    }  # fmt: skip
  first = Table("Sweep comparison", ("β", "nll"), [[1.0, 2.0]], "What they mean.")
  answer = Report("sweep_comparison", "?", [first], [], [finding], arrays)
  scores = Table("scores", columns, long)
  report.save(answer._replace(scores=scores, metrics=METRICS), folder)
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
  assert ('id="samples-0"' in text) is pictures
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
  assert (last["−ELBO, nats"]["text"], last["−ELBO, nats"]["error"]) == ("35.00", "0.25")
  # The information is cut off: it is at least that, and what it leaves of the rate at most.
  assert last["mutual information, nats"]["text"] == "≥ 6.50"
  assert last["KL(q(z) ‖ p(z)), nats"]["text"] == "≤ 1.00"
  assert last["mutual information, nats"]["error"] is None
  before = {one["label"]: one["text"] for one in data["members"][4]["numbers"]}
  assert before["mutual information, nats"] == "5.50"
  lost = {one["label"]: one for one in data["members"][1]["numbers"]}["rate, nats"]
  assert (lost["text"], lost["kind"]) == ("NaN", "nan")
  points = re.findall(r'#member=\d+" data-member="(\d+)" aria', path.read_text())
  assert points == ["0", "2", "3", "4", "5"]  # member 1 is NaN: in the table, on no curve
  assert all(f'data-member="{i}">β' in path.read_text() for i in range(6))
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
  shutil.rmtree(tmp_path / "reports" / "sweep_comparison")
  text = report.render(tmp_path, "python evaluate.py").read_text()
  assert 'href="sweep.html"' not in text
  assert not (tmp_path / "sweep.html").exists()


def test_one_member_needs_no_slider(tmp_path):
  path, _ = saved(tmp_path)
  assert path.exists()
  scores = tmp_path / "reports/sweep_comparison/scores.csv"
  lines = scores.read_text().splitlines()
  scores.write_text("\n".join([lines[0], *(x for x in lines if x.startswith("0,"))]))
  assert sweep_page.write(tmp_path) is None
  assert not path.exists()
  scores.unlink()
  assert sweep_page.write(tmp_path) is None


def chart(path, title: str) -> tuple[list[str], dict[str, tuple[float, float]]]:
  """The lines of one of the small multiples, and where its members are."""
  text = path.read_text()
  svg = text[text.index(f"<h4>{title}</h4>") :].split("</svg>")[0]
  dots = re.findall(r'data-member="(\d+)" cx="([\d.]+)" cy="([\d.]+)"', svg)
  lines = re.findall(r'class="over" data-group="\d+" d="M([^"]+)"', svg)
  return lines, {member: (float(x), float(y)) for member, x, y in dots}


def test_small_multiples_hold_every_score_over_beta(tmp_path):
  path, _ = saved(tmp_path)
  titles = re.findall(r"<h4>([^<]+)</h4>", path.read_text().split('id="over"')[1])
  assert titles == [
    f"{m['title']}, {m['unit']}" if m["unit"] else m["title"] for m in METRICS.values()
  ]
  (line,), dots = chart(path, "−ELBO, nats")
  assert set(dots) == {"0", "1", "2", "3", "4", "5"}
  # Two seeds of a β stand at its place, their mean is on the line; values are evenly spaced.
  means = [tuple(map(float, point.split())) for point in line.split(" L")]
  for i, (x, y) in enumerate(means):
    a, b = dots[str(2 * i)], dots[str(2 * i + 1)]
    assert a[0] == b[0] == x
    assert y == pytest.approx((a[1] + b[1]) / 2, abs=0.11)
  xs = [x for x, _ in means]
  assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.11)
  assert dots["0"][1] > dots["5"][1]  # a larger number is further up
  assert "1" not in chart(path, "rate, nats")[1]  # NaN is in the table, on no chart


def test_the_stopped_are_dots_and_in_no_mean(tmp_path):
  path, _ = saved(tmp_path, m1="stopped at 500")
  (line,), dots = chart(path, "−ELBO, nats")
  assert "1" in dots
  first = tuple(map(float, line.split(" L")[0].split()))
  assert first == pytest.approx(dots["0"], abs=0.11)
  stopped = embedded(path)["members"][1]["numbers"]
  assert {"label": "ended", "text": "stopped at 500", "error": None, "kind": "number"} in (
    stopped
  )


def test_settings_that_differ_in_more_are_a_line_each(tmp_path):
  rows = [{"seed": 0, "beta": b, "model.latents": n} for n in (2, 3) for b in BETAS]
  path, _ = saved(tmp_path, rows)
  lines, dots = chart(path, "nll (K=50), nats")
  assert len(lines) == 2
  assert all(line.count(" L") == 2 for line in lines)
  groups = [member["group"] for member in embedded(path)["members"]]
  assert groups == [0, 0, 0, 1, 1, 1]
  assert len(dots) == 6


OBSERVE = """<script>
const probe = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
const look = () => {
  const view = document.documentElement, s = document.body.dataset;
  const out = performance.getEntriesByType("resource").filter(r => !r.name.startsWith("data:"));
  const here = document.getElementById("here");
  const at = c => c.getAttribute("cx") + c.getAttribute("cy");
  const on = [...document.querySelectorAll(".curve a")].filter(
    a => here.style.display !== "none" && at(a.querySelector(".point")) === at(here)
  ).map(a => a.dataset.member);
  probe.clearRect(0, 0, 1, 1);
  probe.drawImage(document.getElementById("samples-0"), -5, -5);
  const ink = probe.getImageData(0, 0, 1, 1).data[3];
  const gone = document.getElementById("side-1").hidden;
  tell([s.member, s.drawn, on, document.getElementById("who").textContent,
    document.getElementById("value-0").textContent, location.hash, ink, out.length,
    view.scrollWidth <= view.clientWidth, s.beside ? (gone ? "hidden" : s.beside) : "none",
    document.querySelectorAll("#across a").length,
    document.querySelectorAll(".multiples .dot.now").length].join("|"));
};
</script></head>"""
CLICK = ".dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));"
PIN = f'document.getElementById("pin"){CLICK}'
SLIDE = (
  'const r = document.getElementById("axis-0"); r.value = {};'
  ' r.dispatchEvent(new Event("input"));'
)
# What is told: the member, whose pictures are drawn, the ring, the heading, the slider, the
# address, ink, requests, no overflow, whose pictures stand beside, strips over β, marked dots.
STEPS = {
  "named": ("#member=5", "", "5|5|5|β 4 · seed 1|4|#member=5|255|0|true|none|3|7"),
  "first": ("", "", "0|0|0|β 0.5 · seed 0|0.5||255|0|true|none|3|7"),
  "unknown": ("#member=77", "", "0|0|0|β 0.5 · seed 0|0.5|#member=77|255|0|true|none|3|7"),
  "slid": (  # member 1 has no point, because its rate is NaN
    "#member=5", SLIDE.format(0),
    "1|1||β 0.5 · seed 1|0.5|#member=1|255|0|true|none|3|5",
  ),
  "picked": (
    "",
    SLIDE.format(2) + ' const s = document.getElementById("axis-1"); s.value = 1;'
    ' s.dispatchEvent(new Event("input"))',
    "5|5|5|β 4 · seed 1|4|#member=5|255|0|true|none|3|7",
  ),
  "chosen on the curve": (
    "", f"document.querySelector('.curve a[data-member=\"3\"]'){CLICK}",
    "3|3|3|β 1 · seed 1|1|#member=3|255|0|true|none|3|7",
  ),
  "chosen among the small multiples": (
    "", f"document.querySelector('.dot[data-member=\"4\"]'){CLICK}",
    "4|4|4|β 4 · seed 0|4|#member=4|255|0|true|none|3|7",
  ),
  "chosen by its strip": (
    "", f"document.querySelectorAll('#across a')[2]{CLICK}",
    "4|4|4|β 4 · seed 0|4|#member=4|255|0|true|none|3|7",
  ),
  "pinned and slid on": (
    "#member=2", PIN + SLIDE.format(2),
    "4|4|4|β 4 · seed 0|4|#member=4&pin=2|255|0|true|2|3|7",
  ),
  "pinned by the address": (
    "#member=4&pin=2", "",
    "4|4|4|β 4 · seed 0|4|#member=4&pin=2|255|0|true|2|3|7",
  ),
  "unpinned": (
    "#member=4&pin=2", PIN,
    "4|4|4|β 4 · seed 0|4|#member=4|255|0|true|hidden|3|7",
  ),
}  # fmt: skip


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("step", STEPS)
def test_the_page_in_a_browser(tmp_path, step):
  """At 390 pixels: the right member is shown, drawn and marked, and nothing is fetched."""
  path, _ = saved(tmp_path)
  where, action, expected = STEPS[step]
  acting = f"<script>onload = () => {{ {action}; setInterval(look, 50) }}</script></body>"
  text = path.read_text().replace("</head>", OBSERVE).replace("</body>", acting)
  told, log = browsed(text, tmp_path, 390, where, lambda told: told == expected)
  assert told == expected
  assert "CONSOLE" not in log
