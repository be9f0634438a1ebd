"""The explorer in a browser: its networks are JAX's, and every control does what it says."""

import base64
import io
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explored import (
  CASES,
  IMAGE,
  at,
  browsed,
  case,
  codes,
  drawn,
  embedded,
  made,
  needs_browser,
  three_members,
  unpacked,
)
from PIL import Image

from vae_jax import explore
from vae_jax.evaluation import pictures
from vae_jax.explore import network
from vae_jax.explore import page as explore_page

WALK = (pathlib.Path(__file__).parent / "explore_walk.js").read_text()
# Frames are drawn in real time, which the time of a page that is looked at by a test is not.
FRAMES = "<head><script>requestAnimationFrame = (fn) => setTimeout(fn, 0)</script>"


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
  ]); document.title = JSON.stringify(told);"""
  page = (
    f"<title>-</title><script>{scripts}</script><script>const asked = {json.dumps(asked)};"
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
  told, _ = browsed(
    f"<title>-</title><script>{script}document.title = {ask}</script>", tmp_path
  )
  np.testing.assert_allclose(json.loads(told), expected, atol=1e-3)


@pytest.mark.browser
@needs_browser
def test_a_walk_through_the_page(tmp_path):
  """At 390 pixels: each control moves the code as it says, and JAX draws the same there."""
  sweep = three_members()
  path = explore.write([sweep], tmp_path)
  title, log = browsed(
    path.read_text()
    .replace("<head>", FRAMES)
    .replace("</body>", f"<script>{WALK}</script></body>"),
    tmp_path,
    390,
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
  draws = unpacked(embedded(path)["members"][0]["draws"])
  assert np.abs(draws - notes["surprised"][:3]).max(1).min() < 0.006
  with Image.open(io.BytesIO(base64.b64decode(notes["path"]))) as film:
    assert (film.n_frames, film.size, film.info["duration"]) == (46, (336, 384), 60)
    for frame, z in ((0, encoded[1]), (23, second[1]), (45, None)):
      film.seek(frame)
      shown = np.asarray(film.convert("RGB"))
      assert (shown == np.repeat(np.repeat(shown[::48, ::48], 48, 0), 48, 1)).all()
      if z is not None:
        grey = 255 * drawn(sweep, 2, z)[..., 0]
        np.testing.assert_allclose(shown[::48, ::48, 0], grey, atol=1)


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize(("name", "latents"), [("linear", 1), ("softplus", 3)])
def test_what_is_no_image_has_a_page_too(tmp_path, name, latents):
  """Bars of a table with one latent and so no map; a sequence as a picture in grey."""
  run = case(name, latents)
  text = explore.write([run], tmp_path).read_text()
  assert ('id="map"' in text, 'id="file"' in text) == (latents > 1, False)
  ask = """<script>const pen = document.createElement("canvas").getContext("2d");
  setTimeout(() => {
    const canvas = document.getElementById("picture");
    [pen.canvas.width, pen.canvas.height] = [canvas.width, canvas.height];
    pen.drawImage(canvas, 0, 0);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    const seen = [canvas.width, canvas.height, data.some((v) => v > 0)];
    document.title = JSON.stringify(seen);
  }, 100)</script></body>"""
  page = text.replace("<head>", FRAMES).replace("</body>", ask)
  title, log = browsed(page, tmp_path, 390)
  assert json.loads(title) == ([480, 240, True] if latents == 1 else [3, 4, True])
  assert "CONSOLE" not in log
