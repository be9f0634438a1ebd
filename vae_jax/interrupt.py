"""Ctrl-C that always ends a program: a thread counts it, a training reads it between chunks.

Python's own KeyboardInterrupt is raised wherever the main thread happens to be. Inside a
callback of JAX it is swallowed, and while compiled code runs it waits. Here the signal is a
byte in a pipe, which a thread reads at once.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

STATUS = 130  # of a program that Ctrl-C ended, as a shell counts it


class Stopped(KeyboardInterrupt):
  """A training that was asked to stop and has saved what it has; the sentence says where."""


class Interrupt:
  """The Ctrl-C of a program."""

  def __init__(self):
    self.asked = False  # whether code that heeds it should stop
    self._heeded = False

  @contextlib.contextmanager
  def watched(self) -> Iterator[None]:
    """Takes over Ctrl-C: if no code heeds it, or at the second one, the program ends.

    Only the main thread can; in another one Python's own way stays.
    """
    if threading.current_thread() is not threading.main_thread():
      yield
      return
    read, write = os.pipe()
    os.set_blocking(write, False)
    # A handler of Python must be there for the byte to be written; it does nothing itself.
    handler = signal.signal(signal.SIGINT, lambda *_: None)
    wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    thread = threading.Thread(target=self._listen, args=(read,), daemon=True)
    thread.start()
    try:
      yield
    finally:
      signal.set_wakeup_fd(wakeup)
      signal.signal(signal.SIGINT, handler)
      os.close(write)  # the thread reads the end, and ends
      thread.join()
      os.close(read)

  @contextlib.contextmanager
  def heeded(self) -> Iterator[None]:
    """Within it the first Ctrl-C sets `asked`, and the caller stops where it can."""
    self._heeded = True
    try:
      yield
    finally:
      self._heeded = False

  def _listen(self, pipe: int) -> None:
    while got := os.read(pipe, 1):
      if got[0] == signal.SIGINT:
        self._press()

  def _press(self) -> None:
    if self._heeded and not self.asked:
      self.asked = True
      _tell(
        "Stopping after this chunk of steps and its checkpoint. Ctrl-C again ends at once."
      )
      return
    _tell(
      "Stopped. What was saved before is unharmed, and the same command goes on from it."
    )
    # What was printed must not be lost, and a reader that has stopped must not hold us up.
    flush = threading.Thread(target=sys.stdout.flush, daemon=True)
    flush.start()
    flush.join(1.0)
    os._exit(STATUS)


def _tell(sentence: str) -> None:
  with contextlib.suppress(OSError):
    os.write(
      2, f"\n{sentence}\n".encode()
    )  # past the buffers, which the main thread may hold
