"""What the two programs share before JAX is imported: overrides, errors in one sentence."""

import contextlib
import errno
import os
import pathlib
import sys
import threading
from collections.abc import Iterator

from vae_jax.types import UserError


def overrides(words: list[str]) -> dict[str, str]:
  """`--config.a.b=1 --config.c 2` as {"a.b": "1", "c": "2"}.

  Raises:
    UserError: another word, or a flag without a value.
  """
  found, rest = {}, list(words)
  while rest:
    name, given, value = rest.pop(0).partition("=")
    if not name.startswith("--config.") or len(name) == len("--config."):
      raise UserError(f"Unknown argument {name!r}; overrides are --config.<field>=<value>.")
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
def told_in_one_sentence() -> Iterator[None]:
  """Turns a mistake of the caller into one sentence on stderr and exit status 2."""
  threading.excepthook = _unless_the_disk_is_full
  try:
    yield
  except UserError as error:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(2)
  except KeyboardInterrupt:
    print("Stopped. The same command goes on from the last checkpoint.", file=sys.stderr)
    sys.exit(130)
  except BrokenPipeError:
    sys.stderr.close()  # the reader of our output left; nobody is there to be told
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
      sys.stdout.flush()
      sys.stderr.flush()
      os._exit(2)
    sys.exit(2)


def _unless_the_disk_is_full(args: threading.ExceptHookArgs) -> None:
  if not (isinstance(args.exc_value, OSError) and args.exc_value.errno == errno.ENOSPC):
    threading.__excepthook__(args)


def cache_folder() -> pathlib.Path:
  """The folder of all caches: VAE_JAX_CACHE, or ~/.cache/vae_jax."""
  given = os.environ.get("VAE_JAX_CACHE")
  return pathlib.Path(given or pathlib.Path.home() / ".cache" / "vae_jax")


def use_compilation_cache() -> None:
  """Keeps compiled programs between processes."""
  import jax

  jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
