"""Schedules at the points where their value is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import registry

KNOWN = {
  "constant": {0: 4.0, 10: 4.0, 100: 4.0},
  "linear": {0: 0.0, 5: 2.0, 10: 4.0, 50: 4.0},
  "cyclical": {0: 0.0, 2.5: 2.0, 5: 4.0, 9: 4.0, 10: 0.0, 12.5: 2.0},
  "pretrain": {0: 0.0, 10: 0.0, 15: 2.0, 20: 4.0, 90: 4.0},
  "lagging": {0: 0.0, 8: 0.0, 9: 4.0, 10: 4.0, 15: 4.0},
  "warmup_cosine": {0: 0.4, 4: 2.0, 9: 4.0, 55: 2.0, 100: 0.0},
}


@pytest.mark.parametrize("name", registry.names("schedules"))
def test_known_points_and_one_trace(name):
  schedule = jax.jit(registry.find("schedules", name))
  assert name in KNOWN, "a new schedule brings the points where its value is known"
  for step, value in KNOWN[name].items():
    got = schedule(4.0, jnp.float32(step), 10.0, 100.0)
    np.testing.assert_allclose(got, value, atol=1e-5)
  assert schedule._cache_size() == 1
