"""Several answers to one damaged image: what multiple imputation is worth."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.evaluation import restoration as shared
from vae_jax.evaluation.protocol import Metric
from vae_jax.inference import damage
from vae_jax.inference.latent_map import Mode, posterior_draws, resample, weigh
from vae_jax.metrics import restoration
from vae_jax.run import Run
from vae_jax.types import Array, Example, Hyper, Params

SETTINGS = {
  "proposals": 50,  # draws around the mode, weighted
  "imputations": 50,  # draws behind an interval
  "answers": 10,  # pictures compared with one another
}
NEAR = 10.0  # the largest weight, in units of the average one; see `answer`
LEVEL = 0.9  # of the intervals
_TABLE = "Several answers instead of one"
METRICS = {
  "coverage": Metric("90 % coverage", better=0, digits=3, table=_TABLE),
  "crps": Metric("CRPS", "grey levels", -1, 4, table=_TABLE),
  "one": Metric("Squared error of one answer", better=-1, digits=4, table=_TABLE),
  "best": Metric("Squared error of the best answer", better=-1, digits=4, table=_TABLE),
  "diversity": Metric("Diversity", better=0, digits=3, table=_TABLE),
  "ess": Metric("ESS", better=0, digits=1, table=_TABLE),
}
NOTE = (
  " Several answers: 90 % coverage is how often the truth lies in the central interval of the"
  " draws, 0.9 if they are right. One answer is a single draw, the best is that of several."
  " Diversity is the root mean squared difference of two of them. ESS is how many of the"
  " weighted draws count before weights are truncated; where it is near 1, the draws are the"
  " proposal's and not the posterior's."
)


def answer(
  settings: dict[str, Any],
  run: Run,
  params: Params,
  hyper: Hyper,
  example: Example,
  joint: Callable[[Array], Array],
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
    run: of the members.
    params: of one member.
    hyper: with `residual` [2], of `damage.spread`.
    example: with the clean `x`.
    joint: log p(y|z) + log p(z).
    mode: of it.
    complete: a decoded image -> an answer: what is known put in its place.
    missing: [H, W, 1], 1 where the answer is scored.
    key: of the draws.
  """
  s, decode = settings, shared.decoder(run, params)
  of = lambda use: jax.random.fold_in(key, use)
  draws = posterior_draws(joint, mode.z, of(0), s["proposals"])
  ceiling = jnp.log(NEAR / s["proposals"])
  kept = weigh(draws.z, jnp.minimum(draws.log_weights, ceiling))
  means = jax.vmap(decode)(draws.z)  # [K, H, W, C]
  average = jnp.tensordot(jnp.exp(kept.log_weights), means, 1)
  few = jax.vmap(lambda z: complete(decode(z)))(resample(kept, of(1), s["answers"]))
  many = jax.vmap(decode)(resample(kept, of(2), s["imputations"]))
  std = damage.spread(jnp.clip(many, 0, 1), hyper["residual"])
  many = jnp.clip(many + std * jax.random.normal(of(3), many.shape), 0, 1)
  clean, total = example["x"], jnp.maximum(missing.sum() * few.shape[-1], 1.0)
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


def gaussian(
  mean: np.ndarray, std: np.ndarray, clean: np.ndarray, missing: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
  """A baseline's answer: its mean, and coverage and CRPS [N] of N(mean, std^2) in [0, 1]."""

  def one(mean: Array, std: Array, clean: Array, missing: Array, key: Array) -> dict:
    noise = jax.random.normal(key, (SETTINGS["imputations"], *mean.shape))
    draws = jnp.clip(mean[None] + std[None] * noise, 0, 1)
    total = jnp.maximum(missing.sum() * mean.shape[-1], 1.0)
    over_missing = lambda v: jnp.sum(v * missing) / total
    return {
      "coverage": over_missing(restoration.covered(draws, clean, LEVEL)),
      "crps": over_missing(restoration.crps(draws, clean)),
    }

  keys = jax.random.split(jax.random.key(seed), len(mean))
  found = jax.device_get(jax.jit(jax.vmap(one))(mean, std, clean, missing, keys))
  return {"x": mean, **found}
