"""One function of one member and one example, applied to all members and all examples."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.training import feed, step
from vae_jax.types import VAE, Array, Dataset, Example, Hyper, Params

Fields = dict[str, np.ndarray]


def over_examples(
  fn: Callable[[Params, Hyper, Example, Array], Any], dataset: Dataset, data_seed: int
) -> Callable[..., Any]:
  """`(params [M], hyper [M], fields [N], key, batch_size) -> numpy pytree [M, N, ...]`.

  `fn(params, hyper, example, key)` sees ONE member and ONE example. Its key is `key` with the
  example's id folded in, so a result does not depend on the batch size; every example is
  evaluated exactly once. A random transform of the dataset is drawn once, the same for
  every member and every call.
  """

  @jax.jit
  def batch(params: Params, hyper: Hyper, fields: dict, ids: Array, key: Array) -> Any:
    epoch = jnp.zeros_like(ids)
    examples = feed.prepare(dataset.transform, data_seed, epoch, fields, ids, "evaluation")
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, ids)
    of_batch = jax.vmap(fn, in_axes=(None, None, 0, 0))
    return jax.vmap(of_batch, in_axes=(0, 0, None, None))(params, hyper, examples, keys)

  def run(params: Params, hyper: Hyper, fields: Fields, key: Array, batch_size: int) -> Any:
    fields = dict(fields)
    n = len(fields["x"])
    given = fields.pop("id", np.arange(n, dtype=np.int32))
    stacked, rows, _ = feed.eval_batches(fields, min(batch_size, n))
    found = []
    for members in groups(params):
      own = jax.tree.map(lambda x, at=members: x[at], (params, hyper))
      found.append([
        jax.device_get(batch(*own, {k: v[i] for k, v in stacked.items()}, given[r], key))
        for i, r in enumerate(rows)
      ])  # fmt: skip
    of_group = [
      jax.tree.map(lambda *parts: np.concatenate(parts, axis=1)[:, :n], *batches)
      for batches in found
    ]
    return jax.tree.map(lambda *parts: np.concatenate(parts), *of_group)

  return run


def groups(tree: Any) -> list[slice]:
  """Which members are evaluated side by side: all, but on a CPU each alone.

  There a batch of one member occupies the cores, and the activations of all members at once
  would need memory and fall out of the cache.
  """
  members = len(jax.tree.leaves(tree)[0])
  if jax.default_backend() != "cpu" or jax.local_device_count() > 1:
    return [slice(None)]
  return [slice(m, m + 1) for m in range(members)]


def split_terms(
  vae: VAE, objective: ModuleType, config: dict, dataset: Dataset
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

  mapped = over_examples(fn, dataset, config["data"]["seed"])
  unused = jax.random.key(0)
  return lambda params, hyper, fields, batch_size: mapped(
    params, hyper, fields, unused, batch_size
  )
