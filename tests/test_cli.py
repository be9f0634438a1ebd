"""The two programs as a user meets them: mistakes are one sentence and status 2."""

import time

import numpy as np
import pytest
from helpers import ROOT, called, program, quick

CONFIG = "--config=configs/digits.py:smoke"


def told(result, said: str) -> None:
  assert result.returncode == 2, result.stderr[-2000:]
  assert "Traceback" not in result.stderr
  assert result.stderr.startswith("Error: ")
  assert said in result.stderr, result.stderr


def test_help_is_quick():
  began = time.perf_counter()
  assert program("train.py", "--help").returncode == 0
  assert time.perf_counter() - began < 10  # 0.6 s alone; the bound is for a busy machine


def npz(tmp_path, **arrays):
  path = tmp_path / "mine.npz"
  np.savez(path, **arrays)
  return [
    "--config=configs/arrays.py", f"--workdir={tmp_path}/run", f"--config.data.path={path}"
  ]  # fmt: skip


def test_data_mistakes(tmp_path):
  grey = np.random.default_rng(0).random((64, 8, 8)).astype(np.float32)
  bad = grey.copy()
  bad[3, 2, 1] = np.nan
  told(called("train.py", *npz(tmp_path, x=bad)), "has nan in row 3")
  told(called("train.py", *npz(tmp_path, x=np.zeros((8, 2, 2, 2, 2), np.float32))), "shape")
  words = [*npz(tmp_path, x=grey * 3), "--config.likelihood.name=bernoulli"]
  told(called("train.py", *words), "divide them by 255")
  words += ["--config.data.domain=real"]
  told(called("train.py", *words), "bernoulli")
  assert not list((tmp_path / "run").iterdir())  # the mistake leaves nothing to get past


def test_places_that_hold_nothing(tmp_path):
  told(called("evaluate.py", f"--workdir={tmp_path}"), "is no run directory")
  told(
    called("train.py", "--config=configs/nothing.py", f"--workdir={tmp_path}"),
    "no config file",
  )
  words = ["--config=configs/mnist.py", f"--workdir={tmp_path}/m", f"--data_dir={tmp_path}"]
  told(called("train.py", *words), "mnist")
  told(
    called("evaluate.py", f"--workdir={tmp_path}", "--application=recon"), "reconstruction"
  )
  told(called("evaluate.py", f"--workdir={tmp_path}", "--set=samples"), "--set")
  told(called("evaluate.py", f"--workdir={tmp_path}", "--set=smaples=3"), "samples")
  told(called("evaluate.py", f"--workdir={tmp_path}", "--set=samples=0"), "at least 1")
  told(called("evaluate.py", f"--workdir={tmp_path}", "--set=samples=[1]"), "of type int")


def test_a_workdir_that_cannot_be_written(tmp_path):
  (tmp_path / "file").write_text("")
  told(called("train.py", CONFIG, f"--workdir={tmp_path}/file/run"), "cannot be written")
  told(called("train.py", CONFIG, "--workdir=/proc/vae_jax"), "cannot be written")


def test_train_evaluate_and_open_the_report(tmp_path):
  small = ["--config.model.name=mlp", "--config.model.hidden=[16]"]
  trained = program("train.py", CONFIG, f"--workdir={tmp_path}", *small, env=quick())
  assert trained.returncode == 0, trained.stderr
  assert "Finished" in trained.stdout
  words = [f"--workdir={tmp_path}", "--application=reconstruction", "--set=samples=4"]
  words += ["--set=limit=40", "--set=tune=40"]
  evaluated = program("evaluate.py", *words, env=quick())
  assert evaluated.returncode == 0, evaluated.stderr
  assert evaluated.stdout.strip().endswith("report.html")
  page = (tmp_path / "report.html").read_text()
  assert "evaluate.py" in page
  assert list((tmp_path / "figures").glob("*.png"))
  told(called("evaluate.py", *words, "--member=3"), "members 0 to 0")
  told(called("evaluate.py", *words, "--checkpoint=last"), "best or latest")


@pytest.mark.parametrize("name", ["train.py", "evaluate.py"])
def test_the_programs_stay_thin(name):
  assert (ROOT / name).read_text().count("\n") < 80
