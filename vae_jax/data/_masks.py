"""Which entries of a table are taken out: completely at random, at random, or by their value.

Rubin (1976) for the three; every mask is a function of the table and the mask seed alone.
"""

import warnings
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from vae_jax import registry
from vae_jax.types import UserError


def draw(table: Any, config: dict[str, Any]) -> np.ndarray:
  """True where an entry is hidden, bool [N, D].

  mechanism: "mcar", "mar", "mnar", "self_masking", or "published" of a HI-VAE table.

  Raises:
    UserError: an unknown mechanism, or a rate outside [0, 1).
  """
  name, rate = config["mechanism"], config["rate"]
  if not 0 <= rate < 1:
    raise UserError(f"data.rate is {rate}; expected a share of entries in [0, 1).")
  if not 0 <= config["mask_seed"] < 2**31:
    raise UserError(f"data.mask_seed is {config['mask_seed']}; expected one in [0, 2^31).")
  if name == "published":
    if config["mask_seed"]:
      raise UserError(
        f"data.mask_seed is {config['mask_seed']}, and there is one published mask of each"
        " rate: leave it at 0, or choose another data.mechanism."
      )
    return table.published(rate)
  if name not in MECHANISMS:
    hint = registry.nearest(name, [*MECHANISMS, "published"])
    raise UserError(f"data.mechanism is {name!r}.{hint}")
  values = _standard(table.values)
  if rate == 0:
    return np.zeros(values.shape, bool)
  return MECHANISMS[name](values, rate, np.random.default_rng(config["mask_seed"]))


def mcar(values: np.ndarray, rate: float, draw: np.random.Generator) -> np.ndarray:
  """Every entry with the same probability."""
  return draw.random(values.shape) < rate


def mar(values: np.ndarray, rate: float, draw: np.random.Generator) -> np.ndarray:
  """By what is always observed: a third of the columns stays, and decides over the others.

  p(hidden) = sigmoid(a + w.v) with w ~ N(0, I) over the columns that stay, for each of the
  others; a makes its expected share `rate`.
  """
  n, d = values.shape
  order = draw.permutation(d)
  stay, others = order[: max(1, d // 3)], order[max(1, d // 3) :]
  hidden = np.zeros((n, d), bool)
  for column in others:
    score = values[:, stay] @ draw.normal(size=len(stay)) / len(stay) ** 0.5
    level = lambda a, score=score: expit(a + 2 * score).mean() - rate
    edge = 2 * np.abs(score).max() + 20
    hidden[:, column] = draw.random(n) < expit(brentq(level, -edge, edge) + 2 * score)
  return hidden


def mnar(values: np.ndarray, rate: float, draw: np.random.Generator) -> np.ndarray:
  """By the hidden value itself: half of the columns lose their highest share `rate`."""
  return _above(values, lambda column: np.quantile(column, 1 - rate), draw)


def self_masking(values: np.ndarray, rate: float, draw: np.random.Generator) -> np.ndarray:
  """Half of the columns lose all values above their mean, whatever the rate.

  Ipsen et al. (2021), not-MIWAE, section 4.1; there the first half, here a drawn one.
  """
  del rate
  return _above(values, np.mean, draw)


def _above(values: np.ndarray, limit: Any, draw: np.random.Generator) -> np.ndarray:
  n, d = values.shape
  hidden = np.zeros((n, d), bool)
  for column in draw.permutation(d)[: max(1, d // 2)]:
    hidden[:, column] = values[:, column] > limit(values[:, column])
  return hidden


def _standard(values: np.ndarray) -> np.ndarray:
  # The mechanism is nature, not the model: it may look at every value that is known.
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a column without a value, which is refused later
    mean, std = np.nanmean(values, 0), np.nanstd(values, 0)
  return np.nan_to_num((values - mean) / np.where(std > 0, std, 1))


MECHANISMS = {"mcar": mcar, "mar": mar, "mnar": mnar, "self_masking": self_masking}
