"""Networks trained for one kind of damage and told its parameters, for comparison.

Each has the model's number of parameters and, without the setting `passes`, its passes over the
images, and is trained once for all conditions that it serves.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import corruptions
from vae_jax.baselines import supervised_restorer
from vae_jax.evaluation.source import Source
from vae_jax.inference import damage as of_damage
from vae_jax.inference import repeatable
from vae_jax.studies import restoration
from vae_jax.types import Array

NETWORK = "supervised network"
Denoiser = Callable[
  [np.ndarray, float], np.ndarray
]  # (noisy [N, H, W, C], share) -> the same


def restorer(
  source: Source, damage: Callable[[Array, Array], Array], number: int = 0
) -> Callable[[np.ndarray], np.ndarray]:
  """A network with the model's parameters and passes over the images, trained to undo `damage`.

  Args:
    source: of the training images.
    damage: (key, x) -> what it reads of ONE image, [R]: damaged, and what is told.
    number: of the network, where there are several.
  """
  leaves, train_of = jax.tree.leaves(source.run.params), source.run.config["train"]
  x, key = restoration.train(source), jax.random.key(source.settings["mask_seed"])
  passes = source.settings["passes"]
  if not passes:
    of_steps = train_of["steps"] * train_of["batch_size"] / len(x)
    passes = max(1, round(of_steps or train_of["epochs"]))
  parameters = sum(leaf.size // len(leaf) for leaf in leaves)
  key = jax.random.fold_in(jax.random.fold_in(key, 1), number)
  fit = lambda: supervised_restorer.fit(x, damage, parameters, key, passes)
  return source.once(f"restorer {number}", fit)


def denoiser(source: Source, least: float, most: float, number: int = 0) -> Denoiser:
  """A network that is told the share of noise, trained on shares drawn from [least, most]."""

  def read(key: Array, x: Array) -> Array:
    first, second = jax.random.split(key)
    share = jax.random.uniform(first, minval=least, maxval=most)
    return jnp.append(corruptions.uniform(second, x, share).ravel(), share)

  restore = restorer(source, read, number)
  return lambda y, share: restore(_beside(y, np.full((len(y), 1), share)))


def blended(source: Source, restore: Denoiser, y: np.ndarray, share: float) -> np.ndarray:
  """What a network made of y [N, H, W, C], each pixel kept as far as it is probably clean."""
  clean, seed = restoration.tuning(source), source.settings["mask_seed"]
  valid = repeatable.noisy(clean, share, seed, "valid")
  fitted = restoration.spread_of(restore(valid, share), clean, 1)
  plain = restore(y, share)
  kept = of_damage.clean_share(y, plain, share, of_damage.spread(plain, fitted))
  return np.asarray(kept * y + (1 - kept) * plain)


def completed(
  source: Source, y: np.ndarray, observed: np.ndarray, shares: tuple[float, ...]
) -> np.ndarray:
  """Missing pixels by a network that reads the others and the mask, trained on all masks.

  Args:
    source: of the training images.
    y: [N, H, W, C] with 0 where a pixel is missing.
    observed: [N, H, W, 1], 1 where it is known.
    shares: missing at random in `repeatable.masks`, beside the half and the hole.
  """

  def read(key: Array, x: Array) -> Array:
    which, level = jax.random.split(key)
    levels = jax.random.uniform(level, (*x.shape[:2], 1))
    blocks = map(jnp.asarray, repeatable.blocks(*x.shape[:2]))
    known = jnp.stack([*(levels >= s for s in shares), *blocks])
    known = known[jax.random.randint(which, (), 0, len(known))].astype(x.dtype)
    return jnp.concatenate([(x * known).ravel(), known.ravel()])

  found = restorer(source, read)(_beside(y, observed))
  return np.where(observed > 0.5, y, found)


def enlarged(
  source: Source, blocks: np.ndarray, condition: int, factors: tuple[int, ...]
) -> np.ndarray:
  """Images enlarged by a network that reads their blocks and the factor, trained on all factors.

  Args:
    source: of the training images.
    blocks: averages repeated to the full size, [N, H, W, C].
    condition: the place of their factor.
    factors: of each side.
  """

  def read(key: Array, x: Array) -> Array:
    which = jax.random.randint(key, (), 0, len(factors))
    each = [of_damage.block_repeat(of_damage.block_mean(x, f), f) for f in factors]
    return jnp.append(jnp.stack(each)[which].ravel(), which)

  return restorer(source, read)(_beside(blocks, np.full((len(blocks), 1), condition)))


def _beside(y: np.ndarray, told: np.ndarray) -> np.ndarray:
  return np.concatenate([v.reshape(len(y), -1) for v in (y, told)], 1).astype(np.float32)
