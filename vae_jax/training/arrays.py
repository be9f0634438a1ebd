"""Trees of members on the host and on the devices of one or several processes."""

from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from vae_jax.types import Array

SHARDS = "devices"  # the axis of a pmap


def filled(tree: Any, rows: int) -> Any:
  """A host tree filled up to [rows, ...] with copies of its last member."""
  fill = lambda x: np.asarray(x)[np.minimum(np.arange(rows), len(x) - 1)]
  return jax.tree.map(fill, tree)


def own(devices: list) -> tuple[jax.sharding.Mesh, list[int]]:
  """The devices of this process as a mesh, and their places among all."""
  mine = [i for i, d in enumerate(devices) if d.process_index == jax.process_index()]
  return jax.sharding.Mesh(np.asarray([devices[i] for i in mine]), (SHARDS,)), mine


def flat(x: Any) -> Any:
  """[D, m, ...] as [D m, ...]."""
  return x.reshape(-1, *x.shape[2:])


def on_host_devices(tree: Any, here: jax.sharding.Mesh) -> Any:
  """A placed tree as arrays of this process's devices alone."""
  sharding = NamedSharding(here, P(SHARDS))

  def own(x: Array) -> Array:
    parts = [shard.data for shard in x.addressable_shards]
    shape = (len(parts), *x.shape[1:])
    return jax.make_array_from_single_device_arrays(shape, sharding, parts)

  return jax.tree.map(own, tree)


def gathered(x: Array, here: jax.sharding.Mesh) -> np.ndarray:
  """[D, ...] of all devices on the host, from the shards that this process has."""
  return everywhere(np.asarray(on_host_devices(x, here)))


def everywhere(x: Any) -> np.ndarray:
  """The whole of an array in every process: of a global one, or of rows that each has some of."""
  if jax.process_count() == 1:
    return np.asarray(x)
  return np.asarray(multihost_utils.process_allgather(x, tiled=True))


def spread(x: np.ndarray, sharding: NamedSharding) -> Array:
  """A global array from a host array that every process has whole."""
  return jax.make_array_from_callback(x.shape, sharding, lambda index: x[index])
