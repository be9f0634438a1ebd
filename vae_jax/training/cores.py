"""Independent calls of compiled programs, on a CPU as many at once as it has cores.

One program leaves cores idle wherever its operations are too small to be shared out among
them, or wait for one another; a second one beside it fills the gaps. JAX runs the programs
that one thread dispatches one after another, so each has a thread of its own.
"""

import concurrent.futures
import functools
import os
from collections.abc import Callable, Iterable
from typing import Any

import jax

from vae_jax.training import watchdog


def count() -> int:
  """How many calls run at once: the cores this process may use, or 1 beside several devices.

  An accelerator takes one program at a time, and several devices of a CPU share its cores.
  """
  if jax.default_backend() != "cpu" or jax.local_device_count() > 1:
    return 1
  return (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
  )


def each(fn: Callable[[Any], Any], items: Iterable[Any], what: str = "") -> list[Any]:
  """`[fn(item) for item in items]`, several at once; results are finished where it is so.

  The order of the results is that of the items, and so are their values: what runs beside a
  call does not change it. The first exception is raised. Calls of which none ends and none
  computes end the process: see `watchdog`.

  Args:
    fn: of one item.
    items: what it is called with.
    what: the name of the program in the watchdog's sentence; that of `fn` without it.
  """
  items = list(items)
  with watchdog.watched(what or name(fn)) as finished:
    if len(items) == 1 or count() == 1:
      return [_then(fn(item), finished) for item in items]
    call = lambda item: _then(jax.block_until_ready(fn(item)), finished)
    return list(_pool().map(call, items))


def name(fn: Callable) -> str:
  """A function's program, for a sentence: "The program vae_jax.applications.imputation.fill"."""
  while isinstance(fn, functools.partial):
    fn = fn.func
  own = getattr(fn, "__qualname__", type(fn).__qualname__).split(".")[-1]
  return f"The program {fn.__module__}.{own}"


def _then(result: Any, finished: Callable[[], None]) -> Any:
  finished()
  return result


@functools.cache
def _pool() -> concurrent.futures.ThreadPoolExecutor:
  return concurrent.futures.ThreadPoolExecutor(count(), thread_name_prefix="vae_jax")
