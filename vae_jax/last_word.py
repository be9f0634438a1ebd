"""A message that is printed even where this process can no longer print it.

JAX aborts a process that has lost another one of its run, from a thread of its own and without
an exception. A shell that does nothing but wait for this process to end says it then.
"""

import contextlib
import subprocess

SENTENCE = (
  "Error: A process of this run has ended, and this one with it: start all of them again, and"
  " they go on from the last checkpoint."
)
WAIT = 'IFS= read -r said && [ "$said" = bye ] || printf "%s\\n" "$0" >&2'


class LastWord:
  """Says the sentence when this process ends before `taken_back`."""

  def __init__(self):
    # A session of its own: a Ctrl-C in the terminal must not end it first.
    self._shell = subprocess.Popen(
      ["/bin/sh", "-c", WAIT, SENTENCE], stdin=subprocess.PIPE, start_new_session=True
    )

  def taken_back(self) -> None:
    """Ends the wait: from here on this process says itself how it ends."""
    if self._shell.stdin.closed:
      return
    with contextlib.suppress(OSError):
      self._shell.stdin.write(b"bye\n")
      self._shell.stdin.close()
    self._shell.wait()
