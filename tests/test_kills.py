"""A sweep of two programs that is killed at random moments is the one that was not killed.

Thirty moments by default; VAE_JAX_KILLS=100 is a hundred.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from helpers import ROOT

from vae_jax import run as runs

KILLS = int(os.environ.get("VAE_JAX_KILLS", "30"))
WORDS = [
  "--config=configs/digits.py", "--config.model.name=mlp", "--config.model.hidden=[32]",
  "--config.train.steps=3000", "--config.train.log_every=20", "--config.train.eval_every=60",
  "--config.train.checkpoint_every=40", "--config.optimizer.ema=True", "--placement=single",
  "--config.sweep={'model.latents': [3, 4], 'beta': [0.5, 4]}",
]  # fmt: skip


def command(folder):
  return [sys.executable, "-u", str(ROOT / "train.py"), f"--workdir={folder}", *WORDS]


def killed(folder, draw: random.Random) -> bool:
  """Starts a training and kills it; False where it had ended before."""
  pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
  with subprocess.Popen(command(folder), cwd=ROOT, **pipes) as process:
    if draw.random() < 0.7:  # in training; else at any moment, also before there is any
      for line in process.stdout:
        if line.startswith("Compiled") or line.lstrip()[:1].isdigit():
          break
      time.sleep(draw.uniform(0, 1.0))
    else:
      time.sleep(draw.uniform(0, 8.0))
    os.kill(process.pid, signal.SIGKILL)
    said = process.stdout.read()
    process.wait()
  assert "Traceback" not in said, said
  assert process.returncode in (0, -signal.SIGKILL), said
  return process.returncode != 0


def rows(folder):
  found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
  return [{k: v for k, v in row.items() if k != "examples_per_second"} for row in found]


def same(whole, broken):
  """Parameters, best parameters, ends and every row of the log, to the bit."""
  for which in ("latest", "best"):
    for a, b in zip(*(runs.open_runs(f, which) for f in (whole, broken)), strict=True):
      for x, y in zip(*map(jax.tree.leaves, (a.params, b.params)), strict=True):
        np.testing.assert_array_equal(x, y)
      assert (a.step == b.step).all()
      assert a.ended == b.ended
  assert rows(whole) == rows(broken)


@pytest.mark.slow
def test_killed_at_random_moments_it_resumes_to_the_same_bits(tmp_path):
  seed = int(os.environ.get("VAE_JAX_KILLS_SEED", time.time_ns() % 2**32))
  draw, whole, broken = random.Random(seed), tmp_path / "whole", tmp_path / "broken"
  print(f"VAE_JAX_KILLS_SEED={seed}")
  subprocess.run(command(whole), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
  kills = compared = 0
  while kills < KILLS:
    if killed(broken, draw):
      kills += 1
      print(f"kill {kills} of {KILLS}", flush=True)
      continue
    same(whole, broken)
    shutil.rmtree(broken)
    compared += 1
  subprocess.run(command(broken), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
  same(whole, broken)
  print(f"{kills} kills, {compared + 1} runs compared")
