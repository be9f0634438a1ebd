"""What a plan counts of memory, against arrays counted by hand and against the compiler."""

import jax
import jax.numpy as jnp
import pytest
from helpers import ROOT, tiny

from vae_jax import config as configuration
from vae_jax.data import load
from vae_jax.training import liveness, plan, sweep, topology

CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("*.py"))
OWN = {"arrays", "images", "sequences", "tables"}  # of the user's own files
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


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in CONFIGS if name not in OWN])
def test_the_plan_meets_the_compiler_for_every_config(name, data_dir):
  """Within 20 % of arguments, results and temporaries, as XLA for CPUs lays them out."""
  config = configuration.load(f"{ROOT}/configs/{name}.py", {})
  plan_, compiler = counted(config, str(data_dir))
  assert 0.8 * compiler <= plan_ <= 1.2 * compiler
