"""What the two programs share before JAX is imported: overrides, errors in one sentence."""

import argparse
import atexit
import contextlib
import errno
import functools
import os
import pathlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from vae_jax.interrupt import STATUS, Interrupt
from vae_jax.last_word import LastWord
from vae_jax.types import UserError


def overrides(
  words: list[str], hint: Callable[[str], str] = lambda word: ""
) -> dict[str, str]:
  """`--config.a.b=1 --config.c 2` as {"a.b": "1", "c": "2"}.

  Args:
    words: of the command line.
    hint: an unknown word -> the half sentence that says what may have been meant.

  Raises:
    UserError: another word, or a flag without a value.
  """
  found, rest = {}, list(words)
  while rest:
    word = rest.pop(0)
    name, given, value = word.partition("=")
    if not name.startswith("--config.") or len(name) == len("--config."):
      raise UserError(
        f"Unknown argument {name!r}; overrides are --config.<field>=<value>.{hint(word)}"
      )
    if not given:
      if not rest or rest[0].startswith("--"):
        raise UserError(f"{name} has no value; write {name}=<value>.")
      value = rest.pop(0)
    found[name.removeprefix("--config.")] = value
  return found


def assignments(words: list[str]) -> dict[str, str]:
  """The `name=value` words of repeated --set flags.

  Raises:
    UserError: a word without an equals sign.
  """
  found = {}
  for word in words:
    name, given, value = word.partition("=")
    if not given or not name:
      raise UserError(f"--set {word!r} is no assignment; write --set <name>=<value>.")
    found[name] = value
  return found


@contextlib.contextmanager
def told_in_one_sentence() -> Iterator[Interrupt]:
  """Turns a mistake of the caller into one sentence on stderr and exit status 2.

  Yields:
    The request of a Ctrl-C, for code that heeds it; elsewhere it ends the program.
  """
  threading.excepthook = _unless_the_disk_is_full
  sys.unraisablehook = functools.partial(_unless_it_follows, tell=sys.unraisablehook)
  watch = Interrupt()
  try:
    with watch.watched():
      yield watch
  except UserError as error:
    print(f"Error: {error}", file=sys.stderr)
    _leave(error.status)
  except KeyboardInterrupt as error:
    print(error if str(error) else "Stopped.", file=sys.stderr)
    _leave(STATUS)
  except BrokenPipeError:
    sys.stderr.close()  # the reader of our output is gone, so no message can be read
    sys.exit(1)
  except OSError as error:
    if error.errno is None:
      raise
    where = f" ({error.filename})" if error.filename else ""
    print(
      f"Error: {error.strerror}{where}. What was saved before is unharmed.", file=sys.stderr
    )
    if error.errno == errno.ENOSPC:
      # Writers in the background still hold what no longer fits; their complaints on the way
      # out would bury the sentence.
      _leave_at_once(2)
    _leave(2)


_processes: list[int] = []  # how many this one has joined, where it has
_at_once: list[Callable[[], None]] = []  # what is still to be done where nothing else is


def _leave(status: int) -> None:
  if _processes:
    # JAX would wait for the others, which wait for this one, and then abort with a stack trace.
    _leave_at_once(status)
  sys.exit(status)


def _leave_at_once(status: int) -> None:
  for call in _at_once:
    call()
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)


def _unless_it_follows(args: Any, tell: Callable[[Any], None]) -> None:
  """A `sys.unraisablehook` without what Orbax's writers say when one of them has failed.

  The failure itself is raised where training waits for them.
  """
  error = args.exc_value
  if not (isinstance(error, RuntimeError) and str(error) == "Event loop is closed"):
    tell(args)


def _unless_the_disk_is_full(args: threading.ExceptHookArgs) -> None:
  if not (isinstance(args.exc_value, OSError) and args.exc_value.errno == errno.ENOSPC):
    threading.__excepthook__(args)


def cache_folder() -> pathlib.Path:
  """The folder of all caches: VAE_JAX_CACHE, or ~/.cache/vae_jax."""
  given = os.environ.get("VAE_JAX_CACHE")
  return pathlib.Path(given or pathlib.Path.home() / ".cache" / "vae_jax")


def without_devices() -> None:
  """JAX on the CPU alone, and a TPU's compiler that looks for no TPU; before JAX is imported."""
  os.environ["JAX_PLATFORMS"] = "cpu"
  os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
  os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
  os.environ.setdefault("TPU_MIN_LOG_LEVEL", "3")
  os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")  # no chip is held by it


def use_compilation_cache() -> None:
  """Keeps compiled programs between processes."""
  import jax

  jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def add_plugins(parser: argparse.ArgumentParser) -> None:
  """The flag of both programs for files of one's own."""
  parser.add_argument(
    "--plugins",
    metavar="DIR",
    help="a folder of your own objectives/, models/, priors/, ...: docs/architecture.md",
  )


def add_distributed(parser: argparse.ArgumentParser) -> None:
  """The flags of a run of several processes, named as `jax.distributed.initialize` does."""
  group = parser.add_argument_group("several processes (docs/scaling.md)")
  group.add_argument(
    "--distributed",
    action="store_true",
    help="this is one of several processes; Slurm, TPU pods and MPI need no more",
  )
  group.add_argument("--coordinator_address", help="host:port of process 0")
  group.add_argument("--num_processes", type=int)
  group.add_argument("--process_id", type=int, help="of this one, from 0")
  group.add_argument(
    "--heartbeat_timeout_seconds",
    type=int,
    default=100,
    help="after which a silent process counts as lost",
  )


def join(known: argparse.Namespace) -> None:
  """Joins the processes of a run, before any other call of JAX.

  Raises:
    UserError: the explicit flags are incomplete or come without --distributed, or no cluster
      is found.
  """
  names = ("coordinator_address", "num_processes", "process_id")
  given = {name: getattr(known, name) for name in names}
  said = [name for name, value in given.items() if value is not None]
  if not known.distributed:
    if said:
      raise UserError(f"--{said[0]} has a meaning with --distributed only.")
    return
  if said and len(said) < len(names):
    missing = ", ".join(f"--{name}" for name in names if name not in said)
    raise UserError(f"--{said[0]} is given and {missing} is not: give all three or none.")
  if said and not 0 <= known.process_id < known.num_processes:
    raise UserError(
      f"--process_id is {known.process_id}; it must be from 0 to {known.num_processes - 1}."
    )
  import jax

  seconds = known.heartbeat_timeout_seconds
  word = LastWord()
  # Before JAX registers its own: what is registered first is called last.
  atexit.register(word.taken_back)
  _at_once.append(word.taken_back)
  try:
    jax.distributed.initialize(**given, heartbeat_timeout_seconds=seconds)
    _processes.append(jax.process_count())
  except (ValueError, RuntimeError) as error:
    raise UserError(
      f"The processes of the run did not find each other ({_first_line(error)}): start them"
      f" under Slurm, MPI, Kubernetes or on a TPU pod, or name --coordinator_address,"
      f" --num_processes and --process_id to each."
    ) from error


def _first_line(error: Exception) -> str:
  return str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)
