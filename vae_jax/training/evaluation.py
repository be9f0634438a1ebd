"""One function of one member and one example, applied to all members and all examples."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.training import cores, feed, spread, step
from vae_jax.types import VAE, Array, Dataset, Example, Hyper, Params

Fields = dict[str, np.ndarray]


def over_examples(
  fn: Callable[[Params, Hyper, Example, Array], Any],
  dataset: Dataset,
  data_seed: int,
  shared: bool = False,
) -> Callable[..., Any]:
  """`(params [M], hyper [M], fields [N], key, batch_size) -> numpy pytree [M, N, ...]`.

  `fn(params, hyper, example, key)` sees ONE member and ONE example. Its key is `key` with the
  example's id folded in, so a result does not depend on the batch size; every example is
  evaluated exactly once. A random transform of the dataset is drawn once, the same for
  every member and every call. `inner` is how many samples `fn` holds at once of one example:
  memory, not the result. `shared` is that of `spread.over_all`.
  """

  def batch(own: tuple[Params, Hyper], rows: tuple, _: Any, key: Array) -> Any:
    fields, ids = rows
    epoch = jnp.zeros_like(ids)
    examples = feed.prepare(dataset.transform, data_seed, epoch, fields, ids, "evaluation")
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, ids)
    of_batch = jax.vmap(fn, in_axes=(None, None, 0, 0))
    return jax.vmap(of_batch, in_axes=(0, 0, None, None))(*own, examples, keys)

  programs = spread.programs(batch)

  def run(
    params: Params,
    hyper: Hyper,
    fields: Fields,
    key: Array,
    batch_size: int,
    inner: int = 1,
  ) -> Any:
    fields = dict(fields)
    n = len(fields["x"])
    given = fields.pop("id", np.arange(n, dtype=np.int32))
    rows = lambda at: ({k: spread.taken(v, at) for k, v in fields.items()}, given[at])
    ask = spread.Ask(programs, rows, n, min(batch_size, n), inner, cores.name(fn))
    return spread.over_all(ask, (params, hyper), key, shared)

  return run


def split_terms(
  vae: VAE, objective: ModuleType, config: dict, dataset: Dataset, shared: bool = False
) -> Callable[..., dict[str, np.ndarray]]:
  """The training loss's own terms of every example of a split: nats, [M, N] each.

  `(params, hyper, fields, batch_size) -> {"loss", "rate", "distortion", "elbo"}`. The noise
  is drawn once for the evaluation, apart from that of training.
  """
  terms_of = step.example_terms(vae, objective, config)

  def fn(params: Params, hyper: Hyper, example: Example, key: Array) -> dict[str, Array]:
    del key  # the terms draw by the member's seed, so that seeds differ here too
    terms = terms_of(params, example, hyper, 0, "evaluation")
    elbo = -(terms.rate + terms.distortion)
    return {
      "loss": terms.loss, "rate": terms.rate, "distortion": terms.distortion, "elbo": elbo
    }  # fmt: skip

  mapped = over_examples(fn, dataset, config["data"]["seed"], shared)
  unused = jax.random.key(0)
  return lambda params, hyper, fields, batch_size: mapped(
    params, hyper, fields, unused, batch_size
  )
