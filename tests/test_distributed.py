"""Several processes: the numbers of one, and no hang when one of them is lost."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from helpers import ROOT, called, program, quick, validated

from vae_jax import last_word
from vae_jax import run as runs
from vae_jax.report import store

WORDS = [
  "--config=configs/digits.py:smoke", "--config.model.name=mlp", "--config.model.hidden=[32]",
  "--config.train.batch_size=50",
]  # fmt: skip


def environment(devices: int) -> dict:
  return {**quick(devices), "PYTHONUNBUFFERED": "1"}


def started(
  workdir: pathlib.Path, words: list[str], program: str = "train.py"
) -> list[subprocess.Popen]:
  """Two processes with two devices each."""
  with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
  command = [sys.executable, str(ROOT / program), f"--workdir={workdir}", *words]
  command += [
    "--distributed",
    f"--coordinator_address=localhost:{port}",
    "--num_processes=2",
  ]
  return [
    subprocess.Popen(
      [*command, f"--process_id={i}", "--heartbeat_timeout_seconds=10"], cwd=ROOT,
      env=environment(2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    for i in range(2)
  ]  # fmt: skip


def ended(
  processes: list[subprocess.Popen], seconds: float = 120
) -> list[tuple[int, str, str]]:
  texts = [process.communicate(timeout=seconds) for process in processes]
  return [(p.returncode, *text) for p, text in zip(processes, texts, strict=True)]


def numbers(target: pathlib.Path) -> list[float]:
  """Every number of the tables of a report but how long it took."""
  return [
    value
    for table in store.load(target)[0]["tables"]
    for row in table["rows"]
    for column, value in zip(table["columns"], row, strict=True)
    if isinstance(value, float) and column != "seconds"
  ]


@pytest.mark.parametrize(
  ("place", "betas"),
  [("mesh", [1, 2, 4]), pytest.param("pmap", [1, 2, 3, 4, 5], marks=pytest.mark.slow)],
)
def test_two_processes_are_one_with_as_many_devices(tmp_path, place, betas):
  words = [*WORDS, f"--placement={place}", f"--config.sweep={{'beta': {betas}}}"]
  one = program("train.py", f"--workdir={tmp_path / 'one'}", *words, env=environment(4))
  assert one.returncode == 0, one.stderr
  for status, _, errors in ended(started(tmp_path / "two", words)):
    assert status == 0, errors
  for which in ("latest", "best"):
    a, b = (runs.open_run(tmp_path / name, which) for name in ("one", "two"))
    for x, y in zip(jax.tree.leaves(a.params), jax.tree.leaves(b.params), strict=True):
      np.testing.assert_allclose(x, y, atol=1e-6)
  assert [r["member"] for r in a.history] == [r["member"] for r in b.history]


@pytest.mark.slow
@pytest.mark.parametrize("betas", [[1, 2, 3], [1]])
def test_two_processes_evaluate_as_one_and_one_of_them_writes(tmp_path, betas):
  """Three members: one process has two of them. One member: each has half of the rows."""
  run = tmp_path / "run"
  sweep_ = {"beta": betas, "seed": [0]}
  words = [*WORDS, f"--config.sweep={sweep_}", "--config.prior.name=vamp"]
  assert program("train.py", f"--workdir={run}", *words).returncode == 0
  words = ["--application=reconstruction", "--set", "samples=20", "--set", "limit=64"]
  one = program("evaluate.py", f"--workdir={run}", f"--out={tmp_path / 'one'}", *words)
  assert one.returncode == 0, one.stderr
  words.append(f"--out={tmp_path / 'two'}")
  first, second = ended(started(run, words, "evaluate.py"), 400)
  assert first[0] == second[0] == 0, (first[2], second[2])
  assert "report.html" in first[1]
  assert "ELBO" not in second[1]
  assert "report.html" not in second[1]
  one, two = (numbers(tmp_path / name) for name in ("one", "two"))
  assert len(one) > 20
  assert two == pytest.approx(one, rel=1e-4, nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_when_one_process_is_killed_the_other_ends_and_both_resume(tmp_path, killed):
  words = [
    *WORDS, "--placement=pmap", "--config.sweep={'beta': [1, 4]}",
    "--config.train.steps=100000", "--config.train.log_every=20", "--config.train.eval_every=60",
  ]  # fmt: skip
  processes = started(tmp_path, words)
  validated(processes[0], 120)
  os.kill(processes[killed].pid, signal.SIGKILL)
  began = time.time()
  status, _, errors = ended(processes)[1 - killed]
  assert time.time() - began < 60
  # Where JAX's service notices the silence first it aborts, and the sentence is said all the same.
  if status == -signal.SIGABRT:
    assert last_word.SENTENCE in errors
  else:
    assert status == 2
    assert "Another process of this run has ended" in errors
    assert last_word.SENTENCE not in errors
  again = started(tmp_path, words)
  assert validated(again[0]) > 60, "it began anew"
  for process in again:
    process.kill()
  ended(again)


@pytest.mark.parametrize(
  ("end", "said"), [("os.abort()", True), ("word.taken_back()", False)]
)
def test_the_last_word_is_said_where_a_process_is_aborted(end, said):
  code = f"import os; from vae_jax.last_word import LastWord; word = LastWord(); {end}"
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
  )
  assert (last_word.SENTENCE in done.stderr) == said


@pytest.mark.slow
def test_ctrl_c_in_one_process_stops_all_of_them_at_the_same_step(tmp_path):
  words = [*WORDS, "--placement=pmap", "--config.sweep={'beta': [1, 4]}"]
  words += ["--config.train.steps=100000", "--config.train.log_every=20"]
  processes = started(tmp_path, words)
  validated(processes[0])
  processes[1].send_signal(signal.SIGINT)
  for status, _, errors in ended(processes):
    assert status == 130, errors
    assert "Stopped at step" in errors
    assert last_word.SENTENCE not in errors
  assert runs.open_run(tmp_path, "latest").step[0] % 20 == 0


@pytest.mark.parametrize(
  ("words", "sentence"),
  [
    (["--num_processes=2"], "has a meaning with --distributed only"),
    (["--distributed", "--num_processes=2"], "all three or none"),
    (
      ["--distributed", "--coordinator_address=a:1", "--num_processes=2", "--process_id=2"],
      "from 0 to 1",
    ),
    (["--distributed"], "did not find each other"),
  ],
)
def test_flags_that_cannot_be_meant_are_sentences(tmp_path, words, sentence):
  joins = words == ["--distributed"]  # the others are refused before anything is joined
  done = (program if joins else called)("train.py", f"--workdir={tmp_path}", *WORDS, *words)
  assert done.returncode == 2
  assert sentence in done.stderr
  assert "Traceback" not in done.stderr
