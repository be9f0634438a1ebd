"""Programs compiled for TPUs that are not there, and what is read out of them."""

import importlib.util
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import ROOT, called, tiny
from test_memory import CASES

from vae_jax.training import loop, topology
from vae_jax.types import UserError

HERE = importlib.util.find_spec("libtpu") is not None or "TPU_LIBRARY_PATH" in os.environ
compiles = pytest.mark.skipif(not HERE, reason="libtpu is not installed: tpu-compile")

TEXT = """
ENTRY %main {
  %all-reduce.1 = f32[128,4]{1,0:T(8,128)} all-reduce(f32[128,4] %a), replica_groups={}
  %ar = (bf16[8]{0}, f32[2,2]{1,0}) all-reduce-start(%b, %c)
  %done = (bf16[8]{0}, f32[2,2]{1,0}) all-reduce-done(%ar)
  %g = s32[16]{0} all-gather(%d), dimensions={0}
}
"""


def test_what_a_program_says_between_chips_is_counted_by_kind():
  found = topology.collectives(TEXT)
  assert found == {
    "all-reduce": (2, 128 * 4 * 4 + 8 * 2 + 4 * 4),
    "all-gather": (1, 16 * 4),
  }


def test_the_least_seconds_are_those_of_the_roofline():
  found = topology.Compiled("s", 10**9, 2 * 10**9, 197e9, 0.82e9, {}, 1.0, "")
  lines = topology.described(found, "v5e:2x2")
  assert "1.000 ms at best" in lines[2]
  assert "Between chips, a step: nothing." in lines[3]
  full = found._replace(memory=17 * 2**30)
  assert "It does not fit." in topology.described(full, "v5e:2x2")[1]


@pytest.mark.parametrize("name", ["h100", "v5e", "v5e:2", "v7:2x2"])
def test_a_name_that_is_no_slice_is_refused(name):
  with pytest.raises(UserError, match="expected a chip and its grid"):
    topology.devices(name)


def test_the_flag_needs_the_plan(tmp_path):
  words = ("--config=configs/digits.py", f"--workdir={tmp_path}", "--topology=v5e:2x2")
  done = called("train.py", *words)
  assert done.returncode == 2
  assert "give it with --plan" in done.stderr


@pytest.mark.skipif(HERE, reason="libtpu is installed")
def test_without_the_compiler_a_sentence_names_the_extra():
  with pytest.raises(UserError, match="tpu-compile"):
    topology.devices("v5e:2x2")


def test_exact_products_are_in_the_program():
  text = {}
  for precision in ("default", "float32"):
    config = tiny(train={"precision": precision})
    program = loop.assemble(config, None)
    make = lambda axis, p=program: topology.step.make(
      p.vae, p.config, p.total, p.feed.examples, axis
    )
    place = topology.placement.make("single", 1, jax.devices()[:1], make, program.feed, 1)
    one = jax.eval_shape(
      lambda seed, p=program: topology.step.init(p.vae, p.config, seed), jnp.int32(0)
    )
    hyper = {k: jax.ShapeDtypeStruct((), v.dtype) for k, v in program.hyper.items()}
    source = program.feed.source(0, 1, lambda tree: tree)
    bounds = (np.int32(0), np.int32(1))
    args = (place.shapes(one), place.shapes(hyper), source, *bounds)
    text[precision] = place.program.lower(*args).as_text()
  assert "HIGHEST" not in text["default"]
  assert "HIGHEST" in text["float32"]
  with pytest.raises(UserError, match="expected default or float32"):
    tiny(train={"precision": "bfloat16"})


COMPILES = """
import sys
sys.path.insert(0, "tests")
from vae_jax import flags
flags.without_devices()
from helpers import tiny
from vae_jax.data import load
from vae_jax.training import plan, sweep, topology
chips = topology.devices("v5e:2x2")
config = tiny(sweep={sweep})
plans = plan.make(config, lambda part: load(part, None), "auto", chips, topology.free("v5e:2x2"))
(each,) = plans
program = plan.assemble(each.part, load(config["data"], None), each.at_once, "tpu")
found = topology.compiled(program, each, chips)
print(each.placement, sum(n for n, _ in found.collectives.values()), found.memory < 16 * 2**30)
assert "f64[" not in found.text and "host_callback" not in found.text
# A mesh of a program this small was seen to keep 2.7 MB of it in the main memory.
assert found.counted < 1.2 * found.memory and found.memory < 1.2 * found.counted + 3e6
"""

# Four members of one of the configs of tests/test_memory.py, one on each chip.
CASE = """
import sys
sys.path.insert(0, "tests")
from vae_jax import flags
flags.without_devices()
from test_memory import of_case
from vae_jax.data import load
from vae_jax.training import plan, sweep, topology
chips = topology.devices("v5e:2x2")
config = of_case(sys.argv[1])
part = sweep.parts(config)[0]
part = part._replace(rows=[part.rows[0]] * 4, numbers=[0, 1, 2, 3])
program = plan.assemble(part, load(config["data"], sys.argv[2]), 4, "tpu")
each = plan.Plan(part, plan.memory(program, chips[0]), 4, "pmap", "")
found = topology.compiled(program, each, chips)
assert not found.collectives, found.collectives
assert "f64[" not in found.text and "host_callback" not in found.text
print(found.counted / found.memory)
"""


def run(script, *words):
  """The last line that a script prints in a process without devices."""
  done = subprocess.run(
    [sys.executable, "-c", script, *words],
    cwd=ROOT, capture_output=True, text=True, check=False,
    env={**os.environ, "JAX_PLATFORMS": "cpu", "TPU_SKIP_MDS_QUERY": "1"},
  )  # fmt: skip
  assert done.returncode == 0, done.stderr[-2000:]
  return done.stdout.splitlines()[-1]


@compiles
@pytest.mark.tpu_compile
@pytest.mark.slow
@pytest.mark.parametrize(
  ("betas", "said"),
  [
    ({"beta": [1, 2, 3, 4]}, "pmap 0 True"),
    ({}, "pmap 3 True"),
    ({"beta": [1, 2]}, "mesh"),
  ],
)
def test_programs_for_a_slice(betas, said):
  """Spread members say nothing to one another; split rows add up their gradients."""
  assert run(COMPILES.replace("{sweep}", repr(betas))).startswith(said)


@compiles
@pytest.mark.tpu_compile
@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", CASES)
def test_every_config_compiles_for_a_slice_and_the_plan_meets_its_memory(name, data_dir):
  """One member on each chip: no word between them, and a count within 20 %."""
  assert 0.8 < float(run(CASE, name, str(data_dir))) < 1.2
