"""A run's network in float64 with one batch shape: the same numbers wherever it runs."""

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import vae as models
from vae_jax.codec import tables
from vae_jax.run import Run, select
from vae_jax.types import Array


@functools.lru_cache(maxsize=8)
def _compiled(model: str, batch: int) -> dict[str, Callable]:
  """The programs of a model, which its members share: parameters are an argument."""
  del model, batch
  return {}


class Network:
  """Functions of one example, compiled for a batch of B rows."""

  def __init__(self, run: Run, member: int, batch: int):
    """Of one member of an opened run; `batch` is B."""
    one = select(run, member)
    config = {**run.config, "model": {**run.config["model"], "dtype": "float64"}}
    self.vae, self.batch = models.build(config, run.spec), batch
    self.size, self.log_shares = run.spec.size, run.likelihood.log_shares
    with _double():
      exact = lambda leaf: jnp.asarray(np.asarray(leaf[0], np.float64))
      self.params = jax.tree.map(exact, one.params)
    about = {
      part: config.get(part) for part in ("model", "likelihood", "prior", "posterior")
    }
    self._programs = _compiled(json.dumps(about, sort_keys=True) + repr(run.spec), batch)
    # What stored symbols are divided by to be the x of the model.
    whole = run.spec.domain in ("category", "mixed")
    self.scale = 1 if whole else run.likelihood.symbols - 1

  def function(self, name: str, one: Callable, shared: int = 0) -> Callable[..., Any]:
    """`one(params, *arguments)` of one example over rows; results stay on the device.

    Arguments are arrays or trees of them, [n, ...] with n at most B; the results have B rows.
    The last `shared` arguments are the same for all rows. `name` tells it from the others of
    the same model.
    """

    def call(*given: Any) -> Any:
      rows = len(given) - shared
      if name not in self._programs:
        axes = [None] + [0] * rows + [None] * shared
        self._programs[name] = jax.jit(jax.vmap(one, axes))
      full = [jax.tree.map(self._filled, v) if i < rows else v for i, v in enumerate(given)]
      return self._exact(self._programs[name], *full)

    return call

  def once(self, fn: Callable) -> Any:
    """`fn(params)`, of no example."""
    return self._exact(jax.jit(fn))

  def numbers(self, found: Any, rows: int | None = None) -> Any:
    """The first rows of results, as multiples of the grid."""
    read = lambda v: tables.on_grid(v if rows is None else v[:rows])
    found = jax.device_get(found)
    return tuple(map(read, found)) if isinstance(found, tuple) else read(found)

  def _filled(self, rows: Array) -> Array:
    if len(rows) == self.batch:
      return rows
    full = np.zeros((self.batch, *rows.shape[1:]), rows.dtype)
    full[: len(rows)] = rows
    return full

  def _exact(self, fn: Callable, *given: Any) -> Any:
    with _double():
      return fn(self.params, *given)


@contextlib.contextmanager
def _double() -> Iterator[None]:
  """Float64, on the processor whatever else is there."""
  with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
    yield
