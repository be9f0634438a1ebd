"""How the compiled program gets its batches: from a resident split, or from a stream.

A split that fits the budget is on the device, and every batch is gathered inside the
program. A larger one is read by Grain, in the same order, into a buffer of several steps
that the program indexes. Both give the same bits.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import noise
from vae_jax.data import decode
from vae_jax.training import permutation
from vae_jax.types import Array, Dataset, Example, UserError

ALWAYS = 2**31 - 1  # the span of a resident split
THREADS = 2  # that read ahead of the program
AHEAD = 16  # batches read ahead

Fields = dict[str, np.ndarray]


class Feed(NamedTuple):
  """Batches of one split: what the host hands over, and how the program reads it."""

  # (source, step, rows [b] or None, data seed or None, choice or None) -> fields [b, ...], id,
  # mask
  batch: Callable[..., Example]
  # host: (start, stop, put = jax.device_put) -> the pytree of these steps, where `put` puts it
  source: Callable[..., Any]
  span: int  # the most steps one source covers
  steps_per_epoch: float  # of the longest choice, where the dataset has several
  batch_size: int  # B
  examples: int  # N of the split


def make(
  dataset: Dataset, split: str, batch_size: int, data_seed: int, budget_bytes: int
) -> Feed:
  """The feed of a split: resident when its bytes fit the budget, else streamed.

  `batch(source, step, rows, seed)` is pure and goes inside the program with `source` as an
  ARGUMENT (a closed-over source would be a constant of the compiled program). It returns the
  decoded, transformed fields [b, ...], `id` [b] int32 (the row in the split) and `mask` [b].
  `rows` [b] are places in the batch, for a device that has a part of it: those from B on fill
  it up and have mask 0; None: all B. `seed` is a data seed in place of the source's own, for
  members that differ in it; a stream has no other than its own. `choice` [] is which of the
  dataset's choices is drawn from: the batches are those of a split of these rows alone.

  Args:
    dataset: where the split and the transform come from.
    split: "train", as a rule.
    batch_size: B; every batch is full and may run across the border of two epochs.
    data_seed: chooses the order and the transform's noise; a number in the source, so
      another seed does not recompile.
    budget_bytes: device memory for the source; a stream uses half, since the next buffer is
      made while the program holds the present one.

  Raises:
    UserError: an unknown split, an empty one, a batch size below 1, or choices of a split that
      does not fit the budget.
  """
  if split not in dataset.splits:
    raise UserError(
      f"{dataset.name} has no split {split!r}; expected one of {', '.join(dataset.splits)}."
    )
  fields = dataset.splits[split]
  table = Table.of([choice[split] for choice in dataset.choices])
  n = int(table.counts.max()) if dataset.choices else len(fields["x"])
  permutation.check_steps(0, batch_size, n)
  size = sum(values.nbytes for values in fields.values())
  if size <= budget_bytes:
    source, read, span = _resident(fields, data_seed, table), _gather(fields), ALWAYS
  else:
    _refuse_choices(dataset, split)
    span = max(1, budget_bytes // 2 * n // (size * batch_size))
    source, read = _stream(fields, batch_size, data_seed, span), _slice

  def batch(
    source: Any, step: Array, rows: Any = None, seed: Any = None, choice: Any = None
  ) -> Example:
    seed = source["seed"] if seed is None else seed
    count = n if choice is None else source["table"].counts[choice]
    index, epoch = permutation.batch_indices(seed, step, batch_size, count)
    places, mask = None, jnp.ones(batch_size, jnp.float32)
    if rows is not None:
      places, mask = jnp.minimum(rows, batch_size - 1), (rows < batch_size) * 1.0
      index, epoch = index[places], epoch[places]
    at = index if choice is None else source["table"].rows[choice, index]
    fields = read(source, step, at, places)
    return {**prepare(dataset.transform, seed, epoch, fields, index), "mask": mask}

  return Feed(batch, source, span, n / batch_size, batch_size, n)


def _refuse_choices(dataset: Dataset, split: str) -> None:
  if dataset.choices:
    raise UserError(
      f"The {split} split of {dataset.name} is streamed, in one order for all members, and each"
      " member has rows of its own: raise config.train.resident_bytes to hold it."
    )


class Table(NamedTuple):
  """The rows that each of P choices has of a split, filled up to the longest with its last."""

  rows: np.ndarray  # [P, N] int32
  counts: np.ndarray  # [P] int32, how many of them are its own

  @classmethod
  def of(cls, choices: list[np.ndarray]) -> "Table":
    """The table of row numbers [n] each."""
    counts = np.asarray([len(rows) for rows in choices], np.int32)
    longest = np.arange(max(counts, default=0))
    filled = [rows[np.minimum(longest, len(rows) - 1)] for rows in choices]
    return cls(np.asarray(filled, np.int32), counts)


def prepare(
  transform: Callable[[Array, Example], Example] | None,
  seed: Array,
  epoch: Array,
  fields: dict[str, Array],
  ids: Array,
  use: str = "data",
) -> Example:
  """Stored rows as examples: decoded, with `id`, and transformed with example-keyed noise.

  Training draws with use "data" and the epoch; an evaluation that needs one fixed draw of a
  random transform takes epoch zeros and its own use.

  Args:
    transform: of the dataset, for one example, or None.
    seed: [] the data seed.
    epoch: [B] int32.
    fields: raw rows, [B, ...].
    ids: [B] int32.
    use: what the noise is for.
  """
  example = {name: decode(values) for name, values in fields.items()} | {"id": ids}
  if transform is None:
    return example
  keys = jax.vmap(lambda e, i: noise.key(seed, e, use, i))(epoch, ids)
  return jax.vmap(transform)(keys, example)


def _resident(fields: Fields, data_seed: int, table: Table) -> Callable[..., Any]:
  """A source that is put on its devices once, when it is first asked for there.

  A row is one axis there: a TPU fills short last axes up to 128, and copied whole splits of
  pictures with channels into that form before the first step.
  """
  held: dict[str, Any] = {"put": None, "source": None}

  def source(start: int, stop: int, put: Callable[[Any], Any] = jax.device_put) -> Any:
    del start, stop
    if held["put"] is not put:
      whole = {"seed": np.uint32(data_seed), "fields": flat(fields)}
      whole |= {"table": table} if len(table.counts) else {}
      held.update(put=put, source=put(whole))
    return held["source"]

  return source


def flat(fields: Fields) -> Fields:
  """Each field as it lies on a device: [N] or [N, D]."""
  return {k: v.reshape(len(v), -1) if v.ndim > 2 else v for k, v in fields.items()}


def _gather(fields: Fields) -> Callable[..., dict[str, Array]]:
  """Reads rows of a resident source in the shapes of the split's own."""
  shapes = {name: values.shape[1:] for name, values in fields.items()}

  def read(
    source: Any, step: Array, index: Array, places: Array | None
  ) -> dict[str, Array]:
    del step, places
    found = {name: values[index] for name, values in source["fields"].items()}
    return {k: v.reshape(*index.shape, *shapes[k]) for k, v in found.items()}

  return read


def _stream(
  fields: Fields, batch_size: int, data_seed: int, span: int
) -> Callable[..., Any]:
  """A source that reads [start, stop) into a buffer of `span` steps, always of one shape.

  Consecutive calls continue one Grain iterator, which reads ahead; a jump starts another.
  """
  state: dict[str, Any] = {"at": None, "batches": None}

  def source(start: int, stop: int, put: Callable[[Any], Any] = jax.device_put) -> Any:
    if not 0 < stop - start <= span:
      raise ValueError(f"steps [{start}, {stop}) of a stream whose span is {span}")
    if state["at"] != start:
      state["batches"] = _reader(fields, batch_size, data_seed, start)
    rows = [next(state["batches"]) for _ in range(stop - start)]
    state["at"] = stop
    rows += [rows[-1]] * (span - len(rows))
    stacked = {name: np.stack([row[name] for row in rows]) for name in fields}
    return put({"seed": np.uint32(data_seed), "first": np.int32(start), "fields": stacked})

  return source


def _slice(
  source: Any, step: Array, index: Array, places: Array | None
) -> dict[str, Array]:
  del index
  at = step - source["first"]
  of_step = lambda values: jax.lax.dynamic_index_in_dim(values, at, keepdims=False)
  fields = {name: of_step(values) for name, values in source["fields"].items()}
  return fields if places is None else {k: v[places] for k, v in fields.items()}


def _reader(
  fields: Fields, batch_size: int, data_seed: int, start: int
) -> Iterator[Fields]:
  """Raw batches from step `start` on, read ahead by threads, in the order of `permutation`."""
  import grain

  n = len(fields["x"])

  def read(step: int) -> Fields:
    index, _ = permutation.batch_indices(data_seed, step, batch_size, n, np)
    return {name: np.asarray(values[index]) for name, values in fields.items()}

  steps = grain.MapDataset.range(start, permutation.LIMIT // batch_size).map(read)
  reading = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=AHEAD)
  return iter(steps.to_iter_dataset(reading))
