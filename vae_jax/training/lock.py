"""One training for each run directory: a lock that names its host and its process.

The kernel's lock on the file decides between processes of one machine, and is gone with its
process. Some shared file systems keep it to each machine; for those the holder counts in the
file every few seconds, and another machine watches whether the count moves.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from vae_jax.types import UserError

NAME = "lock.json"
BEAT = 5.0  # seconds from count to count
WATCH = 12.5  # seconds after which a count that has not moved is of a process that is gone
WIDTH = 512  # bytes of the file; always as many, so that a count needs no new space


class Lock:
  """A lock that is held."""

  def __init__(self, path: pathlib.Path, descriptor: int):
    self._path, self._descriptor = path, descriptor
    self._over = threading.Event()
    os.ftruncate(descriptor, WIDTH)
    self._thread = threading.Thread(target=self._count, daemon=True)
    self._write(0)
    self._thread.start()

  def check(self) -> None:
    """Makes sure that the run directory is still there and still this training's.

    Raises:
      UserError: it was removed, or another one has taken its place.
    """
    if not _is(self._path, self._descriptor):
      raise UserError(
        f"The run directory {self._path.parent} was removed or replaced while it was trained:"
        " start again, and leave it in place until the training ends."
      )

  def release(self) -> None:
    """Gives the run directory back."""
    self._over.set()
    self._thread.join()
    if _is(self._path, self._descriptor):
      self._path.unlink()
    os.close(self._descriptor)

  def _write(self, count: int) -> None:
    about = {"host": socket.gethostname(), "process": os.getpid(), "count": count}
    text = json.dumps(about).ljust(WIDTH - 1) + "\n"
    os.pwrite(self._descriptor, text.encode(), 0)

  def _count(self) -> None:
    count = 0
    while not self._over.wait(BEAT):
      count += 1
      with contextlib.suppress(OSError):  # a full disk is told by what trains
        self._write(count)


@contextlib.contextmanager
def held(folder: pathlib.Path, say: Callable[[str], None]) -> Iterator[Lock]:
  """Holds the lock of a run directory.

  Args:
    folder: the run directory, which is there.
    say: gets a line where another machine's lock has to be watched.

  Raises:
    UserError: another training holds it.
  """
  path = folder / NAME
  taken = None
  while taken is None:
    taken = _taken(path, say)
  lock = Lock(path, taken)
  try:
    yield lock
  finally:
    lock.release()


def _taken(path: pathlib.Path, say: Callable[[str], None]) -> int | None:
  """The open file with its lock; None where it was removed meanwhile and is to be made anew."""
  try:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
  except OSError as error:
    raise UserError(
      f"{path} cannot be opened ({error.strerror}): it must be a file of this training's"
      " user, remove it and start again."
    ) from error
  try:
    conclusive = _locked(descriptor)
    found = _read(descriptor)
    if conclusive is None:
      raise UserError(_refusal(path, found))
    if not _is(path, descriptor):
      os.close(descriptor)
      return None
    elsewhere = found and not (conclusive and found["host"] == socket.gethostname())
    if elsewhere and _moves(descriptor, path, found, say):
      raise UserError(_refusal(path, found))
  except BaseException:
    os.close(descriptor)
    raise
  return descriptor


def _locked(descriptor: int) -> bool | None:
  """True with the kernel's lock, None where another process has it, False where there is none."""
  try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    return None
  except OSError:
    return False
  return True


def _moves(
  descriptor: int, path: pathlib.Path, found: dict, say: Callable[[str], None]
) -> bool:
  """Whether the holder that the file names still counts."""
  say(
    f"{path.parent} was trained by process {found['process']} on {found['host']}: waiting"
    f" {WATCH:.0f} s to see whether it still is."
  )
  end = time.monotonic() + WATCH
  while time.monotonic() < end:
    time.sleep(0.1)
    if _read(descriptor) != found:
      return True
  return False


def _read(descriptor: int) -> dict | None:
  """What the file says; None if it is new or cannot be understood."""
  try:
    about = json.loads(os.pread(descriptor, WIDTH, 0))
    host, process, count = about["host"], about["process"], about["count"]
  except (ValueError, KeyError, TypeError, OSError):
    return None
  return {"host": str(host), "process": str(process), "count": str(count)}


def _refusal(path: pathlib.Path, found: dict | None) -> str:
  who = f"process {found['process']} on {found['host']}" if found else "another process"
  return (
    f"{path.parent} is being trained by {who}: let it finish or end it, or take another"
    " --workdir."
  )


def _is(path: pathlib.Path, descriptor: int) -> bool:
  """Whether a path is still the file that was opened."""
  try:
    there, opened = os.stat(path, follow_symlinks=False), os.fstat(descriptor)
  except OSError:
    return False
  return (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)
