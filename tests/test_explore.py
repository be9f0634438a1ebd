"""The explorer: its networks are JAX's, its page works in a browser, and nothing leaves it."""

import base64
import html
import io
import json
import re
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import ROOT
from made import open_with
from PIL import Image
from scipy.stats import ortho_group

from vae_jax import config as configuration
from vae_jax import explore
from vae_jax import vae as models
from vae_jax.evaluation import pictures
from vae_jax.explore import network
from vae_jax.explore import page as explore_page
from vae_jax.report import page as report_page
from vae_jax.types import Dataset, Spec, UserError

BROWSER = next(
  filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
IMAGE = Spec((8, 7, 1), "image", "unit", classes=("zero", "one", "two"))
COLOUR = Spec((9, 6, 3), "image", "unit")
TABLE = Spec((5,), "table", "real")
NOTES = Spec((4, 3), "sequence", "category", categories=4)
# A case for every kind of layer, activation and likelihood: spec, model, likelihood.
CASES = {
  "conv": (IMAGE, {"name": "conv", "channels": [4, 6], "dense": 9}, {"name": "cross_entropy"}),
  "conv, colour, kernel 5": (
    COLOUR, {"name": "conv", "channels": [4], "dense": 9, "kernel": 5, "observes": True},
    {"name": "discretised_logistic", "levels": 17},
  ),
  "conv, mixture": (
    IMAGE, {"name": "conv", "channels": [3, 4], "dense": 9}, {"name": "logistic_mixture"},
  ),
  "linear": (TABLE, {"name": "linear"}, {"name": "gaussian"}),
  "relu": (IMAGE, {"name": "mlp", "hidden": [9, 7]}, {"name": "continuous_bernoulli"}),
  "gelu": (TABLE, {"name": "mlp", "hidden": [9]}, {"name": "gaussian", "scale": "predicted"}),
  "silu": (TABLE, {"name": "mlp", "hidden": [9]}, {"name": "student_t"}),
  "elu": (
    IMAGE, {"name": "mlp", "hidden": [9]},
    {"name": "discretised_logistic", "levels": 17, "scale": "predicted"},
  ),
  "tanh": (
    IMAGE._replace(domain="binary"), {"name": "mlp", "hidden": [9], "observes": True},
    {"name": "bernoulli"},
  ),
  "softplus": (NOTES, {"name": "mlp", "hidden": [9]}, {"name": "categorical"}),
  "leaky_relu": (TABLE, {"name": "mlp", "hidden": [9]}, {"name": "gaussian", "scale": "shared"}),
}  # fmt: skip


def made(spec, model, likelihood, latents=3, count=30, axes=None):
  """A run with drawn data and drawn parameters, biases among them."""
  config = configuration.resolve(
    {
      "data": {"name": "digits"}, "model": {**model, "latents": latents},
      "likelihood": likelihood, "objective": {"name": "beta"},
    }
  )  # fmt: skip
  rng = np.random.default_rng(0)
  x = rng.random((count, *spec.shape), np.float32)
  if spec.domain == "category":
    x = rng.integers(0, spec.categories, x.shape, dtype=np.int32)
  rows = {"x": np.round(x) if spec.domain == "binary" else x}
  if spec.classes:
    rows["label"] = (np.arange(count) % len(spec.classes)).astype(np.int32)
  splits = dict.fromkeys(("train", "valid", "test"), rows)
  vae = models.build(config, spec)
  run = open_with(Dataset("made", spec, splits, "Made."), vae, axes=axes)
  keys = jax.random.split(jax.random.key(1), len(run.members))
  drawn = lambda x: (x + 0.3 * rng.normal(size=x.shape)).astype(np.float32)
  return run._replace(
    config={**run.config, "model": config["model"], "likelihood": config["likelihood"]},
    likelihood=models.build_likelihood(config["likelihood"], spec),
    params=jax.tree.map(drawn, jax.jit(jax.vmap(vae.init))(keys)),
  )


def case(name):
  """A run of CASES; an mlp's name is that of its activation."""
  spec, model, likelihood = CASES[name]
  options = {"activation": name} if model["name"] == "mlp" else {}
  return made(spec, {**model, **options}, likelihood)


def browsed(text, folder, width=1280):
  """The title that a page gave itself in a frame of some width, and the browser's log."""
  (folder / "inner.html").write_text(text)
  frame = (
    f'<iframe src="inner.html" style="width:{width}px;height:900px;border:0"></iframe>'
  )
  relay = "setInterval(() => { document.title = frames[0].document.title }, 50)"
  (folder / "outer.html").write_text(
    f"<title>-</title>{frame}<script>onload = () => {relay}</script>"
  )
  flags = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run"
    " --disable-sync --allow-file-access-from-files --enable-logging=stderr"
    " --virtual-time-budget=20000 --dump-dom"
  )
  found = subprocess.run(
    [
      BROWSER, *flags.split(), f"--user-data-dir={folder / 'profile'}",
      (folder / "outer.html").as_uri(),
    ],
    capture_output=True, text=True, timeout=90, check=True,
  )  # fmt: skip
  title = html.unescape(re.search("<title>(.*?)</title>", found.stdout, re.S).group(1))
  return title, found.stderr


def embedded(path) -> dict:
  found = re.search(
    r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.S
  )
  return json.loads(found.group(1))


def unpacked(packed) -> np.ndarray:
  scale = np.frombuffer(base64.b64decode(packed["s"]), "<f4")
  whole = np.frombuffer(base64.b64decode(packed["q"]), "<i2")
  return whole.reshape(-1, len(scale)) * scale


needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on the path")


@pytest.mark.browser
@needs_browser
def test_the_networks_in_a_browser_are_those_of_jax(tmp_path):
  """Decoder and encoder of every kind, at five codes and five examples, within 1e-3."""
  asked, expected = [], []
  z = np.asarray(2 * np.random.default_rng(2).normal(size=(5, 3)), np.float32)
  for name in CASES:
    run = case(name)
    params = at(run, 0)
    show = lambda z, run=run, params=params: pictures.shown(run.vae, run.spec, params, z)
    x = np.asarray(run.dataset.splits["test"]["x"][:5], np.float32)
    encode = lambda x, run=run, params=params: run.vae.posterior(params, {"x": x}).mean
    asked.append({"net": network.describe(run, 0, True), "z": z.tolist()})
    asked[-1]["x"] = x.reshape(5, -1).tolist()
    shown = np.asarray(jax.jit(jax.vmap(show))(z)).reshape(5, -1)
    expected.append((shown, np.asarray(jax.jit(jax.vmap(encode))(x))))
  scripts = (explore_page.HERE / "network.js").read_text()
  ask = """const told = asked.map(({net, z, x}) => [
    z.map((row) => [...network.decode(net, row, 0)]),
    x.map((row) => [...network.encode(net, row, 0)]),
  ]); document.title = JSON.stringify(told);"""
  page = (
    f"<title>-</title><script>{scripts}</script><script>const asked = {json.dumps(asked)};"
  )
  told, log = browsed(f"{page}{ask}</script>", tmp_path)
  assert "CONSOLE" not in log
  for name, found, (shown, codes) in zip(CASES, json.loads(told), expected, strict=True):
    np.testing.assert_allclose(found[0], shown, atol=1e-3, err_msg=f"decoder, {name}")
    np.testing.assert_allclose(found[1], codes, atol=1e-3, err_msg=f"encoder, {name}")
    assert np.std(shown, 0).max() > 0.02, name  # the codes make a difference


@pytest.mark.browser
@needs_browser
def test_a_label_stands_beside_the_code(tmp_path):
  """One-hot of it, after z: the decoder of L + C numbers is asked for L of them."""
  run = made(IMAGE, {"name": "mlp", "hidden": [9]}, {"name": "cross_entropy"}, latents=5)
  params = at(run, 0)
  z = np.asarray([0.5, -1.0], np.float32)
  beside = jnp.concatenate([jnp.asarray(z), jnp.asarray([0.0, 0.0, 1.0])])
  expected = np.asarray(run.vae.mean(params, beside)).ravel()
  net = network.describe(
    run._replace(vae=run.vae._replace(given=lambda y: run.vae)), 0, False
  )
  script = (explore_page.HERE / "network.js").read_text()
  ask = f"JSON.stringify([...network.decode({json.dumps(net)}, {z.tolist()}, 2)])"
  told, _ = browsed(
    f"<title>-</title><script>{script}document.title = {ask}</script>", tmp_path
  )
  np.testing.assert_allclose(json.loads(told), expected, atol=1e-3)


@pytest.fixture
def sweep():
  """Three members on images with three classes: two seeds of a β, and another β."""
  rows = [{"beta": 1.0, "seed": 0}, {"beta": 1.0, "seed": 1}, {"beta": 4.0, "seed": 0}]
  return made(*CASES["conv"], axes=rows)


def at(run, member):
  return jax.tree.map(lambda x: jnp.asarray(x[member]), run.params)


def drawn(run, member, z) -> np.ndarray:
  """What JAX draws at a code, [*shape]."""
  show = lambda z: pictures.shown(run.vae, run.spec, at(run, member), z)
  return np.asarray(jax.jit(show)(jnp.asarray(z, jnp.float32)))


def codes(run, member) -> np.ndarray:
  encode = lambda x: run.vae.posterior(at(run, member), {"x": x}).mean
  return np.asarray(jax.jit(jax.vmap(encode))(run.dataset.splits["test"]["x"]))


def test_sixteen_bits_are_off_by_half_a_step():
  values = np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 1e-4, 0.0]
  step = np.abs(values).max(0) / 32767
  off = np.abs(unpacked(network.tensor(values)) - values)
  assert (off <= 0.501 * step).all()


def test_the_planes_are_of_the_busiest_latents_and_of_the_most_variance():
  rng = np.random.default_rng(0)
  means = (
    rng.normal(size=(200, 4))
    @ np.diag([1.0, 3.0, 0.1, 2.0])
    @ ortho_group.rvs(4, random_state=rng)
  )
  two, main = explore_page.planes(means, np.asarray([3, 1, 0, 2]))
  assert two["axes"] == [[0, 0, 0, 1], [0, 1, 0, 0]]
  assert two["names"] == ["latent 4", "latent 2"]
  _, vectors = np.linalg.eigh(np.cov(means.T))
  products = np.abs(np.asarray(main["axes"]) @ vectors[:, ::-1])
  np.testing.assert_allclose(products, np.eye(2, 4), atol=1e-6)
  np.testing.assert_allclose(main["point"], means.mean(0), atol=1e-6)
  assert explore_page.planes(means[:, :1], np.asarray([0])) == []


def test_the_page_is_whole_and_holds_a_seed_of_each_setting(sweep, tmp_path):
  path = explore.write([sweep], tmp_path)
  text, data = path.read_text(), embedded(path)
  assert [one["name"] for one in data["members"]] == ["β 1", "β 4"]
  for one, member in zip(data["members"], (0, 2), strict=True):
    np.testing.assert_allclose(unpacked(one["codes"]), codes(sweep, member), atol=1e-3)
  assert data["labels"] == sweep.dataset.splits["test"]["label"].tolist()
  assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["data:,"]
  assert "default-src 'none'" in text
  labelled = set(re.findall(r'for="([^"]+)"', text))
  inputs = set(re.findall(r'<(?:input|select)[^>]* id="([^"]+)"', text))
  assert inputs - labelled == {"invert"}  # which stands within its label
  ids = re.findall(r' id="([^"$]+)"', text)
  assert len(ids) == len(set(ids))


def test_members_may_be_named_and_the_encoder_left_out(sweep, tmp_path):
  path = explore.write([sweep], tmp_path, "2, 1", encoder=False)
  data = embedded(path)
  assert [one["name"] for one in data["members"]] == ["β 4 · seed 0", "β 1 · seed 1"]
  assert data["members"][0]["net"]["encoder"] is None
  assert 'id="file"' not in path.read_text()
  with pytest.raises(UserError, match=r"'3'; expected numbers of the members 0, 1, 2"):
    explore.write([sweep], tmp_path, "3")


def test_what_cannot_be_shown_is_told_in_a_sentence(sweep, tmp_path, monkeypatch):
  other = {**sweep.config, "model": {"name": "sentence"}}
  with pytest.raises(
    UserError, match=r"of the models conv, mlp, linear; .* is one of 'sen"
  ):
    explore.write([sweep._replace(config=other)], tmp_path)
  other = {**sweep.config, "likelihood": {"name": "multinomial"}}
  with pytest.raises(UserError, match="has 'multinomial', of which it has no picture"):
    explore.write([sweep._replace(config=other)], tmp_path)
  with pytest.raises(UserError, match=r"have the shape \(8, 7, 2\)"):
    explore.write([sweep._replace(spec=IMAGE._replace(shape=(8, 7, 2)))], tmp_path)
  with pytest.raises(UserError, match="different data"):
    explore.write([sweep, sweep._replace(spec=IMAGE._replace(classes=()))], tmp_path)
  monkeypatch.setattr(explore_page, "LIMIT", 1000)
  with pytest.raises(UserError, match="name fewer members"):
    explore.write([sweep], tmp_path)
  assert not (tmp_path / "explore.html").exists()


def test_the_command_says_what_is_no_run(tmp_path):
  words = [sys.executable, "-m", "vae_jax.explore", str(tmp_path)]
  found = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
  assert found.returncode == 2
  assert found.stderr.startswith("Error: ")
  assert "is no run directory" in found.stderr


def test_the_report_leads_there_only_where_it_is(sweep, tmp_path):
  link = 'href="explore.html"'
  assert link not in report_page.render(tmp_path, "python evaluate.py").read_text()
  assert 'href="report.html"' in explore.write([sweep], tmp_path).read_text()
  assert link in report_page.render(tmp_path, "python evaluate.py").read_text()


FRAMES = "<head><script>requestAnimationFrame = (fn) => setTimeout(fn, 0)</script>"
WALK = """<script>
const told = [], byId = (id) => document.getElementById(id), files = [];
addEventListener("error", (event) => told.push(event.message));
const fire = (target, event) => target.dispatchEvent(event);
const slide = (id, value) => { byId(id).value = value; fire(byId(id), new Event("input")); };
const key = (name) => fire(byId("map"), new KeyboardEvent("keydown", {key: name}));
const pictured = JSON.parse(byId("data").textContent);
URL.createObjectURL = (blob) => { files.push(blob); return "data:,"; };
HTMLAnchorElement.prototype.click = function () { told.push(this.download); };
const pixels = (id) => {
  const copy = document.createElement("canvas"), pen = copy.getContext("2d");
  [copy.width, copy.height] = [byId(id).width, byId(id).height];
  pen.drawImage(byId(id), 0, 0);
  const { data } = pen.getImageData(0, 0, copy.width, copy.height);
  return [...data].filter((_, i) => i % 4 === 0);
};
const text = (blob) => new Promise((done) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(",")[1]);
  reader.readAsDataURL(blob);
});
const pause = () => new Promise((done) => setTimeout(done, 20));
const until = async (ready) => {
  while (!ready()) await pause();
  await pause(); // the frame after it
};
const steps = {
  opened: () => {},
  slid: () => slide(`z-${pictured.members[0].sliders[0].at}`, 1.5),
  zero: () => byId("zero").click(),
  keyed: () => { key("ArrowRight"); key("ArrowDown"); },
  pointed: () => {
    const box = byId("map").getBoundingClientRect();
    byId("map").setPointerCapture = () => {};
    const at = {clientX: box.left + box.width, clientY: box.top + box.height / 2, pointerId: 1};
    fire(byId("map"), new PointerEvent("pointerdown", at));
  },
  class: () => document.querySelectorAll("#classes button")[1].click(),
  halfway: () => slide("morph", 0.5),
  surprised: () => byId("draw").click(),
  own: async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [14, 16];
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, 14, 16);
    pen.fillStyle = "#000";
    pen.fillRect(4, 4, 6, 8);
    const blob = await new Promise((done) => canvas.toBlob(done));
    const carried = new DataTransfer();
    carried.items.add(new File([blob], "own.png"));
    fire(document, new DragEvent("drop", {dataTransfer: carried, cancelable: true}));
  },
  other: () => document.querySelectorAll("input[name=member]")[1].click(),
};
(async () => {
  const notes = {};
  for (const [name, act] of Object.entries(steps)) {
    await act();
    await until(() => name !== "own" || byId("said").textContent.includes("encoded"));
    const numbers = [0, 1, 2].map((l) => Number(byId(`told-${l}`).textContent));
    notes[name] = [...numbers, ...pixels("picture")];
  }
  notes.given = pixels("given");
  byId("path").click();
  await until(() => files.length);
  notes.path = await text(files[0]);
  const view = document.documentElement;
  notes.wide = view.scrollWidth - view.clientWidth;
  const fetched = performance.getEntriesByType("resource").map((r) => r.name);
  notes.fetched = fetched.filter((name) => !/^(data|blob):/.test(name)).length;
  notes.told = told;
  document.title = JSON.stringify(notes);
})();
</script></body>"""


@pytest.mark.browser
@needs_browser
def test_a_walk_through_the_page(sweep, tmp_path):
  """At 390 pixels: each control moves the code as it says, and JAX draws the same there."""
  path = explore.write([sweep], tmp_path)
  title, log = browsed(
    path.read_text().replace("<head>", FRAMES).replace("</body>", WALK), tmp_path, 390
  )
  assert "CONSOLE" not in log
  notes = json.loads(title)
  assert (notes["wide"], notes["fetched"], notes["told"]) == (0, 0, ["path.png"])
  first, second = codes(sweep, 0), codes(sweep, 2)
  busy = [one["at"] for one in embedded(path)["members"][0]["sliders"]]
  along, across = np.eye(3)[busy[:2]]
  given = np.asarray(notes["given"]).reshape(8, 7, 1) / 255
  assert abs(given[0, 0, 0] - given[4, 3, 0]) == 1
  encoded = [
    np.asarray(
      sweep.vae.posterior(at(sweep, i), {"x": jnp.asarray(given, jnp.float32)}).mean
    )
    for i in (0, 2)
  ]
  slid = first[0].copy()
  slid[busy[0]] = 1.5
  expected = {
    "opened": first[0],
    "slid": slid,
    "zero": np.zeros(3),
    "keyed": 0.1 * along - 0.1 * across,
    "pointed": 1.05 * max(3, np.abs(first[:, busy[:2]]).max()) * along,
    "class": first[sweep.dataset.splits["test"]["label"] == 1].mean(0),
    "halfway": (first[0] + first[1]) / 2,  # A and B are the first of two classes
    "own": encoded[0],
    "other": encoded[1],
  }
  for name, z in expected.items():
    np.testing.assert_allclose(notes[name][:3], z, atol=0.008, err_msg=name)
    member = 2 if name == "other" else 0
    grey = 255 * drawn(sweep, member, z).ravel()
    np.testing.assert_allclose(notes[name][3:], grey, atol=1, err_msg=name)
  assert 0.05 < np.abs(np.subtract(notes["surprised"], notes["halfway"])[:3]).max() < 9
  with Image.open(io.BytesIO(base64.b64decode(notes["path"]))) as film:
    assert (film.n_frames, film.size, film.info["duration"]) == (46, (336, 384), 60)
    for frame, z in ((0, encoded[1]), (23, second[1]), (45, None)):
      film.seek(frame)
      shown = np.asarray(film.convert("RGB"))
      assert (shown == np.repeat(np.repeat(shown[::48, ::48], 48, 0), 48, 1)).all()
      if z is not None:
        grey = 255 * drawn(sweep, 2, z)[..., 0]
        np.testing.assert_allclose(shown[::48, ::48, 0], grey, atol=1)
