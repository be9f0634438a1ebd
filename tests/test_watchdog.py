"""A program that stalls is ended with a sentence; one that is slow, stopped or idle is not."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from vae_jax.training import watchdog
from vae_jax.types import UserError

START = "import threading, time\nfrom vae_jax.training import cores\n"


@contextlib.contextmanager
def process(code, seconds="1"):
  """A process of Python, ended with the block."""
  environment = {**os.environ, "VAE_JAX_STALL_SECONDS": seconds}
  with subprocess.Popen(
    [sys.executable, "-c", START + code],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=environment,
  ) as child:
    try:
      yield child
    finally:
      child.kill()


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_stalled_program_is_ended_with_a_sentence(at_once):
  code = f"""
cores.count = lambda: {at_once}
def decode(item):
  if item:
    threading.Event().wait()  # for ever, and no exception reaches it
cores.each(decode, range(4))
"""
  with process(code) as stalled:
    _, said = stalled.communicate(timeout=60)
  assert stalled.returncode == watchdog.STATUS
  assert said.startswith("The program __main__.decode stands still: for 1 s")
  assert "after 1 finished call(s)" in said
  assert "NPROC=8" in said


@pytest.mark.slow
def test_slow_programs_and_programs_that_end_one_after_another_are_left_alone():
  code = """
cores.count = lambda: 2
def busy_now_and_then(item):  # a sixtieth of a core
  end = time.monotonic() + 3
  while time.monotonic() < end:
    until = time.process_time() + 0.005
    while time.process_time() < until:
      pass
    time.sleep(0.3)
cores.each(busy_now_and_then, range(2))
cores.each(lambda item: time.sleep(0.4), range(12))  # none computes, but they end
time.sleep(3)  # outside nothing is watched
print("ended")
"""
  with process(code, "2") as slow:
    assert slow.communicate(timeout=60) == ("ended\n", "")


def test_time_in_which_the_process_is_stopped_does_not_count():
  code = """
cores.count = lambda: 1
def item(_):
  print("ready", flush=True)
  time.sleep(0.5)
cores.each(item, range(1))
print("ended")
"""
  with process(code) as stopped:
    assert stopped.stdout.readline() == "ready\n"
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(2)
    stopped.send_signal(signal.SIGCONT)
    assert stopped.communicate(timeout=60) == ("ended\n", "")


def test_zero_seconds_is_no_watch_and_a_word_is_refused(monkeypatch):
  monkeypatch.setenv("VAE_JAX_STALL_SECONDS", "0")
  with watchdog.watched("nothing") as finished:
    finished()
    assert "vae_jax watch" not in {thread.name for thread in threading.enumerate()}
  monkeypatch.setenv("VAE_JAX_STALL_SECONDS", "soon")
  with pytest.raises(UserError, match="'soon'"):
    watchdog.limit()


def test_a_wait_that_may_be_right_is_not_watched(monkeypatch):
  monkeypatch.delenv("VAE_JAX_STALL_SECONDS", raising=False)
  assert watchdog.limit() == watchdog.SECONDS
  monkeypatch.setattr(watchdog.jax, "process_count", lambda: 2)
  assert watchdog.limit() == 0
  monkeypatch.undo()
  monkeypatch.setattr(watchdog.jax, "default_backend", lambda: "gpu")
  assert watchdog.limit() == 0
