"""The contestants of `benchmarks` do the same work, and training does not grow in memory."""

import gc
import importlib.util
import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
from helpers import tiny

import benchmarks.__main__
from benchmarks import measure, ours, plain_flax, problem, report, roofline
from vae_jax import registry
from vae_jax.training import loop, placement, step, trainer

ROOT = pathlib.Path(__file__).parent.parent
FILES = sorted((ROOT / "benchmarks").glob("*.py"))
OPTIONAL = {"pytorch": ("torch",), "with_pythae": ("torch", "pythae")}


def count(tree) -> int:
  return sum(x.size for x in jax.tree.leaves(tree))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_file_imports(path):
  for package in OPTIONAL.get(path.stem, ()):
    pytest.importorskip(package, reason="pip install -e .[bench]")
  importlib.import_module(f"benchmarks.{path.stem}")


def test_the_networks_have_as_many_parameters():
  made = ours.program("conv")
  params = jax.eval_shape(made.vae.init, jax.random.key(0))
  assert count(params) == plain_flax.parameters()
  weights = sum(size for _, size, _ in roofline.products())
  assert count(params) == weights + 32 + 64 + 400 + 20 + 400 + 3136 + 32 + 1


def test_operations_by_hand_are_those_of_the_compiler():
  cost = ours.cost_of_a_step(ours.program("conv"))
  assert 1.0 < cost["flops"] / roofline.flops_of_a_step() < 1.15


@pytest.mark.slow
def test_a_worker_does_units_of_work_when_it_is_told_to():
  options = {"steps": 1, "network": "mlp", "batch": 8}
  found, skipped = measure.alternate(
    [
      measure.Contestant("one", "ours:training", options),
      measure.Contestant("two", "ours:training", {**options, "members": 2}),
    ],
    rounds=2,
  )
  assert not skipped
  assert [r.items for r in found] == [8, 16]
  assert all(len(r.seconds) == 2 and r.first_s > 0 and r.peak_bytes > 0 for r in found)
  middle, low, high = measure.ratio(found[0], found[1])
  assert low <= middle <= high


def test_a_missing_package_is_a_reason_and_not_a_failure():
  code = (
    "import sys; sys.modules['torch'] = None; sys.argv = ['worker', 'pytorch:training', '{}'];"
    "from benchmarks import worker; worker.main()"
  )
  out = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
  )
  assert json.loads(out.stdout) == {"skipped": "torch is not installed"}


@pytest.mark.parametrize("network", ["conv", "mlp"])
def test_pytorch_has_the_same_loss_for_the_same_weights(network):
  torch = pytest.importorskip("torch", reason="pip install -e .[bench]")
  from benchmarks import pytorch

  made = ours.program(network)
  params = jax.jit(made.vae.init)(jax.random.key(1))
  net = {"conv": pytorch.conv, "mlp": pytorch.mlp}[network]()
  assert count(params) == sum(p.numel() for p in net.parameters())
  pytorch.copy_weights(net, jax.device_get(params["model"]))
  x = made.dataset.splits["train"]["x"][:4]
  terms_of = step.example_terms(made.vae, registry.find("objectives", "beta"), made.config)
  hyper = {name: values[0] for name, values in made.hyper.items()}
  examples = {"x": x.astype(np.float32) / 255, "id": np.arange(4)}
  terms = jax.vmap(lambda e: terms_of(params, e, hyper, 0, "train"))(examples)
  q = terms.posterior
  eps = np.array((terms.z - q.mean) / np.exp(0.5 * q.logvar))
  theirs = net.loss(pytorch.tensor(x).cpu(), torch.from_numpy(eps))
  np.testing.assert_allclose(terms.loss.mean(), theirs.item(), rtol=1e-5)


def test_memory_does_not_grow_with_chunks():
  program = loop.assemble(tiny(sweep={"beta": [1, 2]}), None)
  train_step = step.make(program.vae, program.config, program.total, program.feed.examples)
  place = placement.single(2, train_step, program.feed, 1)
  state, source = place.put(trainer.init(program)), program.feed.source(0, 1)
  hyper = place.put(program.hyper)

  def held(state, first):
    for at in range(first, first + 20):
      state, metrics = place.chunk(state, hyper, source, at, at + 1)
      jax.device_get(metrics)
    gc.collect()
    return state, sum(x.nbytes for x in jax.live_arrays())

  state, before = held(state, 0)
  state, after = held(state, 20)
  assert after <= before


BLOCKS = [report.WHOLE, *report.OWN.values()]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_the_pages_have_a_place_for_the_tables(tmp_path, monkeypatch, block):
  page = tmp_path / block.page
  page.parent.mkdir(exist_ok=True)
  page.write_text((report.DOCS / block.page).read_text())
  monkeypatch.setattr(report, "DOCS", tmp_path)
  part = report.Part("A title", "About it.", [(["a", "b"], [["1", "2"]])], [])
  before = report.around(block)
  report.write([part], report.machine(), "python -m benchmarks", block)
  assert report.around(block) == before
  assert (
    "### A title\nAbout it.\n\n| a | b |\n| --- | ---: |\n| 1 | 2 |" in page.read_text()
  )
  assert json.loads((tmp_path / block.stored).read_text())["parts"][0]["title"] == "A title"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_the_tables_of_a_page_are_those_that_the_command_stored(block):
  stored = json.loads((report.DOCS / block.stored).read_text())
  before, after = report.around(block)
  shown = before + report.written(stored, block) + after
  assert shown == (report.DOCS / block.page).read_text(), "run python -m benchmarks --write"


@pytest.mark.parametrize(
  "words", [["--only=training"], ["--only=training,lowering"], ["--quick"]]
)
def test_tables_of_some_parts_do_not_replace_those_of_all(monkeypatch, capsys, words):
  monkeypatch.setattr(sys, "argv", ["benchmarks", "--write", *words])
  with pytest.raises(SystemExit):
    benchmarks.__main__.main()
  assert "--write replaces all tables of a place" in capsys.readouterr().err


def test_a_part_without_its_compiler_is_refused_in_a_sentence(monkeypatch, capsys):
  monkeypatch.setattr(sys, "argv", ["benchmarks", "--only=lowering"])
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(SystemExit):
    benchmarks.__main__.main()
  assert "pip install 'vae-jax[tpu-compile]'" in capsys.readouterr().err


def test_the_networks_are_those_of_the_configurations():
  assert problem.config("conv", 16, 128, None)["sweep"]["beta"][-1] == 4
  assert problem.config("mlp", 1, 128, 5)["model"]["latents"] == 5
