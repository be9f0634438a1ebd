"""What a plan counts of memory, against arrays counted by hand and against the compiler."""

import jax
import jax.numpy as jnp
import pytest
from helpers import ROOT, tiny

from vae_jax import config as configuration
from vae_jax.data import load
from vae_jax.training import liveness, plan, sweep, topology
from vae_jax.training.memory import Memory

CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("*.py"))
OWN = {"arrays", "images", "sequences", "tables"}  # of the user's own files
# The words whose programs are others than that of the file without a word.
WORDS = (
  "anomaly_digits:mnist", "anomaly_strangers:digits", "atlas:mnist", "augmentation:mnist,10",
  "augmentation:rare", "augmentation:sentences,100", "augmentation:skab",
  "augmentation:table", "compression:beta", "compression:lossy", "compression:raw",
  "editing:label", "half_labelled:m1", "half_labelled:mnist", "half_labelled:mnist,m1",
  "lastfm:recvae", "mnist_masked:observed", "model_comparison:mnist", "molecules:lm",
  "molecules:qm9", "molecules:selfies", "moving_digits:mnist", "mr:conditional", "mr:lm",
  "music:bars", "music:jsb", "music:lm", "scans:brain", "series:beats", "series:conv",
  "series:nab", "shapes:voxels", "sounds:tones", "sprites:full", "text:conditional",
  "text:lm",
)  # fmt: skip
# Models that no file of configs/ takes, on digits.
MODELS = {
  "blocks": {"name": "conv", "blocks": 1},
  "pixel_vae": {"name": "pixel_vae"},
  "ladder": {"name": "ladder", "latents": 2, "channels": [16, 32], "blocks": [1, 1]},
}
CASES = [*(name for name in CONFIGS if name not in OWN), *WORDS, *MODELS]
FLOATS = jax.ShapeDtypeStruct((8, 100), jnp.float32)  # 3200 bytes
WEIGHTS = jax.ShapeDtypeStruct((100, 100), jnp.float32)  # 40,000 bytes, held by the caller


def test_between_two_products_nothing_else_is_counted():
  """x, the hidden layer that the second product reads, and the result; the sine is fused."""

  def fn(w, x):
    hidden = jnp.sin(2.0 * (x @ w) + 1.0)
    return hidden @ w

  # At the hidden layer: x is gone, the product's result gives its place to the sine.
  assert liveness.peak(fn, WEIGHTS, FLOATS) == 3 * 3200 - 3200


def test_a_result_that_is_moved_needs_a_place_of_its_own():
  straight = lambda w, x: (2.0 * (x @ w)) @ w
  turned = lambda w, x: w @ (x @ w).T
  assert liveness.peak(straight, WEIGHTS, FLOATS) == 2 * 3200
  assert liveness.peak(turned, WEIGHTS, FLOATS) == 2 * 3200


def test_what_a_loop_keeps_of_each_step_is_counted():
  """The way back of 50 steps needs the 50 hidden states, stacked."""

  def loss(w, x):
    step = lambda h, _: (jnp.sin(h @ w), None)
    return jax.lax.scan(step, x, length=50)[0].sum()

  found = liveness.peak(jax.grad(loss), WEIGHTS, FLOATS)
  assert 2 * 50 * 3200 <= found <= 3 * 50 * 3200 + 40_000  # and the gradient of w


def test_what_is_not_read_is_not_there():
  fn = lambda w, x: (x @ w, (x @ x.T) @ x)[0]
  assert liveness.peak(fn, WEIGHTS, FLOATS) == 2 * 3200


@pytest.mark.parametrize(
  ("shape", "width", "bytes_"),
  [
    ((), 4, 512),  # a row of 128
    ((8, 128), 4, 4096),  # whole tiles
    ((3, 130), 4, 3 * 256 * 4 * 4 // 3),  # 4 rows of 2 x 128
    ((55000, 28, 28, 1), 1, 55040 * 28 * 32),  # by the images, and 28 rows up to 32
    ((784, 200), 4, 896 * 200 * 4),  # turned, 784 up to 896; as it is 200 up to 256
  ],
)
def test_arrays_of_a_tpu_lie_in_whole_tiles(shape, width, bytes_):
  assert liveness.tiled(shape, width) == bytes_


def test_an_axis_is_turned_where_its_tiles_then_have_fewer_gaps():
  """32 states of 64 rows: 32 columns would fill 128; of 64 states neither is shorter."""
  assert liveness.is_turned((10, 64, 32), 4)
  assert not liveness.is_turned((10, 64, 64), 4)
  assert not liveness.is_turned((10, 32, 64), 4)
  assert not liveness.is_turned((), 4)


def test_a_stack_is_what_one_loop_makes_for_another():
  """The hidden states that the way back reads, 50 of 3200 bytes; what is summed is none."""

  def loss(w, x):
    step = lambda h, _: (jnp.sin(h @ w), None)
    return jax.lax.scan(step, x, length=50)[0].sum()

  stacks = lambda shape, width, stacked: stacked * liveness.plain(shape, width, stacked)
  count = lambda fn: liveness.counter(fn, WEIGHTS, FLOATS)(stacks)
  assert count(jax.grad(loss)) >= 50 * 3200
  assert count(loss) == 0


def test_what_is_near_is_not_counted():
  """10 of state and 5 of data; 30 at once beside 100 that are near."""
  needs = Memory(state=10, gradient=10, activations=20, source=5, near=100)
  assert needs.on_each(1, 1, 1.0) == 15
  assert needs.on_each(4, 4, 1.0) == 45 + 4 * 30 - 100
  assert needs._replace(near=0).on_each(1, 1, 0.5) == 15 + 10 + 10
  assert needs._replace(turned=7).on_each(1, 1, 1.0) == 15 + 7  # a stack is never near
  assert needs._replace(gaps=8).on_each(1, 1, 1.0) == 15  # 38 of 100
  assert needs._replace(gaps=80).on_each(1, 1, 1.0) == 15 + 10
  assert needs._replace(copied=60).on_each(1, 1, 1.0) == 15  # beside 30 and the state of 10
  assert needs._replace(copied=90).on_each(1, 1, 1.0) == 15 + 30
  assert needs._replace(copied=12).on_each(9, 9, 0.0) == 5 + 90  # so few are always near
  assert needs._replace(copied=120).on_each(1, 1, 1.0) == 15  # it is not made


def test_a_state_that_is_not_carried_near_needs_tables():
  """9 MB of state are, twice as many are not, unless 4 MB of data are copied there meanwhile."""
  mega = 1_000_000
  needs = Memory(state=9 * mega, gradient=0, activations=0, source=mega, near=200 * mega)
  assert needs.on_each(1, 1, 1.0) == 10 * mega
  assert needs.on_each(2, 2, 1.0) == (19 + 7) * mega
  assert needs._replace(copied=4 * mega).on_each(2, 2, 1.0) == 19 * mega
  assert needs._replace(source=6 * mega).on_each(1, 1, 1.0) == (15 + 7) * mega
  assert (
    needs._replace(near=0).on_each(2, 2, 1.0) == 19 * mega
  )  # of chips that are not known


def counted(config, data_dir=None):
  """The plan's count and the compiler's, of one member on this machine's CPU."""
  part = sweep.parts(config)[0]
  part = sweep.take(part, part.numbers[:1])
  program = plan.assemble(part, load(config["data"], data_dir), 1)
  each = plan.Plan(part, plan.memory(program), 1, "single", "")
  found = topology.compiled(program, each, jax.devices()[:1])
  return found.counted, found.memory


def test_the_plan_meets_the_compiler():
  config = tiny(model={"name": "mlp", "hidden": [256, 64]}, train={"batch_size": 256})
  plan_, compiler = counted(config)
  assert 0.8 * compiler <= plan_ <= 1.2 * compiler


def of_case(name):
  """The configuration of one of CASES."""
  if name in MODELS:
    file, words = "digits", {f"model.{k}": str(v) for k, v in MODELS[name].items()}
    return configuration.load(f"{ROOT}/configs/{file}.py", words)
  file, _, words = name.partition(":")
  return configuration.load(f"{ROOT}/configs/{file}.py" + f":{words}" * bool(words), {})


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", CASES)
def test_the_plan_meets_the_compiler_for_every_config(name, data_dir):
  """Within 20 % of arguments, results and temporaries, as XLA for CPUs lays them out.

  Of a program of 0.15 MB the plan counts 0.1 MB that the compiler lays over one another.
  """
  plan_, compiler = counted(of_case(name), str(data_dir))
  assert 0.8 * compiler <= plan_ <= 1.2 * compiler + 1e5
