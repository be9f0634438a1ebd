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


def count() -> int:
  """How many calls run at once: the cores this process may use, or 1 beside several devices.

  An accelerator takes one program at a time, and several devices of a CPU share its cores.
  """
  if jax.default_backend() != "cpu" or jax.local_device_count() > 1:
    return 1
  return (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
  )


def each(fn: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
  """`[fn(item) for item in items]`, several at once; results are finished where it is so.

  The order of the results is that of the items, and so are their values: what runs beside a
  call does not change it. The first exception is raised.
  """
  items = list(items)
  if len(items) == 1 or count() == 1:
    return [fn(item) for item in items]
  return list(_pool().map(lambda item: jax.block_until_ready(fn(item)), items))


@functools.cache
def _pool() -> concurrent.futures.ThreadPoolExecutor:
  return concurrent.futures.ThreadPoolExecutor(count(), thread_name_prefix="vae_jax")
