"""Configurations: completed from the parts they name, refused in a sentence."""

import pathlib
import sys

import pytest
from helpers import ROOT, tiny

import vae_jax.likelihoods
from vae_jax import config as configuration
from vae_jax import flags, registry
from vae_jax.training import sweep
from vae_jax.types import UserError

CONFIGS = sorted((ROOT / "configs").glob("*.py"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
@pytest.mark.parametrize("argument", ["", ":smoke"])
def test_every_config_file_is_complete_and_its_header_says_what_it_costs(path, argument):
  config = configuration.load(f"{path}{argument}", {})
  assert sweep.members(config)
  header = path.read_text().split('"""')[1]
  for word in ("python train.py", "Duration", "Expected"):
    assert word in header, f"the header of {path.name} does not say {word!r}"
  imported = [
    line for line in path.read_text().splitlines() if line.startswith(("import", "from"))
  ]
  assert imported == ["from ml_collections import ConfigDict"]


def write(folder: pathlib.Path, body: str) -> str:
  path = folder / "mine.py"
  path.write_text(f"def get_config(argument=''):\n  return {body}\n")
  return str(path)


MINE = (
  "{'data': {'name': 'digits'}, 'model': {'name': 'mlp'}, 'objective': {'name': 'beta'},"
  " 'likelihood': {'name': 'cross_entropy'}}"
)


def test_defaults_come_from_the_parts(tmp_path):
  config = configuration.load(write(tmp_path, MINE), {"schedule.beta": "linear"})
  assert config["hyper"]["beta"] == 1.0
  assert config["hyper"]["beta_steps"] == configuration.SCHEDULE_STEPS
  assert config["corruption"] == {"name": "none"}
  assert config["model"]["latents"] == 10


def test_numbers_are_read_as_what_their_default_is(tmp_path):
  path = write(tmp_path, MINE)
  config = configuration.load(
    path, {"hyper.beta": "4", "train.steps": "30.0", "optimizer.ema": "true"}
  )
  assert config["hyper"]["beta"] == 4.0
  assert isinstance(config["hyper"]["beta"], float)
  assert config["train"]["steps"] == 30
  assert isinstance(config["train"]["steps"], int)
  assert config["optimizer"]["ema"] is True


BAD = {
  "hyper.bta=4": "'bta'. Did you mean 'beta'?",
  "hypr.beta=4": "'hypr'. Did you mean 'hyper'?",
  "hyper.beta=much": "config.hyper.beta is 'much'; it must be of type float",
  "hyper.beta=nan": "config.hyper.beta is 'nan'",
  "hyper.beta=-1": "must be finite and not negative",
  "train.steps=1.5": "config.train.steps is 1.5; it must be of type int",
  "model.name=conf": "no 'conf' in models. Did you mean 'conv'?",
  "objective.name=betta": "no 'betta' in objectives. Did you mean 'beta'?",
  "data.name=digit": "no 'digit' in data. Did you mean 'digits'?",
  "likelihood.name=gausian": "Did you mean 'gaussian'?",
  "corruption.name=uniforn": "Did you mean 'uniform'?",
  "schedule.beta=liner": "Did you mean 'linear'?",
  "schedule.bet=linear": "Did you mean 'beta'?",
  "model.latents=0": "must be at least 1",
  "model.dtype=float16": "float32 or bfloat16",
  "train.batch_size=0": "must be at least 1",
  "train.log_every=0": "must be at least 1",
  "hyper.corruption_rate=2": "corruption_rate lies in [0, 1]",
  "data.binarise.x=1": "config.data.binarise",
  "seed.x=1": "config.seed",
}


@pytest.mark.parametrize("word", BAD)
def test_bad_values_are_told_in_a_sentence(tmp_path, word):
  with pytest.raises(UserError) as error:
    configuration.load(write(tmp_path, MINE), flags.overrides([f"--config.{word}"]))
  assert BAD[word] in str(error.value)


def test_naming_another_part_drops_what_the_file_said_of_the_old_one_alone(tmp_path):
  body = MINE.replace("'cross_entropy'", "'gaussian', 'scale': 'shared'")
  body = body[:-1] + ", 'hyper': {'beta': 4.0}, 'schedule': {'beta': 'linear'}}"
  words = {"likelihood.name": "bernoulli", "objective.name": "autoencoder"}
  config = configuration.load(write(tmp_path, body), words)
  assert config["likelihood"] == {"name": "bernoulli"}
  assert "beta" not in config["hyper"]
  assert config["schedule"] == {}
  with pytest.raises(UserError, match="no field 'std'"):
    configuration.load(write(tmp_path, body), {**words, "likelihood.std": "2"})


def test_bad_files_are_told_in_a_sentence(tmp_path):
  with pytest.raises(UserError, match=r"no config file 'configs/digit\.py'"):
    configuration.load("configs/digit.py", {})
  with pytest.raises(UserError, match="NameError"):
    configuration.load(write(tmp_path, "nonsense"), {})
  with pytest.raises(UserError, match=r"config\.model\.name is missing"):
    configuration.load(write(tmp_path, "{'data': {'name': 'digits'}}"), {})


def test_bad_flags_are_told_in_a_sentence():
  assert flags.overrides(["--config.a.b=1", "--config.c", "x=y"]) == {
    "a.b": "1",
    "c": "x=y",
  }
  for words, said in (
    (["--beta=3"], "Unknown argument"),
    (["--config.a"], "has no value"),
    (["--config.a", "--config.b=1"], "has no value"),
    (["--config.=1"], "Unknown argument"),
  ):
    with pytest.raises(UserError, match=said):
      flags.overrides(words)
  with pytest.raises(UserError, match="no assignment"):
    flags.assignments(["samples"])


def test_the_difference_of_two_configurations_is_readable():
  a, b = tiny(), tiny(hyper={"beta": 2.0}, corruption={"name": "dropout"})
  assert configuration.difference(a, b) == [
    "config.corruption.name: 'none' there, 'dropout' here",
    "config.hyper.beta: 1.0 there, 2.0 here",
  ]


def test_a_sweep_is_a_grid_with_the_last_name_fastest():
  rows = sweep.members(tiny(sweep={"beta": [1, 4], "seed": [0, 1]}))
  assert rows == [
    {"seed": 0, "beta": 1}, {"seed": 1, "beta": 1}, {"seed": 0, "beta": 4}, {"seed": 1, "beta": 4}
  ]  # fmt: skip
  assert sweep.label(rows[2]) == "beta 4, seed 0"
  with pytest.raises(UserError, match="'beat', which is no number"):
    sweep.members(tiny(sweep={"beat": [1]}))
  with pytest.raises(UserError, match="list of values"):
    sweep.members(tiny(sweep={"beta": 4}))


def test_the_registry_finds_files_and_functions_and_suggests_the_nearest():
  assert "beta" in registry.names("objectives")
  assert registry.names("likelihoods") == [
    "bernoulli", "beta_binomial", "binned", "categorical", "chamfer", "continuous_bernoulli",
    "cross_entropy", "discretised_logistic", "gaussian", "logistic_mixture", "mixed",
    "multinomial", "student_t", "tokens",
  ]  # fmt: skip
  for name in registry.names("likelihoods"):
    assert registry.find("likelihoods", name).__name__ == name
  assert not any(name.startswith("_") for name in registry.names("data"))
  assert registry.find("objectives", "beta").HYPER["beta"] == 1.0
  with pytest.raises(UserError, match="Did you mean 'autoencoder'"):
    registry.find("objectives", "autoencoders")


def test_a_family_in_a_folder_of_ones_own_is_the_function_of_its_files_name(
  tmp_path, monkeypatch
):
  folders = [*vae_jax.likelihoods.__path__, str(tmp_path)]
  monkeypatch.setattr(vae_jax.likelihoods, "__path__", folders)
  (tmp_path / "laplace.py").write_text("def laplace(spec, width=2.0): return width")
  (tmp_path / "cauchy.py").write_text("def laplace(spec): return 0")
  assert {"laplace", "cauchy"} < set(registry.names("likelihoods"))
  assert registry.find("likelihoods", "laplace")(None, width=3.0) == 3.0
  with pytest.raises(UserError, match="no function cauchy"):
    registry.find("likelihoods", "cauchy")
  for name in ("laplace", "cauchy"):
    sys.modules.pop(f"vae_jax.likelihoods.{name}")
