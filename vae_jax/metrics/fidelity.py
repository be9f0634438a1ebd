"""How much of an example a code keeps: squared errors over what is there, and sizes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.columns import columns_of, numbers
from vae_jax.metrics import image
from vae_jax.metrics.summary import bytes_of
from vae_jax.types import Array, Spec


class There(NamedTuple):
  """The numbers of all examples that have a distance, and where one is there."""

  y: np.ndarray  # [N, *shape]
  seen: np.ndarray  # [N, *shape] 1 where a number counts


def comparable(spec: Spec, x: Array, observed: Array) -> tuple[Array, Array]:
  """The numbers of ONE example that have a distance, and 1 where one is there, [*shape] each.

  Counts of a table are log(1 + x); categories and ordinals have no distance and do not count.

  Args:
    spec: of the data.
    x: [*shape].
    observed: that, or 1 along its last axis, or []: 0 where x is missing.
  """
  observed = jnp.broadcast_to(observed, x.shape).astype(jnp.float32)
  if spec.kind == "table":
    return numbers(columns_of(spec), x, observed)
  return x, observed * float(spec.domain != "category")


def squares(spec: Spec, x: Array, rebuilt: Array, observed: Array) -> Array:
  """The sum of (x - rebuilt)^2 over what is there of ONE example, and its count, [2]."""
  y, there = comparable(spec, x, observed)
  errors = there * jnp.square(comparable(spec, rebuilt, observed)[0] - y)
  return jnp.stack([jnp.sum(errors), jnp.sum(there)])


def observed_of(examples: dict[str, np.ndarray]) -> np.ndarray:
  """Where the examples are observed; ones [N] that broadcast where nothing is missing."""
  return examples.get("observed", np.ones(len(examples["id"]), np.float32))


def all_comparable(spec: Spec, x: np.ndarray, examples: dict[str, np.ndarray]) -> There:
  """`comparable` of all examples.

  Args:
    spec: of the data.
    x: [N, *shape] as the model is given it.
    examples: with `observed` where some is missing.
  """
  each = jax.vmap(lambda x, seen: comparable(spec, x, seen))
  return There(*jax.device_get(each(jnp.asarray(x), jnp.asarray(observed_of(examples)))))


def sums(there: There, rebuilt: np.ndarray) -> np.ndarray:
  """`squares` of all examples and what was rebuilt of them [N, *shape], [N, 2]."""
  both = there.seen * np.square(rebuilt - there.y), there.seen
  return np.stack(
    [part.reshape(len(rebuilt), -1).sum(1, dtype=np.float64) for part in both], -1
  )


def decibels(squares: np.ndarray, peak: float) -> np.ndarray:
  """The PSNR of each example, and 1 where it has something that is there, [N, 2]."""
  total, count = np.moveaxis(np.asarray(squares, np.float64), -1, 0)
  found = image.psnr(total / np.maximum(count, 1), peak)
  return np.stack([np.where(count > 0, found, 0.0), np.minimum(count, 1)], -1)


def dimensions(spec: Spec, examples: dict[str, np.ndarray]) -> np.ndarray:
  """How many numbers of each example a likelihood is of, [N]: observed ones, no padding.

  Args:
    spec: of the data; symbol 0 pads where its name is <pad>.
    examples: fields [N, ...] as stored.
  """
  x = examples["x"]
  if spec.symbols[:1] == ("<pad>",):
    return np.count_nonzero(x, axis=1)
  seen = observed_of(examples)
  share = seen.reshape(len(seen), -1).mean(1, dtype=np.float64)  # of channels alike
  return share * spec.size


def original_bytes(spec: Spec) -> float:
  """What one example takes uncompressed: a bit, a byte or four bytes per number."""
  if spec.domain == "binary":
    return spec.size / 8
  if spec.kind == "image" and spec.domain == "unit":
    return float(spec.size)
  return 4.0 * spec.size


def sizes(spec: Spec, count: int, rate: np.ndarray | None) -> dict[str, np.ndarray]:
  """What a code of so many numbers takes, plainly and by its information, against x.

  Args:
    spec: of the data.
    count: numbers of the code.
    rate: its KL of each example, [N] nats, or None.

  Returns:
    "numbers", their "share" of those of x in percent, bytes as "float32" and in percent
    "stored"; with a rate also "bytes" = KL / (8 ln 2), [N], and in percent "coded".
  """
  whole = original_bytes(spec)
  found = {"numbers": count, "share": 100 * count / spec.size}
  found |= {"float32": 4 * count, "stored": 400 * count / whole}
  if rate is not None:
    found |= {"bytes": bytes_of(rate), "coded": 100 * bytes_of(rate) / whole}
  return {name: np.asarray(values, np.float64) for name, values in found.items()}
