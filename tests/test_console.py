"""The console command: the same programs by another name, lists, data, and what was meant."""

import contextlib
import io
import sys
import types

import numpy as np
import pytest
from data_files import idx_folder
from helpers import called

from vae_jax import cli, registry
from vae_jax import config as configuration
from vae_jax.cli import data as preparing
from vae_jax.cli import first, listing
from vae_jax.data import idx, tfds
from vae_jax.training import logging, trackers
from vae_jax.types import UserError


def console(*words, monkeypatch):
  """(status, stdout, stderr) of `vae-jax words`."""
  out, err, status = io.StringIO(), io.StringIO(), 0
  monkeypatch.setattr(sys, "argv", ["vae-jax", *words])
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    try:
      cli.main()
    except SystemExit as end:
      status = end.code or 0
  return status, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
  ("program", "word", "said"),
  [
    ("train.py", "--beta=4", "Did you mean --config.hyper.beta=4?"),
    ("train.py", "--data-dir=x", "Did you mean --data_dir=x?"),
    ("train.py", "--latent=2", "Did you mean --config.model.latents=2?"),
    ("train.py", "--hyper.beta=4", "Did you mean --config.hyper.beta=4?"),
    ("train.py", "--zzzzzz=4", "overrides are --config.<field>=<value>."),
    ("evaluate.py", "--samples=3", "Did you mean --set samples=3?"),
    ("evaluate.py", "--data-dir=x", "Did you mean --data_dir=x?"),
    ("evaluate.py", "--zzzzzz", "--help lists the flags."),
  ],
)
def test_an_unknown_flag_names_what_was_meant(program, word, said, tmp_path):
  config = ["--config=digits"] if program == "train.py" else []
  done = called(program, *config, f"--workdir={tmp_path}", word)
  assert done.returncode == 2
  assert said in done.stderr
  assert "Traceback" not in done.stderr


def test_a_configuration_is_known_by_its_name(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)  # where no folder configs is
  assert configuration.load("digits:smoke", {})["train"]["epochs"] == 2.0
  with pytest.raises(UserError, match="Did you mean 'mnist'"):
    configuration.load("mnits", {})


def test_commands_are_the_programs(monkeypatch, tmp_path):
  status, out, _ = console(monkeypatch=monkeypatch)
  assert status == 2
  status, out, _ = console("--help", monkeypatch=monkeypatch)
  assert status == 0
  for name in cli.COMMANDS:
    assert f"  {name} " in out
    status, text, _ = console(name, "--help", monkeypatch=monkeypatch)
    assert status == 0
    assert text.startswith(f"usage: vae-jax {name}")
  status, _, err = console("trian", monkeypatch=monkeypatch)
  assert (status, "Did you mean 'train'?" in err) == (2, True)
  status, _, err = console("train", "--config=digits", f"--workdir={tmp_path}", "--beta=4",
                           monkeypatch=monkeypatch)  # fmt: skip
  assert (status, "--config.hyper.beta=4" in err) == (2, True)


def test_the_list_has_a_line_for_everything(monkeypatch):
  lines = listing.lines()
  for kind in listing.KINDS:
    names = configuration.names() if kind == "configs" else registry.names(kind)
    found = dict(listing.described(kind))
    assert sorted(found) == names
    for name, text in found.items():
      assert text, f"{kind} {name} has no first sentence"
      assert f"  {name:{listing.WIDTH}} {text}" in lines
  rows = dict(listing.swept())
  assert "every run" in rows["learning_rate"]
  assert "objective beta" in rows["beta"]
  status, out, _ = console("list", "priors", monkeypatch=monkeypatch)
  assert status == 0
  assert out.splitlines()[0] == "Priors:"
  assert len(out.splitlines()) == 1 + len(registry.names("priors"))
  status, _, err = console("list", "modles", monkeypatch=monkeypatch)
  assert (status, "Did you mean 'models'?" in err) == (2, True)


def test_published_files_are_made_ready_and_the_command_is_named(tmp_path, monkeypatch):
  idx_folder(tmp_path)
  status, _, err = console("data", "mnist", f"--data_dir={tmp_path}",
                           monkeypatch=monkeypatch)  # fmt: skip
  assert (status, "has the checksum" in err) == (2, True)
  published = idx.published
  monkeypatch.setattr(idx, "published", lambda name, data_dir: True)
  described, command = preparing.prepared("mnist", str(tmp_path))
  assert "60 test" in described
  assert command.endswith(
    f"--config=mnist --workdir=runs/mnist --data_dir={tmp_path} --config.data.name=idx"
  )
  (tmp_path / "raw" / "kmnist").mkdir(parents=True)
  idx_folder(tmp_path / "raw" / "kmnist")
  command = preparing.prepared("kmnist", str(tmp_path))[1]
  assert command.endswith("--config.data.name=idx --config.data.path=raw/kmnist")
  with pytest.raises(UserError, match="the published file of kmnist"):
    published("kmnist", str(tmp_path))
  called_with = []
  monkeypatch.setattr(idx, "published", lambda name, data_dir: False)
  monkeypatch.setattr(tfds, "prepare", lambda *words: called_with.append(words))
  with pytest.raises(UserError, match="no prepared set"):
    preparing.prepared("emnist/letters", str(tmp_path))
  assert called_with == [("emnist/letters", str(tmp_path))]
  assert "--config.data.set=emnist/letters" in preparing.command(
    "emnist/letters", "tfds", "d"
  )
  assert "--config=fashion " in preparing.command("fashion_mnist", "tfds", "d")


ROW = {"step": 3, "split": "train", "member": 0, "loss": 1.5, "rate": float("nan")}


def test_weights_and_biases_is_told_the_numbers(tmp_path, monkeypatch):
  told = []
  run = types.SimpleNamespace(
    log=lambda values, step: told.append((values, step)), finish=lambda: told.append("end")
  )
  started = []
  fake = types.SimpleNamespace(
    init=lambda **given: started.append(given) or run,
    util=types.SimpleNamespace(generate_id=lambda: "abc"),
  )
  monkeypatch.setitem(sys.modules, "wandb", fake)
  monkeypatch.setenv("VAE_JAX_TRACK", "wandb")
  (tmp_path / "config.json").write_text('{"seed": 3}')
  for _ in range(2):  # a resumed run is the same one there
    log = logging.Log(tmp_path, 0, [{"seed": 7, "beta": 0.5}])
    log.write([ROW])
    log.close()
  assert told == [({"train/loss/beta_0.5_seed_7": 1.5}, 3), "end"] * 2
  assert [one["id"] for one in started] == ["abc", "abc"]
  assert started[0]["config"] == {"seed": 3}


def test_mlflow_is_told_the_numbers(tmp_path, monkeypatch):
  told, runs = [], []
  fake = types.SimpleNamespace(
    set_experiment=lambda name: None,
    start_run=lambda run_id, run_name: (
      runs.append((run_id, run_name))
      or types.SimpleNamespace(info=types.SimpleNamespace(run_id="r1"))
    ),
    log_dict=lambda config, name: told.append(name),
    log_metrics=lambda values, step: told.append((values, step)),
    end_run=lambda: told.append("end"),
  )
  monkeypatch.setitem(sys.modules, "mlflow", fake)
  monkeypatch.setenv("VAE_JAX_TRACK", "mlflow")
  (tmp_path / "config.json").write_text("{}")
  for _ in range(2):
    log = logging.Log(tmp_path, 0, [{"seed": 0}])
    log.write([ROW])
    log.close()
  numbers = ({"train/loss/seed_0": 1.5}, 3)
  assert told == ["config.json", numbers, "end", numbers, "end"]
  assert runs == [(None, tmp_path.name), ("r1", None)]


def test_a_tracker_that_is_not_there_is_told_at_once(monkeypatch, tmp_path):
  monkeypatch.setitem(sys.modules, "wandb", None)  # so that importing it fails
  monkeypatch.setenv("VAE_JAX_TRACK", "wandb")
  done = called("train.py", "--config=digits:smoke", f"--workdir={tmp_path}")
  assert done.returncode == 2
  assert "pip install 'vae-jax[wandb]'" in done.stderr
  monkeypatch.setenv("VAE_JAX_TRACK", "wandbb")
  with pytest.raises(UserError, match="Did you mean 'wandb'"):
    trackers.names()
  monkeypatch.setenv("VAE_JAX_TRACK", "")
  assert trackers.names() == []


@pytest.mark.slow
def test_codes_are_exported_and_input_is_a_setting(tmp_path):
  words = ["--config=digits:smoke", f"--workdir={tmp_path}/run", "--config.model.latents=2"]
  words += ["--config.model.name=mlp"]
  assert called("train.py", *words).returncode == 0
  place = [f"--workdir={tmp_path}/run", "--application=reconstruction", "--set=samples=2"]
  done = called("evaluate.py", *place, f"--export={tmp_path}/codes.csv")
  assert done.returncode == 0, done.stderr
  head, *rows = (tmp_path / "codes.csv").read_text().splitlines()
  assert head == "member,seed,id,label,z0,z1,std0,std1"
  assert len(rows) == 250
  assert np.isfinite([float(row.split(",")[4]) for row in rows]).all()
  done = called("evaluate.py", *place, f"--export={tmp_path}/codes.txt")
  assert (done.returncode, "name of a .csv" in done.stderr) == (2, True)
  done = called("evaluate.py", *place, "--input=new.npz")
  assert (done.returncode, "has a setting 'input'" in done.stderr) == (2, True)


def test_a_grid_of_pictures_has_each_pixel_where_it_belongs():
  rows = np.random.default_rng(0).random((2, 3, 4, 5, 1))
  found = np.asarray(first.grid(rows))
  times = 16  # of 4 pixels to 64
  assert found.shape == (2 * 4 * times, 3 * 5 * times)
  for row, column, y, x in ((0, 0, 0, 0), (1, 2, 3, 4), (0, 2, 1, 3)):
    pixel = found[(row * 4 + y) * times, (column * 5 + x) * times]
    assert pixel == round(255 * rows[row, column, y, x, 0])
  assert np.asarray(first.grid(np.ones((1, 2, 4, 4, 3)))).shape == (64, 128, 3)


@pytest.mark.slow
def test_a_first_picture_is_named_before_anything_else_is_trained(tmp_path, monkeypatch):
  status, said, _ = console("first", f"--workdir={tmp_path}/first", monkeypatch=monkeypatch)
  assert status == 0
  assert f"after 1 epoch(s): {tmp_path}/first/reconstructions.png" in said
  assert (tmp_path / "first" / "reconstructions.png").read_bytes()[:4] == b"\x89PNG"
