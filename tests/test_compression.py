"""Compression as an application: files that were decoded, beside what others make of them."""

import functools

import numpy as np
import pytest
from helpers import evaluated, means
from test_codec import KINDS, MODELS, random_run

from vae_jax.applications import compression
from vae_jax.applications.compression import _lossy
from vae_jax.baselines import transform_coding
from vae_jax.studies import lossy
from vae_jax.types import Dataset, UserError

FEW = {"limit": 40, "tune": 20}


def with_data(kind: str, seed=0):
  """An untrained run with examples whose elements are mostly the same symbol."""
  spec, likelihood, symbols, *rest = (KINDS | MODELS)[kind]
  if kind == "sentences":
    spec = spec._replace(symbols=("<pad>", "<end>", "<unk>", "a", "b", "c", "d"))
  model, parts = rest or ({}, {})
  rng, splits = np.random.default_rng(seed), {}
  for name, count in (("train", 300), ("valid", 30), ("test", 60)):
    x = np.where(
      rng.random((count, *spec.shape)) < 0.9,
      3 if kind == "sentences" else 1,
      rng.integers(0, symbols, (count, *spec.shape)),
    )
    if kind == "sentences":
      x[:, 0] = np.maximum(x[:, 0], 2)
      x[np.cumsum(x < 2, 1) > (x == 1)] = 0
    scale = 1 if spec.domain == "category" else symbols - 1
    kind_of = np.int32 if scale == 1 and spec.domain == "category" else np.float32
    splits[name] = {"x": (x / scale).astype(kind_of)}
    if spec.classes:
      splits[name]["label"] = rng.integers(0, len(spec.classes), count).astype(np.int32)
  run = random_run(spec, likelihood, parts=parts, **model)
  return run._replace(dataset=Dataset("made", spec, splits))


@functools.cache
def report_of(kind):
  return evaluated("compression", with_data(kind), FEW)


@pytest.mark.parametrize(
  "kind", ["binary", "grey", "levels", "words", "label", "sentences"]
)
def test_every_kind_of_symbol_has_a_file_beside_the_others(kind):
  found = report_of(kind)
  bits, total, ideal = (means(found, name) for name in ("bits", "total", "ideal"))
  ours = bits[compression.FILE, ""]
  assert (
    0.6 < ours / ideal[compression.FILE, ""] < 1.5
  )  # lanes of a small file; 24 bits at most
  assert total[compression.FILE, ""] > ours  # a header, and the random bits
  assert {"gzip", "bz2", "lzma", "share at each place"} <= {m for m, _ in bits}
  image = (KINDS | MODELS)[kind][0].kind == "image"
  assert (("PNG sheet", "") in bits) == image
  # Nothing was learned: whoever counts symbols wins, and the report says so.
  assert found.verdicts[0]["verdict"] == "behind"
  assert any("Behind the best baseline" in text for text in found.findings)


def test_sentences_have_bits_of_a_character():
  found = report_of("sentences")
  table = next(t for t in found.tables if t.title == "Bits per character")
  rows = {row[0]: row[1:] for row in table.rows}
  x = with_data("sentences").dataset.splits["test"]["x"][: FEW["limit"]]
  characters = (x > 1).sum() + len(x) - 1  # a line each
  whole = means(found, "total")[compression.FILE, ""] * x.size
  assert rows[f"VAE, {compression.FILE}"][2] == pytest.approx(whole / characters)
  assert rows["gzip"][0] > rows["gzip"][1]  # it has seen such text


def test_a_density_has_codes_with_loss_and_no_file_without():
  spec = KINDS["grey"][0]
  run = random_run(spec, {"name": "gaussian", "std": 0.1})
  run = run._replace(dataset=with_data("grey").dataset)
  found = evaluated("compression", run, FEW)
  assert not {m for m, _ in means(found, "bits")}
  titles = [t.title for t in found.tables]
  assert "Size of the code" in titles
  assert "With loss: rate and distortion" in titles
  size = next(t for t in found.tables if t.title == "Size of the code").rows[0]
  assert size[0] == run.vae.latents
  assert size[6] < size[4]  # untrained; PCA of as many numbers is not
  assert any("as many numbers as an example" in text for text in found.findings)


def test_what_a_rate_loses_falls_as_it_grows():
  table = next(t for t in report_of("grey").tables if t.title.startswith("With loss"))
  klt = np.array([row[1:3] for row in table.rows if row[0].startswith("KLT")])
  order = np.argsort(klt[:, 0])
  assert (np.diff(klt[order, 1]) <= 5e-5).all()  # half a count for steps never seen
  assert len(table.rows) > len(_lossy.STEPS)
  assert not any("loss" in t.title for t in report_of("words").tables)


def test_a_quantiser_costs_the_entropy_of_its_steps():
  codes = np.random.default_rng(0).normal(size=(4000, 3)) * [1, 2, 4]
  found = transform_coding.fit(codes, 0.5)
  places, again = transform_coding.quantise(found, codes)
  assert np.abs(again - codes).max() <= 0.25 + 1e-9
  cost = transform_coding.bits(found, places).mean()
  steps = np.round(codes / 0.5).astype(int)
  entropy = 0.0
  for column in steps.T:
    share = np.unique(column, return_counts=True)[1] / len(column)
    entropy -= (share * np.log2(share)).sum()
  assert cost == pytest.approx(entropy, rel=0.01)
  assert lossy.stream_bits(found, places) / len(codes) == pytest.approx(cost, rel=0.01)
  far = transform_coding.quantise(found, np.full((1, 3), 1e6))
  assert np.isfinite(transform_coding.bits(found, far[0])).all()


def test_a_picture_with_loss_is_of_every_image():
  x = np.linspace(0, 1, 5 * 8 * 8, dtype=np.float32).reshape(5, 8, 8, 1)
  for name in ("JPEG", "WEBP"):
    bits, shown = transform_coding.picture(x, name, 90)
    assert bits > 0
    assert shown.shape == x.shape
    assert np.abs(shown - x).mean() < 0.1


def test_a_density_has_no_file():
  run = with_data("grey")
  run = run._replace(likelihood=run.likelihood._replace(symbols=0, below=None))
  with pytest.raises(UserError, match="mass"):
    evaluated("compression", run)
