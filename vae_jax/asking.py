"""A function asked of every member of an opened run, at every example or latent vector."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import distributions, registry
from vae_jax.inference.importance import estimate
from vae_jax.metrics import fidelity, importance
from vae_jax.run import Run
from vae_jax.training import cores, evaluation, spread
from vae_jax.types import Array, Example, Hyper, Params, Posterior

BATCH = 500
CPU_ROWS = 200  # decoded at once: more fall out of the cache (measured on two cores)


def apply(
  run: Run,
  fn: Callable,
  examples: dict[str, np.ndarray],
  key: Array,
  batch_size: int = BATCH,
  inner: int = 1,
) -> Any:
  """`fn(params, hyper, example, key)` for every member and every example.

  Args:
    run: an opened run.
    fn: of ONE member and ONE example; returns a pytree.
    examples: fields [N, ...] as stored in a split, with their `id` [N] when they are not its
      first N rows. They are decoded and transformed here.
    key: the example's id is folded in, so results do not depend on the batch size.
    batch_size: examples at once.
    inner: samples of one example that `fn` holds at once.

  Returns:
    The pytree with numpy leaves [M, N, ...].
  """
  seed = run.config["data"]["seed"]
  mapped = evaluation.over_examples(fn, run.dataset, seed, shared=True)
  return mapped(run.params, run.hyper, examples, key, batch_size, inner)


def posterior(run: Run, examples: dict[str, np.ndarray], key: Array) -> Posterior:
  """q(z|x) of every member and every example, [M, N, L] each.

  Of another family it is the Gaussian of `distributions.moments`: the code, and the variance
  of draws around it.
  """

  def encode(params: Params, hyper: Hyper, example: Example, key: Array) -> Posterior:
    del hyper
    return distributions.moments(run.vae.posterior(params, example), key)

  return apply(run, encode, examples, key)


def apply_latents(
  run: Run, fn: Callable, z: np.ndarray, key: Array, batch_size: int = BATCH
) -> Any:
  """`fn(params, z, key)` for every member and every latent vector.

  Args:
    run: an opened run.
    fn: of ONE member and ONE z [L]; returns a pytree.
    z: [N, L], the same for every member, or [M, N, L].
    key: the row's number is folded in.
    batch_size: rows at once.

  Returns:
    The pytree with numpy leaves [M, N, ...].
  """
  n, own = z.shape[-2], z.ndim == 3

  def batch(params: Params, rows: tuple, codes: Any, key: Array) -> Any:
    ids, z = rows
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, ids)
    of_batch = jax.vmap(fn, in_axes=(None, 0, 0))
    axes = (0, 0 if own else None, None)
    return jax.vmap(of_batch, in_axes=axes)(params, codes if own else z, keys)

  rows = lambda at: (at, () if own else z[at])
  both = lambda members, at: z[np.ix_(members, at)] if own else ()
  width = min(batch_size, n)
  asked = (spread.programs(batch), rows, n, width, 1, cores.name(fn), both)
  return spread.over_all(spread.Ask(*asked), run.params, key, shared=True)


def write(
  run: Run,
  fn: Callable,
  z: np.ndarray,
  label: np.ndarray | None,
  key: Array,
  batch_size: int = BATCH,
) -> Any:
  """`fn(vae, params, z, key)` for every member and every latent vector, under its label.

  As `apply_latents`; a conditional model is given the label [N], or weights [N, C] of the
  classes, a mixture of labels. The others do not read it.
  """
  if run.vae.given is None:
    ask = lambda params, z, key: fn(run.vae, params, z, key)
    return apply_latents(run, ask, z, key, batch_size)
  label = np.asarray(label)
  beside = label if label.ndim == 2 else label[:, None]
  beside = np.broadcast_to(beside, (*z.shape[:-1], beside.shape[-1]))
  both = np.concatenate([z, beside], -1).astype(np.float32)
  own = z.shape[-1]
  value = lambda code: code[own:] if label.ndim == 2 else code[own].astype(np.int32)
  ask = lambda params, code, key: fn(run.vae.given(value(code)), params, code[:own], key)
  return apply_latents(run, ask, both, key, batch_size)


def prior_draws(run: Run, keys: Array) -> np.ndarray:
  """Codes of every member's own prior, [M, n, L]; members with N(0, I) share theirs.

  Args:
    run: an opened run.
    keys: [n], one for each code.
  """
  if run.vae.standard:
    codes = np.asarray(jax.vmap(run.vae.prior.sample)(keys))
    return np.broadcast_to(codes, (len(run.members), *codes.shape))
  one = lambda params, key: distributions.draw(run.vae.prior(params), key).z
  each = jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))
  programs = spread.programs(lambda params, keys, *_: each(params, keys))
  asked = (programs, lambda at: keys[at], len(keys), len(keys), 1, "Draws of the prior")
  return spread.over_all(spread.Ask(*asked), run.params, jax.random.key(0), shared=True)


def greedy(
  run: Run,
  z: np.ndarray,
  label: np.ndarray | None,
  key: Array,
  batch_size: int = BATCH,
) -> np.ndarray:
  """The likeliest x of every member and latent vector, under its label; see `write`."""
  mode = lambda vae, params, z, key: vae.mode(params, z)
  return write(run, mode, np.asarray(z, np.float32), label, key, batch_size)


def terms(
  run: Run, examples: dict[str, np.ndarray], batch_size: int = BATCH
) -> dict[str, np.ndarray]:
  """The training loss's own terms: "loss", "rate", "distortion", "elbo", nats [M, N] each."""
  objective = registry.find("objectives", run.config["objective"]["name"])
  of_split = evaluation.split_terms(
    run.vae, objective, run.config, run.dataset, shared=True
  )
  return of_split(run.params, run.hyper, examples, batch_size)


def elbo(
  run: Run, examples: dict[str, np.ndarray], batch_size: int = BATCH
) -> dict[str, np.ndarray]:
  """`terms` of the ELBO with one sample of z, whatever bound the objective trains.

  Of the objectives of one sample they are the training loss's own. MIWAE's terms are of a
  tighter bound, so that its rate and distortion would not compare with another program's.
  """
  beta = registry.find("objectives", "beta")
  count = len(run.members)
  numbers = {name: np.full(count, v, np.float32) for name, v in beta.HYPER.items()}
  config = {**run.config, "objective": {"name": "beta"}}
  plain = run._replace(config=config, hyper={**numbers, **run.hyper})
  return terms(plain, examples, batch_size)


def label_nats(run: Run, examples: dict[str, np.ndarray]) -> np.ndarray:
  """-log p(label) [N] where the model is conditional, 0 where it is not.

  p is the label's share of train. With it the NLL of an example given its label is one of both
  together, which bounds that of the example alone.
  """
  if run.vae.given is None:
    return np.zeros(len(examples["x"]))
  label = run.dataset.splits["train"]["label"]
  return -np.log((np.bincount(label) / len(label))[examples["label"]])


def squared_errors(
  run: Run, examples: dict[str, np.ndarray], z: np.ndarray, batch_size: int = BATCH
) -> np.ndarray:
  """`fidelity.squares` of every member's E[x|z] and every example, [M, N, 2].

  Args:
    run: an opened run.
    examples: fields [N, ...] as stored in a split.
    z: the code of each, [M, N, L].
    batch_size: examples at once.
  """
  shared = {k: v for k, v in examples.items() if k in ("x", "observed", "id")}

  def of_one(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del key
    seen = example.get("observed", jnp.ones(()))
    rebuilt = run.vae.mean(params, example["code"][hyper["place"]])
    return fidelity.squares(run.spec, example["x"], rebuilt, seen)

  placed = run._replace(hyper={**run.hyper, "place": np.arange(len(z))})
  rows = {**shared, "code": np.moveaxis(z, 0, 1)}
  return apply(placed, of_one, rows, jax.random.key(0), batch_size)


def evidence(
  run: Run, examples: dict[str, np.ndarray], key: Array, samples: int, chunk: int
) -> importance.Evidence:
  """log p_K(x) of every member and example, [M, N] each.

  Args:
    run: an opened run.
    examples: fields [N, ...] as stored in a split, with their `id`.
    key: each example's id is folded in.
    samples: K.
    chunk: of the K samples at once, of several examples side by side.
  """

  def weigh(
    params: Params, hyper: Hyper, example: Example, key: Array
  ) -> importance.Evidence:
    del hyper
    return estimate(run.vae, params, example, key, samples, chunk)

  return apply(run, weigh, examples, key, evidence_batch(chunk), chunk)


def evidence_batch(chunk: int) -> int:
  """How many examples are weighed at once: memory and speed, not the result."""
  return max(1, CPU_ROWS // chunk) if jax.default_backend() == "cpu" else BATCH
