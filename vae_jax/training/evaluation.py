"""One function of one member and one example, applied to all members and all examples."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.training import cores, feed, step
from vae_jax.types import VAE, Array, Dataset, Example, Hyper, Params

Fields = dict[str, np.ndarray]


ROWS = 2**15  # side by side on a device: 6 GB of activations with configs/mnist.py


def over_examples(
  fn: Callable[[Params, Hyper, Example, Array], Any], dataset: Dataset, data_seed: int
) -> Callable[..., Any]:
  """`(params [M], hyper [M], fields [N], key, batch_size) -> numpy pytree [M, N, ...]`.

  `fn(params, hyper, example, key)` sees ONE member and ONE example. Its key is `key` with the
  example's id folded in, so a result does not depend on the batch size; every example is
  evaluated exactly once. A random transform of the dataset is drawn once, the same for
  every member and every call. `inner` is how many samples `fn` holds at once of one example:
  memory, not the result.
  """

  @jax.jit
  def batch(params: Params, hyper: Hyper, fields: dict, ids: Array, key: Array) -> Any:
    epoch = jnp.zeros_like(ids)
    examples = feed.prepare(dataset.transform, data_seed, epoch, fields, ids, "evaluation")
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, ids)
    of_batch = jax.vmap(fn, in_axes=(None, None, 0, 0))
    return jax.vmap(of_batch, in_axes=(0, 0, None, None))(params, hyper, examples, keys)

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
    stacked, rows, _ = feed.eval_batches(fields, min(batch_size, n))
    found = []
    for members in groups(params, min(batch_size, n) * inner):
      own = jax.tree.map(lambda x, at=members: x[at], (params, hyper))

      def of_rows(at: int, own: tuple = own) -> Any:
        part = {k: v[at] for k, v in stacked.items()}
        return jax.device_get(batch(*own, part, given[rows[at]], key))

      found.append(cores.each(of_rows, range(len(rows)), cores.name(fn)))
    of_group = [
      jax.tree.map(lambda *parts: np.concatenate(parts, axis=1)[:, :n], *batches)
      for batches in found
    ]
    return jax.tree.map(lambda *parts: np.concatenate(parts), *of_group)

  return run


def groups(tree: Any, rows: int) -> list[slice]:
  """Which members are evaluated side by side: as many as ROWS allows, on a CPU each alone.

  On a CPU a batch of one member occupies the cores, and the activations of more would fall
  out of the cache.

  Args:
    tree: of members, [M, ...].
    rows: examples, or samples of them, that each member holds at once.
  """
  members = len(jax.tree.leaves(tree)[0])
  devices = jax.local_device_count()
  alone = jax.default_backend() == "cpu" and devices == 1
  size = 1 if alone else max(1, ROWS // rows) * devices
  return [slice(m, m + size) for m in range(0, members, size)]


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
