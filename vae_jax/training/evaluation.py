"""One function of one member and one example, applied to all members and all examples."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.training import cores, feed, spread, step
from vae_jax.training.sweep import ROWS
from vae_jax.types import VAE, Array, Dataset, Example, Hyper, Params

Fields = dict[str, np.ndarray]


def over_examples(
  fn: Callable[[Params, Hyper, Example, Array], Any],
  dataset: Dataset,
  data_seed: int,
  shared: bool = False,
  table: feed.Table | None = None,
) -> Callable[..., Any]:
  """`(params [M], hyper [M], fields [N], key, batch_size) -> numpy pytree [M, N, ...]`.

  `fn(params, hyper, example, key)` sees ONE member and ONE example. Its key is `key` with the
  example's id folded in, so a result does not depend on the batch size; every example is
  evaluated exactly once. A random transform of the dataset is drawn once, the same for
  every member and every call. `inner` is how many samples `fn` holds at once of one example:
  memory, not the result. `shared` is that of `spread.over_all`.

  With a `table` each member is asked of its own rows, those of its number hyper["data_rows"], with
  the ids that they have among themselves. Its answers at the places that fill the table up, from
  its count on, are of no use.
  """
  programs = _programs(fn, dataset.transform, data_seed, table is not None)

  def run(
    params: Params,
    hyper: Hyper,
    fields: Fields,
    key: Array,
    batch_size: int,
    inner: int = 1,
  ) -> Any:
    fields = dict(fields)
    n = table.rows.shape[1] if table else len(fields["x"])
    given = fields.pop("id", np.arange(n, dtype=np.int32))
    rows = lambda at: ({k: spread.taken(v, at) for k, v in fields.items()}, given[at])
    both = lambda members, at: ()
    if table:
      chosen = np.asarray(hyper[ROWS])
      rows = lambda at: ((), given[at])
      both = lambda members, at: {
        k: v[table.rows[np.ix_(chosen[members], at)]] for k, v in fields.items()
      }
    ask = spread.Ask(programs, rows, n, min(batch_size, n), inner, cores.name(fn), both)
    return spread.over_all(ask, (params, hyper), key, shared)

  return run


@functools.lru_cache(maxsize=8)
def _programs(
  fn: Callable, transform: Callable | None, data_seed: int, apart: bool
) -> Callable:
  """`spread.programs` of a function asked again of other members or rows: compiled once.

  Args:
    fn: of one member and one example.
    transform: of the dataset.
    data_seed: of its draws.
    apart: each member has rows of its own.
  """

  def batch(own: tuple[Params, Hyper], rows: tuple, both: Any, key: Array) -> Any:
    shared, ids = rows
    epoch = jnp.zeros_like(ids)
    read = lambda fields: feed.prepare(
      transform, data_seed, epoch, fields, ids, "evaluation"
    )
    examples = jax.vmap(read)(both) if apart else read(shared)
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, ids)
    of_batch = jax.vmap(fn, in_axes=(None, None, 0, 0))
    axes = (0, 0, 0 if apart else None, None)
    return jax.vmap(of_batch, in_axes=axes)(*own, examples, keys)

  return spread.programs(batch)


def split_terms(
  vae: VAE,
  objective: ModuleType,
  config: dict,
  dataset: Dataset,
  shared: bool = False,
  table: feed.Table | None = None,
) -> Callable[..., dict[str, np.ndarray]]:
  """The training loss's own terms of every example of a split: nats, [M, N] each.

  `(params, hyper, fields, batch_size) -> {"loss", "rate", "distortion", "elbo"}`. The noise
  is drawn once for the evaluation, apart from that of training. `table` as of `over_examples`.
  """
  terms_of = step.example_terms(vae, objective, config)

  def fn(params: Params, hyper: Hyper, example: Example, key: Array) -> dict[str, Array]:
    del key  # the terms draw by the member's seed, so that seeds differ here too
    terms = terms_of(params, example, hyper, 0, "evaluation")
    elbo = -(terms.rate + terms.distortion)
    return {
      "loss": terms.loss, "rate": terms.rate, "distortion": terms.distortion, "elbo": elbo
    }  # fmt: skip

  mapped = over_examples(fn, dataset, config["data"]["seed"], shared, table)
  unused = jax.random.key(0)
  return lambda params, hyper, fields, batch_size: mapped(
    params, hyper, fields, unused, batch_size
  )


def valid_means(
  vae: VAE, objective: ModuleType, config: dict, dataset: Dataset
) -> Callable[..., dict[str, np.ndarray]]:
  """`(params [M], hyper [M], batch_size, back) -> the means [M] of the terms over valid`.

  `back` brings what the devices of this process say to the host, in the order of the members.
  Members with normal rows of their own have means over these.
  """
  table = feed.Table.of([choice["valid"] for choice in dataset.choices])
  table = table if dataset.choices else None
  terms = split_terms(vae, objective, config, dataset, table=table)

  def means(params: Params, hyper: Hyper, batch_size: int, back: Callable) -> dict:
    found = terms(params, hyper, dataset.splits["valid"], batch_size)
    if table is None:
      return {k: v.mean(axis=1, dtype=np.float64) for k, v in back(found).items()}
    counts = table.counts[np.asarray(hyper[ROWS])]
    found = {
      k: np.stack(
        [row[:n].mean(dtype=np.float64) for row, n in zip(v, counts, strict=True)]
      )
      for k, v in found.items()
    }
    return back(found)

  return means
