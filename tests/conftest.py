"""Strict JAX for every test, and where real data may lie."""

import gc
import os
import pathlib
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Several workers share the cores: threads of OpenBLAS and of scikit-learn would wait for one
# another in loops, which cost a fifth of the processor time of tests of baselines.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import helpers
import jax
import pytest

# Hundreds of small programs run once each: compiling them is what the tests cost. They are
# compiled without LLVM's optimisation and without XLA's fusion emitters, which halves that again;
# train.py and evaluate.py, run as programs, with both unless a test says `helpers.quick()`.
with pytest.MonkeyPatch.context() as patch:
  patch.setenv("XLA_FLAGS", helpers.quick()["XLA_FLAGS"])
  jax.devices()  # the flags are read here, once

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_debug_key_reuse", True)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update(
  "jax_traceback_in_locations_limit", 0
)  # nobody reads where an operation was

ROOT = pathlib.Path(__file__).parent.parent


# The longest files of all, first: a worker that began one of them last would end alone.
LONG = (
  "placement", "latents", "trust", "loop", "models", "text", "imputation", "step", "restoration",
  "generation", "distributed", "cli", "objectives_batch", "molecules", "reconstruction", "sweep",
)  # fmt: skip


def pytest_collection_modifyitems(items):
  """The order of files: each has its own fixtures, and none reads what another left."""
  place = {f"test_{name}": number for number, name in enumerate(LONG)}
  items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_collection_finish():
  """What was imported is not looked through again, nor is every few thousand traced operations."""
  gc.collect()
  gc.freeze()
  gc.set_threshold(50_000)


@pytest.fixture(scope="module", autouse=True)
def _frozen():
  """What a file of tests leaves in JAX's caches is not looked through again in the next ones."""
  yield
  gc.freeze()


@pytest.fixture
def collected():
  """What such a test leaves behind is collected within it, and no other test is blamed."""
  gc.freeze()  # what was there before is not looked through four times
  yield
  for _ in range(4):  # Orbax's threads let go of it a moment later
    gc.collect()
    time.sleep(0.05)


@pytest.fixture
def data_dir() -> str:
  """The folder of real data, or a skip that says where it was looked for."""
  path = pathlib.Path(os.environ.get("VAE_JAX_DATA", ROOT / ".." / "shared" / "data"))
  if not path.is_dir():
    pytest.skip(f"no real data: VAE_JAX_DATA or {path.name} beside the checkout")
  return str(path.resolve())


@pytest.fixture(scope="session")
def lowered(tmp_path_factory) -> pathlib.Path:
  """The folder into which JAX writes the text of every program that this process compiles."""
  folder = tmp_path_factory.mktemp("lowered")
  jax.config.update("jax_dump_ir_to", str(folder))
  return folder


@pytest.fixture(autouse=True)
def _no_lapack(lowered):
  """No program that a test builds calls LAPACK: two such calls at once may wait for ever.

  JAX_DUMP_IR_TO is JAX's own way to see all programs, also those that `jax.jit` compiles in
  passing and those that the compilation cache has: they are lowered to text either way.
  """
  yield
  found = helpers.lapack_calls(lowered)
  assert not found, f"LAPACK in {found}: `vae_jax.linalg` has what small matrices need"


@pytest.fixture(scope="session", autouse=True)
def _compile_once(tmp_path_factory):
  """Programs that several tests build are compiled once, also where workers share the tests."""
  base = tmp_path_factory.getbasetemp()
  folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
  os.environ["VAE_JAX_CACHE"] = str(folder)  # of the subprocesses
  os.environ["VAE_JAX_TEST_RUNS"] = str(folder / "runs")  # of `helpers.copied`
  jax.config.update("jax_compilation_cache_dir", str(folder / "xla"))
