"""The explorer in a browser: its networks are JAX's, and every control does what it says."""

import base64
import io
import json
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from browsing import browsed, needs_browser
from explored import (
  CASES,
  IMAGE,
  at,
  case,
  codes,
  drawn,
  embedded,
  made,
  sentences,
  three_members,
  unpacked,
)
from PIL import Image

from vae_jax import asking, explore
from vae_jax.evaluation import pictures
from vae_jax.explore import network
from vae_jax.explore import page as explore_page

WALK = (pathlib.Path(__file__).parent / "explore_walk.js").read_text()


@pytest.mark.browser
@needs_browser
def test_the_networks_in_a_browser_are_those_of_jax(tmp_path):
  """Decoder and encoder of every kind, at five codes and five examples, within 1e-3."""
  asked, expected = [], []
  z = np.asarray(2 * np.random.default_rng(2).normal(size=(5, 3)), np.float32)
  for name in CASES:
    run = case(name)
    params = at(run, 0)
    x = np.asarray(run.dataset.splits["test"]["x"][:5], np.float32)
    both = lambda z, x, run=run, params=params: (
      pictures.shown(run.vae, run.spec, params, z),
      run.vae.posterior(params, {"x": x}).mean,
    )
    asked.append({"net": network.describe(run, 0, True), "z": z.tolist()})
    asked[-1]["x"] = x.reshape(5, -1).tolist()
    shown, means = jax.jit(jax.vmap(both))(z, x)
    expected.append((np.asarray(shown).reshape(5, -1), np.asarray(means)))
  scripts = (explore_page.HERE / "network.js").read_text()
  ask = """const told = asked.map(({net, z, x}) => [
    z.map((row) => [...network.decode(net, row, 0)]),
    x.map((row) => [...network.encode(net, row, 0)]),
  ]); tell(JSON.stringify(told));"""
  page = (
    f"<head></head><script>{scripts}</script><script>const asked = {json.dumps(asked)};"
  )
  told, log = browsed(f"{page}{ask}</script>", tmp_path)
  assert "CONSOLE" not in log
  for name, found, (shown, means) in zip(CASES, json.loads(told), expected, strict=True):
    np.testing.assert_allclose(found[0], shown, atol=1e-3, err_msg=f"decoder, {name}")
    np.testing.assert_allclose(found[1], means, atol=1e-3, err_msg=f"encoder, {name}")
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
  told, _ = browsed(f"<head></head><script>{script}tell({ask})</script>", tmp_path)
  np.testing.assert_allclose(json.loads(told), expected, atol=1e-3)


@pytest.mark.browser
@needs_browser
def test_a_walk_through_the_page(tmp_path):
  """At 390 pixels: each control moves the code as it says, and JAX draws the same there."""
  sweep = three_members()
  path = explore.write([sweep], tmp_path)
  page = path.read_text().replace("</body>", f"<script>{WALK}</script></body>")
  told, log = browsed(page, tmp_path, 390)
  assert "CONSOLE" not in log
  notes = json.loads(told)
  assert (notes["wide"], notes["fetched"], notes["saved"]) == (0, 0, ["path.svg"])
  first, second = codes(sweep, 0), codes(sweep, 2)
  busy = [int(at) for at in re.findall(r'id="z-0-(\d)"', path.read_text())]
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
  draws = unpacked(embedded(path)["members"][0]["draws"])
  assert np.abs(draws - notes["surprised"][:3]).max(1).min() < 0.006
  film = base64.b64decode(notes["path"]).decode()
  frames = re.findall(r'href="data:image/png;base64,([^"]+)"', film)
  times = re.findall(r'keyTimes="0;([^;]+);([^"]+)"', film)
  np.testing.assert_allclose(np.float64(times)[:, 0], np.arange(46) / 46)
  np.testing.assert_allclose(np.float64(times)[:, 1], np.arange(1, 47) / 46)
  for frame, z in ((0, encoded[1]), (23, second[1]), (45, None)):
    with Image.open(io.BytesIO(base64.b64decode(frames[frame]))) as picture:
      shown = np.asarray(picture.convert("RGB"))
    assert shown.shape == (8, 7, 3)
    if z is not None:
      np.testing.assert_allclose(shown[..., 0], 255 * drawn(sweep, 2, z)[..., 0], atol=1)


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("condition", ["none", "label"])
def test_a_sentence_in_a_browser_is_that_of_jax(tmp_path, cell, condition):
  """Word by word the likeliest, until the end, at eight codes under the label 1."""
  run = sentences(cell, condition)
  z = np.asarray(3 * np.random.default_rng(2).normal(size=(8, 3)), np.float32)
  expected = asking.greedy(run, z, np.ones(8, int), jax.random.key(0))[0]
  asked = {"net": network.describe(run, 0, False), "z": z.tolist()}
  script = (explore_page.HERE / "network.js").read_text()
  ask = "JSON.stringify(asked.z.map((row) => [...network.decode(asked.net, row, 1)]))"
  page = f"<head></head><script>{script}const asked = {json.dumps(asked)};"
  told, log = browsed(f"{page}tell({ask})</script>", tmp_path)
  assert "CONSOLE" not in log
  assert len({tuple(row) for row in expected.tolist()}) > 1
  np.testing.assert_array_equal(json.loads(told), expected)


@pytest.mark.browser
@needs_browser
def test_words_are_a_list_that_follows_a_slider(tmp_path):
  """The words of the code, and those that a slider has changed marked as new."""
  run = sentences("gru", "none")
  path = explore.write([run], tmp_path)
  busy = int(re.search(r'id="z-0-(\d)"', path.read_text()).group(1))
  ask = """<script>
  const read = () => [...document.querySelectorAll("#picture li")].map((item) => item.textContent);
  requestAnimationFrame(() => {
    const [before, input] = [read(), document.querySelector("#sliders input")];
    input.value = 3;
    input.dispatchEvent(new Event("input", {bubbles: true}));
    requestAnimationFrame(() => {
      const fresh = [...document.querySelectorAll("#picture .new")].map((item) => item.textContent);
      tell(JSON.stringify([before, read(), fresh]));
    });
  })</script></body>"""
  told, log = browsed(path.read_text().replace("</body>", ask), tmp_path, 390)
  assert "CONSOLE" not in log
  before, after, fresh = json.loads(told)
  z = codes(run, 0)[:1].repeat(2, 0)
  z[1, busy] = 3
  greedy = asking.greedy(run, z, None, jax.random.key(0))[0]
  words = [[run.spec.symbols[i] for i in row if i > 1] for row in greedy]
  assert [before, after] == words
  assert before != after
  assert fresh == [w for i, w in enumerate(after) if before[i : i + 1] != [w]]


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize(("name", "latents"), [("linear", 1), ("softplus", 3)])
def test_what_is_no_image_has_a_page_too(tmp_path, name, latents):
  """Bars of a table with one latent and so no map; a sequence as a picture in grey."""
  run = case(name, latents)
  text = explore.write([run], tmp_path).read_text()
  assert ('id="map"' in text, 'id="file"' in text) == (latents > 1, False)
  ask = """<script>const pen = document.createElement("canvas").getContext("2d");
  requestAnimationFrame(() => {
    const canvas = document.getElementById("picture");
    [pen.canvas.width, pen.canvas.height] = [canvas.width, canvas.height];
    pen.drawImage(canvas, 0, 0);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    const seen = [canvas.width, canvas.height, data.some((v) => v > 0)];
    tell(JSON.stringify(seen));
  })</script></body>"""
  told, log = browsed(text.replace("</body>", ask), tmp_path, 390)
  assert json.loads(told) == ([480, 240, True] if latents == 1 else [3, 4, True])
  assert "CONSOLE" not in log
