"""Several answers to one damaged image, and the scores of multiple imputation."""

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.evaluation.protocol import Metric
from vae_jax.inference import imputations
from vae_jax.metrics import restoration
from vae_jax.types import Array

SETTINGS = {
  "proposals": 50,  # draws around the mode, weighted
  "imputations": 50,  # draws behind an interval
  "answers": 10,  # pictures compared with one another
}
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
  " Several answers: 90 % coverage is how often the truth is in the central interval of the"
  " draws, 0.9 if they are right. One answer is a single draw, the best is that of several."
  " Diversity is the root mean squared difference of two of them. ESS is how many of the"
  " weighted draws count before weights are truncated; where it is near 1, the draws are the"
  " proposal's and not the posterior's."
)


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
      "coverage": over_missing(restoration.covered(draws, clean, imputations.LEVEL)),
      "crps": over_missing(restoration.crps(draws, clean)),
    }

  keys = jax.random.split(jax.random.key(seed), len(mean))
  found = jax.device_get(jax.jit(jax.vmap(one))(mean, std, clean, missing, keys))
  return {"x": mean, **found}
