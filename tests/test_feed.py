"""A resident and a streamed split give the same bits, in the order that `permutation` says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import data, noise
from vae_jax.training import feed, permutation
from vae_jax.types import Dataset, Spec, UserError

STEPS = 37  # of 100 of 1,297 examples: nearly three epochs, with batches across borders


@pytest.fixture(scope="module")
def digits():
  return data.load({"name": "digits", "binarise": "dynamic"}, None)


@pytest.fixture(scope="module")
def grey(digits):
  return digits._replace(transform=None)


def run(made, steps=STEPS, start=0, piece=None):
  """All batches of the steps, through one compiled chunk whose source is an argument."""
  traces = []

  @jax.jit
  def chunk(source, step):
    traces.append(None)
    return made.batch(source, step)

  batches, piece = [], min(piece or made.span, made.span)
  while start < steps:
    stop = min(steps, start + piece)
    source = made.source(start, stop)
    batches += [jax.device_get(chunk(source, jnp.int32(s))) for s in range(start, stop)]
    start = stop
  assert len(traces) == 1
  return {k: np.stack([b[k] for b in batches]) for k in batches[0]}


def assert_same(a, b):
  assert set(a) == set(b)
  for name in a:
    assert a[name].dtype == b[name].dtype
    np.testing.assert_array_equal(a[name], b[name])


def test_resident_and_streamed_are_bit_identical(digits, grey):
  resident = feed.make(digits, "train", 100, 5, 10**9)
  assert resident.span == feed.ALWAYS
  assert resident.steps_per_epoch == pytest.approx(12.97)
  assert resident.source(0, 5) is resident.source(5, 9)
  assert_same(run(resident), run(feed.make(digits, "train", 100, 5, 200_000)))
  whole, fields = run(feed.make(grey, "train", 100, 5, 10**9)), digits.splits["train"]
  for budget in (0, 200_000):
    streamed = feed.make(grey, "train", 100, 5, budget)
    one = 100 * (fields["x"].nbytes + fields["label"].nbytes) / 1297
    assert streamed.span == max(1, int(budget / 2 / one)) < STEPS
    assert_same(whole, run(streamed, piece=2))


def test_batches_are_the_examples_of_the_order(digits, grey):
  found = run(feed.make(grey, "train", 100, 5, 10**9))
  fields = digits.splits["train"]
  for step in range(STEPS):
    index, _ = permutation.batch_indices(5, step, 100, 1297, np)
    np.testing.assert_array_equal(found["id"][step], index)
    np.testing.assert_array_equal(found["x"][step], fields["x"][index])
    np.testing.assert_array_equal(found["label"][step], fields["label"][index])
  assert np.all(np.bincount(found["id"].ravel()[: 2 * 1297]) == 2)
  assert np.all(found["mask"] == 1)
  assert {k: v.dtype.name for k, v in found.items()} == {
    "x": "float32", "label": "int32", "id": "int32", "mask": "float32"
  }  # fmt: skip


def test_a_stream_that_is_resumed_or_jumps_gives_the_same(grey):
  whole = run(feed.make(grey, "train", 100, 5, 10**9))
  streamed = feed.make(grey, "train", 100, 5, 200_000)
  late = run(streamed, start=20)
  assert_same({k: v[20:] for k, v in whole.items()}, late)
  assert_same(whole, run(streamed))
  for start, stop in ((0, 0), (5, 4), (0, streamed.span + 1)):
    with pytest.raises(ValueError, match="span"):
      streamed.source(start, stop)


def test_noise_depends_on_seed_epoch_and_example_alone(digits):
  small, large = (run(feed.make(digits, "train", b, 5, 10**9), steps=n) for b, n in
                  ((50, 60), (100, 30)))  # fmt: skip
  for name in ("x", "id"):
    np.testing.assert_array_equal(
      small[name].reshape(3000, -1), large[name].reshape(3000, -1)
    )
  position = 1297 + 40  # in the second epoch
  index = int(large["id"].ravel()[position])
  example = {"x": jnp.asarray(digits.splits["train"]["x"][index])}
  expected = digits.transform(noise.key(5, 1, "data", index), example)["x"]
  np.testing.assert_array_equal(large["x"].reshape(3000, 8, 8, 1)[position], expected)
  before = list(large["id"].ravel()[:1297]).index(index)
  assert np.any(large["x"].reshape(3000, 8, 8, 1)[before] != expected)


def test_another_seed_is_another_order_without_another_program(grey):
  made = feed.make(grey, "train", 100, 5, 10**9)
  traces = []

  @jax.jit
  def ids(source, step):
    traces.append(None)
    return made.batch(source, step)["id"]

  found = [
    np.asarray(ids(feed.make(grey, "train", 100, seed, 10**9).source(0, 1), 3))
    for seed in (5, 6)
  ]
  assert len(traces) == 1
  np.testing.assert_array_equal(found[1], permutation.batch_indices(6, 3, 100, 1297, np)[0])


@pytest.mark.parametrize("budget", [0, 10**9])
def test_batches_scan_and_stack_over_members(grey, budget):
  made = feed.make(grey, "train", 16, 5, budget)
  source = made.source(0, 1)
  solo = jax.jit(made.batch)(source, 0)

  def body(step, _):
    return step + 1, made.batch(source, step)

  scanned = jax.jit(lambda: jax.lax.scan(body, 0, length=1)[1])()
  stacked = jax.jit(jax.vmap(made.batch, in_axes=(None, 0)))(source, jnp.zeros(2, int))
  for name in solo:
    np.testing.assert_array_equal(scanned[name][0], solo[name])
    np.testing.assert_array_equal(stacked[name][1], solo[name])


def test_a_batch_larger_than_the_split_runs_over_epochs():
  x = np.arange(3, dtype=np.float32)[:, None]
  tiny = Dataset("tiny", Spec((1,), "table", "real"), {"train": {"x": x}})
  found = [run(feed.make(tiny, "train", 8, 0, b), steps=3) for b in (0, 10**6)]
  assert_same(*found)
  assert np.all(np.bincount(found[0]["id"].ravel()) == 8)


def test_mistakes_are_sentences(digits):
  with pytest.raises(UserError, match="no split 'tain'; expected one of train"):
    feed.make(digits, "tain", 10, 0, 10**9)
  with pytest.raises(UserError, match="batch size is 0"):
    feed.make(digits, "train", 0, 0, 10**9)
