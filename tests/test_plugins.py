"""Files of one's own in both programs, old run directories, and numbers that may be negative."""

import json
import shutil
import sys

import numpy as np
import pytest
from helpers import called, tiny

import vae_jax
from vae_jax import config as configuration
from vae_jax import registry
from vae_jax import run as runs
from vae_jax.training import loop
from vae_jax.types import UserError

KINDS = ("objectives", "applications", "priors")
OBJECTIVE = """
from vae_jax import distributions
from vae_jax.types import Terms

HYPER = {"floor": -2.0}
SIGNED = ("floor",)


def state():
  return {"seen": 0.0}


def loss(vae, params, example, key, hyper):
  "-log p(x|z) + |KL - floor| (nobody's)."
  q, p = vae.posterior(params, example), vae.prior(params, example)
  drawn = distributions.draw(q, key)
  rate = distributions.rates(q, p, drawn).sum()
  distortion = -vae.log_likelihood(params, drawn.z, example)
  value = distortion + abs(rate - hyper["floor"])
  return Terms(value, rate, distortion, q, drawn.z, distortion * 0 + 1)


def update(state, statistics, hyper):
  return {"seen": state["seen"] + statistics}
"""
APPLICATION = """
import numpy as np

from vae_jax.evaluation.protocol import Ask, Metric, Task

QUESTION = "How many steps were counted?"
SETTINGS = {"split": "test", "limit": 4, "tune": 2, "palette": "magma"}
METRICS = {"steps": Metric("Steps counted")}


def prepare(source, split, limit):
  return Task(source, split, source.split(split, limit), ("",), {}, None)


def model(task, run):
  return Ask(lambda p, h, example, key: {"counted": p["state"]["objective"]["seen"]})


def baselines(task):
  return {"none": lambda c: np.zeros(len(task.examples["x"]))}


def score(task, answer, condition):
  return {"steps": np.asarray(answer, np.float64)}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """A folder of one's own, and a registry that forgets it afterwards."""
  for kind in KINDS:
    module = sys.modules.get(f"vae_jax.{kind}") or __import__(f"vae_jax.{kind}")
    module = getattr(vae_jax, kind, module)
    monkeypatch.setattr(module, "__path__", [*module.__path__])
  where = tmp_path / "mine"
  for kind, text in (("objectives", OBJECTIVE), ("applications", APPLICATION)):
    (where / kind).mkdir(parents=True)
    (where / kind / "counted.py").write_text(text)
  yield where
  for kind in KINDS:
    sys.modules.pop(f"vae_jax.{kind}.counted", None)


def test_a_run_of_a_plugin_is_trained_and_evaluated_by_the_programs(folder, tmp_path):
  run = tmp_path / "runs" / "a"
  words = ["--config=configs/digits.py", f"--workdir={run}", f"--plugins={folder}"]
  words += ["--config.objective.name=counted", "--config.hyper.floor=-3"]
  words += ["--config.train.steps=5", "--config.train.batch_size=8"]
  done = called("train.py", *words)
  assert done.returncode == 0, done.stderr
  about = json.loads((run / "run.json").read_text())
  assert (about["format"], about["plugins"]) == (1, "../../mine")
  done = called("evaluate.py", f"--workdir={run}", "--application=counted")
  assert done.returncode == 0, done.stderr
  found = (run / "reports" / "counted" / "scores.csv").read_text()
  assert ",5.0," in found, found
  shutil.move(folder, tmp_path / "moved")
  done = called("evaluate.py", f"--workdir={run}", "--application=counted")
  assert done.returncode == 2
  assert "give the folder with --plugins=DIR" in done.stderr
  moved = f"--plugins={tmp_path / 'moved'}"
  done = called("evaluate.py", f"--workdir={run}", "--application=counted", moved)
  assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_plugged_in_is_told(tmp_path, folder):
  with pytest.raises(UserError, match="There is no plugins folder"):
    registry.plug(tmp_path / "nowhere")
  (tmp_path / "empty").mkdir()
  with pytest.raises(UserError, match="none of the sub-folders"):
    registry.plug(tmp_path / "empty")
  (folder / "objectives" / "beta.py").write_text("")
  with pytest.raises(UserError, match=r"beta\.py has the name of one that is known"):
    registry.plug(folder)


def test_only_a_number_that_its_objective_signs_may_be_negative():
  assert tiny(objective={"name": "geco"}, hyper={"target": -40.0})["hyper"]["target"] == -40
  for name, value in (("climb", -1.0), ("target", float("nan"))):
    with pytest.raises(UserError, match=rf"hyper\.{name} is"):
      tiny(objective={"name": "geco"}, hyper={name: value})


def test_a_run_of_before_the_latents_opens_and_resumes(tmp_path):
  """Its config.json has no prior and no posterior, its run.json no format."""
  config = tiny()
  loop.train(config, tmp_path, None)
  new = runs.open_run(tmp_path)
  for name, gone in (("config", ("prior", "posterior")), ("run", ("format", "plugins"))):
    path = tmp_path / f"{name}.json"
    old = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in old.items() if k not in gone}))
  old = runs.open_run(tmp_path)
  assert old.config == new.config
  np.testing.assert_array_equal(old.step, new.step)
  said = []
  loop.train(config, tmp_path, None, say=said.append)
  assert "Finished already" in said[-1]
  other = configuration.override(config, {"prior.name": "mixture"})
  with pytest.raises(UserError, match=r"config\.prior\.name: 'standard' there"):
    loop.train(other, tmp_path, None)
  about = json.loads((tmp_path / "run.json").read_text())
  (tmp_path / "run.json").write_text(json.dumps({**about, "format": 99}))
  with pytest.raises(UserError, match="is of format 99"):
    runs.open_run(tmp_path)
