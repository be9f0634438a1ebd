"""The page of Slurm is followed with a stand-in for sbatch, which runs the job file at once."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "slurm.md").read_text()
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.S)
SHORT = "--config.train.steps=20"  # so many steps in the place of the page's
SBATCH = """#!/bin/bash
# Runs a job file as Slurm would: every index of its array, one after another.
last=$(sed -n 's/^#SBATCH --array=0-//p' "$1")
for index in $(seq 0 "${last:-0}"); do SLURM_ARRAY_TASK_ID=$index bash "$1"; done
"""
pytestmark = pytest.mark.slow


def test_the_page_is_followed(installed, tmp_path):
  (tmp_path / "bin").mkdir()
  sbatch = tmp_path / "bin" / "sbatch"
  sbatch.write_text(SBATCH)
  sbatch.chmod(0o755)
  (tmp_path / ".venv/bin").mkdir(parents=True)
  (tmp_path / ".venv/bin/activate").write_text("")  # `installed` is active already
  path = os.pathsep.join([str(tmp_path / "bin"), installed["PATH"]])
  said = []
  for language, text in BLOCK.findall(PAGE):
    text = text.replace("vae-jax train ", f"vae-jax train {SHORT} ")
    command = ["bash", "-euc", text] if language == "bash" else ["python", "-c", text]
    done = subprocess.run(
      command, cwd=tmp_path, env={**installed, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
    said.append(done.stdout)
  plan, first, again, _, scores = said
  assert "Plan: 20 members" in plan
  assert "Finished: 20 steps" in first
  assert "Finished already" in again
  assert (tmp_path / "runs/betas/sweep.html").is_file()
  assert re.search(r"^10\s+1\.0\s", scores, re.M)
