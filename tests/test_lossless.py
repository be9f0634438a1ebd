"""Lossless baselines on symbols whose entropy is known."""

import zlib

import numpy as np
import pytest

from vae_jax.baselines import lossless
from vae_jax.metrics import rate_distortion


def checkers(count, seed=0):
  """Rows that repeat the row above with a chance of 0.9, [N, 12, 8, 1]."""
  rng = np.random.default_rng(seed)
  x = rng.integers(0, 2, (count, 12, 8, 1))
  for row in range(1, 12):
    kept = rng.random((count, 8, 1)) < 0.9
    x[:, row] = np.where(kept, x[:, row - 1], 1 - x[:, row - 1])
  return x


def test_a_context_model_finds_the_entropy():
  model = lossless.Contexts(checkers(3000), checkers(100, 1), 2)
  x = checkers(400, 2)
  flip = -(0.1 * np.log2(0.1) + 0.9 * np.log2(0.9))
  entropy = 8 + 11 * 8 * flip
  assert (
    0.98 * entropy < model.bits(x).mean() < 1.1 * entropy
  )  # sparse counts cost a little
  # A pixel alone is a fair coin.
  alone = lossless.marginal_bits(checkers(3000), x, 2)
  assert alone.mean() == pytest.approx(96, rel=0.01)


def test_a_context_looks_only_at_what_stands_before():
  model = lossless.Contexts(checkers(50), checkers(20, 1), 2)
  x = checkers(5, 3)
  other = x.copy()
  other[:, 6:, :] = 1 - other[:, 6:, :]
  np.testing.assert_array_equal(model._context(x)[:, :6], model._context(other)[:, :6])
  changed = x.copy()
  changed[:, 6, 4] = 1 - changed[:, 6, 4]
  differ = model._context(x) != model._context(changed)
  assert not differ[:, 6, :5].any()
  assert differ[:, 7, 4].all()


def test_grey_contexts_are_a_distribution():
  rng = np.random.default_rng(0)
  x = rng.integers(0, 17, (60, 6, 6, 1))
  model = lossless.Contexts(x[:40], x[40:50], 17)
  table = model.counts + model.added * model.share
  np.testing.assert_allclose((table / table.sum(1, keepdims=True)).sum(1), 1)
  assert model.bits(x[50:]).mean() == pytest.approx(36 * np.log2(17), rel=0.05)


def test_archives_and_sheets_hold_all_of_it():
  x = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 1))
  for name in lossless.ARCHIVES:
    assert lossless.archive_bits(x, 256, name) >= 8 * x.size  # noise does not shrink
  assert lossless.archive_bits(0 * x, 256, "bz2") < 8 * 100
  binary = checkers(64)
  packed = len(zlib.compress(np.packbits(binary.astype(np.uint8)).tobytes()))
  assert lossless.archive_bits(binary, 2, "gzip") == pytest.approx(8 * packed, rel=0.1)
  sheet = lossless.contact_sheet(x)
  assert sheet.shape == (24, 24, 1)
  np.testing.assert_array_equal(sheet[8:16, 16:24], x[5])
  for name in lossless.pictures():
    assert 0 < lossless.sheet_bits(0 * x, 256, name) < lossless.sheet_bits(x, 256, name)


def test_jpeg_xl_is_a_row_where_its_extra_is_installed(monkeypatch):
  pytest.importorskip("pillow_jxl")
  assert lossless.pictures() == lossless.PICTURES
  monkeypatch.setattr(lossless.importlib.util, "find_spec", lambda name: None)
  assert lossless.pictures() == ("PNG", "WEBP")


def test_half_the_bits_at_every_error_is_a_rate_of_minus_fifty_per_cent():
  bits = np.array([50.0, 100.0, 200.0, 400.0])
  psnr = 10 + 3 * np.log2(bits)
  found = rate_distortion.bjontegaard(bits, psnr, bits / 2, psnr)
  assert found == pytest.approx(-50, abs=0.1)
  assert rate_distortion.bjontegaard(bits, psnr, bits, psnr) == pytest.approx(0, abs=1e-9)
  assert np.isnan(rate_distortion.bjontegaard(bits, psnr, bits, psnr + 100))  # no overlap


def test_interpolation_at_an_error():
  bits, mse = np.array([10.0, 100.0]), np.array([0.1, 0.001])
  assert rate_distortion.bits_at(bits, mse, 0.01) == pytest.approx(10**1.5)
  assert np.isnan(rate_distortion.bits_at(bits, mse, 0.5))
