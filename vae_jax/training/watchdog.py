"""Ends a compiled program that stands still, with a sentence.

Programs on a CPU share one pool of threads. One that waits on the pool for work which the pool
has no free thread for waits for ever, without a word (docs/known_issues.md). Python can
neither wake it nor interrupt it: all that helps is to say so and to end the process.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import jax

from vae_jax.types import UserError

STATUS = 75  # of the process that is ended: EX_TEMPFAIL, "try again"
SECONDS = 300.0  # without a sign of life
ALIVE = 1e-3  # the share of one core that is a sign of life; a stalled program has none
TICKS = 20  # looks in that time


def limit() -> float:
  """Seconds without a sign of life after which a program is ended; 0 for never.

  VAE_JAX_STALL_SECONDS says another number. On an accelerator, and between processes, a
  program may rightly wait for something that is no processor time of this process: 0.

  Raises:
    UserError: the variable is no number.
  """
  text = os.environ.get("VAE_JAX_STALL_SECONDS", SECONDS)
  try:
    seconds = float(text)
  except ValueError:
    raise UserError(
      f"VAE_JAX_STALL_SECONDS is {text!r}; expected a number of seconds, or 0 for no watch."
    ) from None
  return seconds if jax.default_backend() == "cpu" and jax.process_count() == 1 else 0.0


@contextlib.contextmanager
def watched(what: str) -> Iterator[Callable[[], None]]:
  """Ends the process where the block shows no sign of life for `limit()` seconds.

  Signs of life are processor time of the process, whoever uses it, and calls of the function
  that the block is given. A slow program has the first, also where it gets a hundredth of a
  core; one that waits for ever has neither. Time in which the process itself is stopped does
  not count, as the watch is stopped with it.

  Args:
    what: the name of the program, for the sentence.
  """
  seconds, done, over = limit(), [], threading.Event()
  if seconds <= 0:
    yield lambda: None
    return
  watch = threading.Thread(
    target=_watch, args=(what, seconds, done, over), name="vae_jax watch", daemon=True
  )
  watch.start()
  try:
    yield lambda: done.append(None)
  finally:
    over.set()


def _watch(what: str, seconds: float, done: list, over: threading.Event) -> None:
  used = lambda: time.process_time() - time.thread_time()  # without that of this watch
  quiet, seen = 0, (used(), 0)
  while not over.wait(seconds / TICKS):
    now = used(), len(done)
    if now[0] - seen[0] > ALIVE * seconds or now[1] != seen[1]:
      quiet, seen = 0, now
    else:
      quiet += 1
    if quiet >= TICKS:
      _end(what, seconds, len(done))


def _end(what: str, seconds: float, done: int) -> None:
  print(
    f"{what} stands still: for {seconds:.0f} s this process has used no processor time, and"
    f" after {done} finished call(s) no other has finished. It would wait for ever. Start the"
    " command again (training goes on from its last checkpoint) with NPROC=8 before it, which"
    " gives JAX more threads, or on Linux with `taskset -c 0`, one program at a time."
    " VAE_JAX_STALL_SECONDS=0 turns this watch off; docs/known_issues.md says more.",
    file=sys.stderr,
    flush=True,
  )
  with contextlib.suppress(OSError, ValueError):
    sys.stdout.flush()
  os._exit(STATUS)
