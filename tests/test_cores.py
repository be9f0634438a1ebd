"""Independent programs beside one another: the same numbers, one compiled form, errors told."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax.training import cores


@pytest.fixture
def two_cores(monkeypatch):
  monkeypatch.setattr(cores, "count", lambda: 2)
  cores._pool.cache_clear()
  yield
  cores._pool.cache_clear()


def test_results_come_in_the_order_of_the_items(two_cores):
  third_is_done = threading.Event()

  def fn(item):
    if item == 0:
      assert third_is_done.wait(10)  # only another thread can set it
    if item == 2:
      third_is_done.set()
    return item**2

  assert cores.each(fn, range(5)) == [0, 1, 4, 9, 16]


def test_one_core_calls_in_turn_in_the_caller_thread(monkeypatch):
  monkeypatch.setattr(cores, "count", lambda: 1)
  found = cores.each(lambda item: threading.current_thread(), range(3))
  assert found == [threading.main_thread()] * 3


def test_the_first_exception_is_raised(two_cores):
  def fn(item):
    if item:
      raise ValueError(f"item {item}")

  with pytest.raises(ValueError, match="item 1"):
    cores.each(fn, range(3))


def test_beside_another_a_program_is_compiled_once_and_gives_the_same_bits(two_cores):
  traces = []

  @jax.jit
  def program(x):
    traces.append(threading.current_thread().name)
    return jnp.linalg.matrix_power(x, 3) + jnp.sin(x).sum()

  inputs = [jax.random.normal(jax.random.key(i), (200, 200)) for i in range(12)]
  beside = cores.each(program, inputs)
  assert len(traces) == 1
  for x, found in zip(inputs, beside, strict=True):
    np.testing.assert_array_equal(found, program(x))


def test_as_many_as_the_cores_that_may_be_used():
  expected = 1 if jax.local_device_count() > 1 else len(cores.os.sched_getaffinity(0))
  assert cores.count() == expected
