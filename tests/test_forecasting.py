"""Windows with steps missing: fillings whose answer is known, and a model that knows it too."""

import jax.numpy as jnp
import made
import numpy as np
import pytest
from helpers import evaluated, means

from vae_jax.applications import forecasting
from vae_jax.baselines import series_filling as plain
from vae_jax.types import Dataset, Posterior, Spec, UserError

STEPS = 16


def waves(count, rng):
  """a sin + b cos of period 8 on one sensor, and twice that on another; [N, T, 2], a and b."""
  ab = rng.normal(size=(count, 2))
  angle = 2 * np.pi * np.arange(STEPS) / 8
  x = ab @ np.stack([np.sin(angle), np.cos(angle)])
  return np.stack([x, 2 * x], -1).astype(np.float32)


def data():
  rng = np.random.default_rng(0)
  splits = {name: {"x": waves(30, rng)} for name in ("train", "valid", "test")}
  odd = np.arange(30) < 10  # anomalous windows of test are not filled in
  splits["test"]["x"][odd] += 50
  splits["test"]["anomaly"] = odd.astype(np.int32)
  return Dataset("waves", Spec((STEPS, 2), "sequence", "real"), splits, "Made.")


def knows(dataset):
  """A model whose code is (a, b) and whose decoder is exact."""
  angle = 2 * np.pi * np.arange(STEPS) / 8
  basis = np.stack([np.sin(angle), np.cos(angle)])
  flat = np.stack([basis, 2 * basis], -1).reshape(2, -1)
  inverse = jnp.asarray(np.linalg.pinv(flat), jnp.float32)
  both = jnp.asarray(flat, jnp.float32)
  encode = lambda params, x: Posterior(x.reshape(-1) @ inverse, jnp.full(2, -20.0))
  return made.bind(dataset, encode, lambda params, z: (z @ both).reshape(STEPS, 2), 2)


def test_straight_lines_and_periods_are_exact_where_they_should_be():
  x = waves(3, np.random.default_rng(1))
  observed = forecasting.masks(x.shape, 1, "test")
  for mask in observed:
    filled = plain.interpolated(x * mask, mask)
    seen = mask[0, :, 0] > 0.5
    expected = np.interp(np.arange(STEPS), np.flatnonzero(seen), x[0, seen, 1])
    np.testing.assert_allclose(filled[0, :, 1], expected, rtol=1e-6)
  end = observed[0]
  np.testing.assert_allclose(plain.periodic(x * end, end, 8), x, atol=1e-5)
  np.testing.assert_allclose(plain.periodic(x * end, end, 4)[:, -4:], -x[:, -4:], atol=1e-5)
  assert plain.tuned(x * end, end, x) == 8
  nothing = np.zeros_like(end)
  np.testing.assert_array_equal(plain.interpolated(x * nothing, nothing), 0 * x)


def test_scored_windows_share_no_step():
  """By hand: two series, windows of 4 that begin 2 apart, and a gap in the second series."""
  series = np.array([0, 0, 0, 0, 1, 1, 1])
  start = np.array([0, 2, 4, 6, 1, 3, 9])
  np.testing.assert_array_equal(forecasting.apart(series, start, 4), [0, 2, 4, 6])


def test_masks_hide_what_their_names_say():
  found = forecasting.masks((5, STEPS, 2), 1, "test")[..., 0]
  assert found[0].sum(1).tolist() == [12] * 5
  assert not found[0, :, 12:].any()
  assert not found[1, :, 6:10].any()
  assert found[1].sum(1).tolist() == [12] * 5
  assert found[2].sum(1).tolist() == [8] * 5
  assert len(np.unique(found[2], axis=0)) == 5
  np.testing.assert_array_equal(
    found[2, :3], forecasting.masks((3, STEPS, 2), 1, "test")[2, ..., 0]
  )


def test_a_model_that_knows_the_waves_forecasts_them():
  dataset = data()
  run = made.open_with(dataset, knows(dataset))
  report = evaluated("forecasting", run, {"map_steps": 60, "limit": 12, "tune": 10})
  found = means(report, "mse")
  for condition in forecasting.NAMES:
    assert found[forecasting.MAP, condition] < 1e-3
    assert found[forecasting.ONCE, condition] > 10 * found[forecasting.MAP, condition]
    assert found["average window", condition] > 0.3
    assert found["conditional Gaussian", condition] < 0.01  # a Gaussian knows them as well
  assert found["one period away", forecasting.END] < 1e-6
  assert "forecast" in {figure.name for figure in report.figures}


def test_what_is_no_series_is_refused():
  dataset = made.table_data()
  run = made.open_with(dataset, made.identity(dataset))
  with pytest.raises(UserError, match="windows of numbers over time"):
    evaluated("forecasting", run)
