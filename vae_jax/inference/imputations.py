"""Several answers to one damaged image: weighted posterior draws, and how good they are."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.inference import damage
from vae_jax.inference.joint import Joint
from vae_jax.inference.latent_map import Mode, posterior_draws, resample, weigh
from vae_jax.metrics import restoration
from vae_jax.types import Array

NEAR = 10.0  # the largest weight, in units of the average one; see `answer`
LEVEL = 0.9  # of the intervals


def answer(
  settings: dict[str, Any],
  decode: Callable[[Array], Array],
  residual: Array,
  clean: Array,
  joint: Joint,
  mode: Mode,
  complete: Callable[[Array], Array],
  missing: Array,
  key: Array,
) -> dict[str, Array]:
  """The posterior mean "x", and how good the draws are that it is a mean of; of ONE image.

  Weights are truncated at NEAR times their average (Ionides, 2008, eq. 4, with a constant for
  his square root of K): in tens of dimensions a few draws would otherwise have them all.

  Args:
    settings: proposals, imputations and answers are read.
    decode: `z -> E[x|z]`, from [L] to [H, W, C].
    residual: [2] of `damage.spread`: how far off the model may be.
    clean: the true image [H, W, C], for the scores.
    joint: log p(y|z) + log p(z).
    mode: of it.
    complete: a decoded image -> an answer: what is known put in its place.
    missing: [H, W, 1], 1 where the answer is scored.
    key: of the draws.
  """
  s = settings
  of = lambda use: jax.random.fold_in(key, use)
  draws = posterior_draws(joint, mode.z, of(0), s["proposals"], floor=joint.floor(of(4)))
  ceiling = jnp.log(NEAR / s["proposals"])
  kept = weigh(draws.z, jnp.minimum(draws.log_weights, ceiling))
  means = jax.vmap(decode)(draws.z)  # [K, H, W, C]
  average = jnp.tensordot(jnp.exp(kept.log_weights), means, 1)
  few = jax.vmap(lambda z: complete(decode(z)))(resample(kept, of(1), s["answers"]))
  many = jax.vmap(decode)(resample(kept, of(2), s["imputations"]))
  std = damage.spread(jnp.clip(many, 0, 1), residual)
  many = jnp.clip(many + std * jax.random.normal(of(3), many.shape), 0, 1)
  total = jnp.maximum(missing.sum() * few.shape[-1], 1.0)
  over_missing = lambda v: jnp.sum(v * missing) / total
  single = jax.vmap(lambda x: over_missing(jnp.square(x - clean)))(few)
  return {
    "x": complete(average),
    "coverage": over_missing(restoration.covered(many, clean, LEVEL)),
    "crps": over_missing(restoration.crps(many, clean)),
    "diversity": restoration.diversity(few * missing[None]) / jnp.sqrt(missing.mean()),
    "one": single.mean(),
    "best": single.min(),
    "ess": draws.ess,
    "answers": jnp.round(255 * few).astype(jnp.uint8),
  }
