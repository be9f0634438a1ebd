"""Several answers to one damaged image: what multiple imputation is worth."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.applications import _members
from vae_jax.applications import _restoration as shared
from vae_jax.inference.damage import spread
from vae_jax.inference.latent_map import Mode, posterior_draws, resample, weigh
from vae_jax.metrics import restoration
from vae_jax.types import Array, Example, Hyper, Params, Table

SETTINGS = {
  "proposals": 50,  # draws around the mode, weighted
  "imputations": 50,  # draws behind an interval
  "answers": 10,  # pictures compared with one another
}
NEAR = 10.0  # the largest weight, in units of the average one; see `answer`
LEVEL = 0.9  # of the intervals


def answer(
  task: shared.Task,
  params: Params,
  hyper: Hyper,
  example: Example,
  joint: Callable[[Array], Array],
  mode: Mode,
  complete: Callable[[Array], Array],
  missing: Array,
  key: Array,
) -> dict[str, Array]:
  """The posterior mean, and how good the draws are that it is a mean of; of ONE image.

  Weights are truncated at NEAR times their average (Ionides, 2008, eq. 4, with a constant for
  his square root of K): in tens of dimensions a few draws would otherwise have them all.

  Args:
    task: its settings.
    params: of one member.
    hyper: with `residual` [2], of `damage.spread`.
    example: with the clean `x`.
    joint: log p(y|z) + log p(z).
    mode: of it.
    complete: a decoded image -> an answer: what is known put in its place.
    missing: [H, W, 1], 1 where the answer is scored.
    key: of the draws.
  """
  s, decode = task.settings, shared.decoder(task.run, params)
  of = lambda use: jax.random.fold_in(key, use)
  draws = posterior_draws(joint, mode.z, of(0), s["proposals"])
  ceiling = jnp.log(NEAR / s["proposals"])
  kept = weigh(draws.z, jnp.minimum(draws.log_weights, ceiling))
  means = jax.vmap(decode)(draws.z)  # [K, H, W, C]
  average = jnp.tensordot(jnp.exp(kept.log_weights), means, 1)
  few = jax.vmap(lambda z: complete(decode(z)))(resample(kept, of(1), s["answers"]))
  many = jax.vmap(decode)(resample(kept, of(2), s["imputations"]))
  std = spread(jnp.clip(many, 0, 1), hyper["residual"])
  many = jnp.clip(many + std * jax.random.normal(of(3), many.shape), 0, 1)
  clean, total = example["x"], jnp.maximum(missing.sum() * few.shape[-1], 1.0)
  over_missing = lambda v: jnp.sum(v * missing) / total
  single = jax.vmap(lambda x: over_missing(jnp.square(x - clean)))(few)
  return {
    "mean": complete(average),
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
  """Coverage and CRPS [N] of independent N(mean, std^2), clipped to [0, 1]: a baseline's."""

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
  return jax.device_get(jax.jit(jax.vmap(one))(mean, std, clean, missing, keys))


def table(
  task: shared.Task,
  found: dict[str, np.ndarray],
  damages: list[str],
  baseline: list[tuple[str, dict[str, np.ndarray]]],
) -> Table:
  """A row for each member and damage, then the baseline's: [M, D, N] and [N] numbers."""
  head, rows = _members.columns(task.run), []
  names = ("coverage", "crps", "one", "best", "diversity", "ess")
  for m in range(len(task.run.members)):
    for d, damage in enumerate(damages):
      cells: list[Any] = [float(np.mean(found[name][m, d])) for name in names]
      rows.append([*_members.cells(task.run, m), damage, "model", *cells])
  for damage, values in baseline:
    cells = [float(values[name].mean()) if name in values else None for name in names]
    rows.append([None] * len(head) + [damage, "conditional Gaussian", *cells])
  s = task.settings
  note = (
    f"Of missing pixels. 90 % coverage: how often the truth lies in the central interval of"
    f" {s['imputations']} draws, 0.9 if they are right; CRPS in grey levels, lower is better."
    f" One answer: the squared error of a single draw; best: of the best of {s['answers']}."
    f" Diversity: the root mean squared difference of two of them. ESS: how many of the"
    f" {s['proposals']} weighted draws count before weights are truncated; where it is near 1,"
    " the draws are the proposal's and not the posterior's."
  )
  columns = (*head, "damage", "method", "90 % coverage", "CRPS", "mse, one answer")
  columns += (f"mse, best of {s['answers']}", "diversity", "ESS")
  return Table("Several answers instead of one", columns, rows, note)
