"""The explorer: its networks are JAX's, its page works in a browser, and nothing leaves it."""

import base64
import html
import io
import json
import re
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made import open_with
from PIL import Image

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
  splits = {name: rows for name in ("train", "valid", "test")}
  vae = models.build(config, spec)
  run = open_with(Dataset("made", spec, splits, "Made."), vae, axes=axes)
  keys = jax.random.split(jax.random.key(1), len(run.members))
  drawn = lambda x: (x + 0.3 * rng.normal(size=x.shape)).astype(np.float32)
  return run._replace(
    config={**run.config, "model": config["model"], "likelihood": config["likelihood"]},
    likelihood=models.build_likelihood(config["likelihood"], spec),
    params=jax.tree.map(drawn, jax.vmap(vae.init)(keys)),
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
  relay = "setTimeout(() => { document.title = frames[0].document.title }, 2500)"
  (folder / "outer.html").write_text(
    f"<title>-</title>{frame}<script>onload = () => {relay}</script>"
  )
  flags = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run"
    " --disable-sync --allow-file-access-from-files --enable-logging=stderr"
    " --virtual-time-budget=5000 --dump-dom"
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
    params = jax.tree.map(lambda x: jnp.asarray(x[0]), run.params)
    show = lambda z, run=run, params=params: pictures.shown(run.vae, run.spec, params, z)
    x = np.asarray(run.dataset.splits["test"]["x"][:5], np.float32)
    encode = lambda x, run=run, params=params: run.vae.posterior(params, {"x": x}).mean
    asked.append({"net": network.describe(run, 0, True), "z": z.tolist()})
    asked[-1]["x"] = x.reshape(5, -1).tolist()
    codes = jax.vmap(encode)(jnp.asarray(x))
    expected.append((np.asarray(jax.vmap(show)(z)).reshape(5, -1), np.asarray(codes)))
  scripts = (explore_page.HERE / "network.js").read_text()
  ask = """const told = asked.map(({net, z, x}) => [z.map((row) => [...network.decode(net, row, 0)]),
    x.map((row) => [...network.encode(net, row, 0)])]); document.title = JSON.stringify(told);"""
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
  params = jax.tree.map(lambda x: jnp.asarray(x[0]), run.params)
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
