"""Examples made by a class-conditional model, near the training rows or from the prior."""

import zlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import asking, columns, distributions
from vae_jax.baselines import augmenting, augmenting_words
from vae_jax.evaluation.source import Source
from vae_jax.run import Run, select
from vae_jax.training import spread
from vae_jax.types import Array, Example, Hyper, Params

FEW = 100  # rows of the smallest class below which samples are drawn near them


def fold(source: Source) -> augmenting.Fold:
  """The training rows as a classifier reads them."""

  def make() -> augmenting.Fold:
    train = source.split("train")
    x = features(source, source.train, train)
    return augmenting.Fold(x, train["label"], len(source.spec.classes))

  return source.once("fold", make)


def features(source: Source, x: np.ndarray, examples: dict[str, np.ndarray]) -> np.ndarray:
  """Pictures and sentences as they are, rows of a table with categories as one-hots."""
  spec = source.spec
  if spec.kind == "image" or spec.symbols:
    return x
  if spec.domain != "mixed":
    return x.reshape(len(x), -1)
  seen = np.asarray(examples.get("observed", np.ones_like(x)), np.float32)
  of_row = lambda x, seen: columns.features(spec.columns, x, seen)[: -spec.size]
  return np.asarray(jax.jit(jax.vmap(of_row))(jnp.asarray(x), jnp.asarray(seen)))


def compared(source: Source, x: np.ndarray, examples: dict[str, np.ndarray]) -> np.ndarray:
  """As `features`; of sentences how often each word is in them, [N, V]."""
  if not source.spec.symbols:
    return features(source, x, examples)
  found = np.zeros((len(x), source.spec.categories), np.float32)
  np.add.at(found, (np.arange(len(x))[:, None], x), 1)
  return found * (np.arange(found.shape[1]) > 1)  # neither padding nor the end


def draws(source: Source, name: str) -> np.random.Generator:
  """The random numbers of one arm, of the draw of the fold and the arm's name."""
  return np.random.default_rng(
    [source.run.config["data"]["draw"], zlib.crc32(name.encode())]
  )


def pool(source: Source, run: Run, place: int, size: int, near_by: bool) -> augmenting.Pool:
  """Half of a pool's rows, made by one member, each for a row of the fold in turn."""
  at = augmenting.cycle(fold(source), size // 2)
  train = source.split("train")
  near = {name: values[at] for name, values in train.items()}
  x = made(source, run, place, near, near_by)
  seen = {name: values for name, values in near.items() if name == "observed"}
  label = augmenting.onehot(near["label"], len(source.spec.classes))
  return features(source, x, seen), label


def fits(
  source: Source, pools: list[augmenting.Pool]
) -> list[Callable[[np.ndarray], np.ndarray]]:
  """A classifier of each pool, `log q(class|x) [N, C]`; the pools are spread over every device."""
  if source.spec.symbols:
    return [augmenting_words.fit(fold(source), pool) for pool in pools]
  steps, seed = source.settings["steps"], source.run.config["data"]["draw"]
  if len(pools) == 1:
    return [augmenting.fit(pools[0], seed, steps)]
  x, target = (np.stack(part) for part in zip(*pools, strict=True))
  one = lambda pool: augmenting.train(*pool, jax.random.key(seed), steps)

  def batch(own: augmenting.Pool, *_: Any) -> Any:  # one after another, as each alone
    return jax.tree.map(lambda v: v[:, None], jax.lax.map(one, own))

  ask = spread.Ask(spread.programs(batch), lambda at: at, 1, 1, 1, "The classifiers")
  own = x.reshape(*x.shape[:2], -1), target
  found = spread.over_all(ask, own, source.key, shared=True)
  each = lambda m: augmenting.predictor(jax.tree.map(lambda v: v[m, 0], found))
  return [each(m) for m in range(len(pools))]


def around(source: Source) -> bool:
  """Whether rows are made near training rows: where classes are small or the setting says so."""
  asked, classes = source.settings["near"], len(source.spec.classes)
  smallest = np.bincount(fold(source).label, minlength=classes).min()
  return asked == "posterior" or (asked == "auto" and smallest < FEW)


def made(
  source: Source, run: Run, place: int, near: dict[str, np.ndarray], near_by: bool
) -> np.ndarray:
  """An example of the class of each row, [N, *shape]: E[x|z, y] of pictures, else a draw.

  z ~ q(z|x, y) of that row where `near_by`, so that all of them are draws of the mixture over
  the codes of a class; else z ~ p(z).
  """
  vae, spec = run.vae, source.spec

  def of_one(params: Params, hyper: Hyper, example: Example, key: Array) -> Array:
    del hyper
    given = vae.given(example["label"])
    own, noise = jax.random.split(key)
    q = given.posterior(params, example) if near_by else given.prior(params, example)
    z = distributions.draw(q, own).z
    return given.mean(params, z) if spec.kind == "image" else given.sample(params, z, noise)

  near = {**near, "id": np.arange(len(near["x"]), dtype=np.int32)}  # a draw of its own each
  return asking.apply(select(run, place), of_one, near, source.key)[0]
