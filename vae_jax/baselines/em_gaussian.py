"""One Gaussian fitted by EM to a table with holes: the baseline for every imputation."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

BLOCK = 2_000_000  # numbers of one [rows, D, D] stack


class Gaussian(NamedTuple):
  """N(mean, covariance) of a row."""

  mean: np.ndarray  # [D]
  covariance: np.ndarray  # [D, D]


class Filled(NamedTuple):
  """What a Gaussian says of the missing entries of each row."""

  mean: np.ndarray  # [N, D]; observed entries as they are
  std: np.ndarray  # [N, D]; 0 where observed
  covariance: np.ndarray  # [D, D] the conditional covariances summed over the rows


def fit(
  x: np.ndarray, iterations: int = 200, ridge: float = 1e-3, tolerance: float = 1e-4
) -> Gaussian:
  """The mean and covariance of largest likelihood of what is observed.

    mean = mean_n E[x_n | observed],   covariance = mean_n (E - mean)(E - mean)' + C_n + ridge I

  Args:
    x: [N, D], NaN where missing; columns of about unit scale.
    iterations: at most.
    ridge: added to each variance; it is what keeps columns that always agree apart.
    tolerance: EM ends when no entry of mean and covariance moves further.

  Dempster, Laird & Rubin (1977), section 4.1.3; Little & Rubin (2002), section 11.2.
  """
  dims = x.shape[1]
  found = Gaussian(np.nanmean(x, 0), np.diag(np.nanvar(x, 0) + ridge))
  for _ in range(iterations):
    filled = conditional(found, x)
    mean = filled.mean.mean(0)
    centred = filled.mean - mean
    covariance = (centred.T @ centred + filled.covariance) / len(x) + ridge * np.eye(dims)
    moved = max(
      np.abs(mean - found.mean).max(), np.abs(covariance - found.covariance).max()
    )
    found = Gaussian(mean, covariance)
    if moved < tolerance:
      break
  return found


def conditional(gaussian: Gaussian, x: np.ndarray) -> Filled:
  """E[missing | observed], its spread, and the summed conditional covariance.

    m + S_.o S_oo^-1 (x_o - m_o),   C = S - S_.o S_oo^-1 S_o.

  All rows of a block at once: with O = diag(observed), S_oo^-1 is the observed block of
  (O S O + I - O)^-1, so that no mask needs a loop.
  """
  mean, std = np.empty_like(x), np.empty_like(x)
  total = np.zeros_like(gaussian.covariance)
  for rows in _blocks(x):
    mean[rows], covariance = _block(gaussian, x[rows])
    std[rows] = np.sqrt(np.maximum(np.einsum("nii->ni", covariance), 0))
    total += covariance.sum(0)
  return Filled(mean, std, total)


def draws(
  gaussian: Gaussian, x: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Multiple imputations [count, N, D] from the joint conditional of each row."""
  found = np.empty((count, *x.shape))
  for rows in _blocks(x):
    mean, covariance = _block(gaussian, x[rows])
    values, axes = np.linalg.eigh(covariance)
    noise = rng.standard_normal((count, *values.shape)) * np.sqrt(np.maximum(values, 0))
    found[:, rows] = mean + np.einsum("nij,knj->kni", axes, noise)
  seen = ~np.isnan(x)
  found[:, seen] = x[seen]
  return found


def answer(
  known: np.ndarray,
  rows: np.ndarray,
  samples: int,
  rng: np.random.Generator,
  file: Callable[[np.ndarray], np.ndarray],
) -> dict[str, np.ndarray]:
  """Rows filled in by the Gaussian of what is known: "point" [N, D], "draws" [N, samples, D].

  Args:
    known: what the Gaussian is fitted to [P, E], NaN where missing.
    rows: that are filled in [N, E], NaN where missing.
    samples: of the conditional distribution of each row.
    rng: of these draws.
    file: what the caller's file has for rows of E numbers.
  """
  gaussian = fit(known)
  drawn = np.stack([file(one) for one in draws(gaussian, rows, samples, rng)], 1)
  return {"point": file(conditional(gaussian, rows).mean), "draws": drawn}


def _block(gaussian: Gaussian, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """The conditional mean [n, D] and covariance [n, D, D]; 0 in observed rows and columns."""
  seen = ~np.isnan(x)
  both = seen[:, :, None] & seen[:, None, :]
  joined = np.where(both, gaussian.covariance, 0) + np.einsum(
    "ni,ij->nij", ~seen, np.eye(x.shape[1])
  )
  cross = np.where(seen[:, :, None], gaussian.covariance, 0)  # [n, observed, all]
  gain = np.linalg.solve(joined, cross)
  gap = np.where(seen, x - gaussian.mean, 0)
  mean = np.where(seen, x, gaussian.mean + np.einsum("ni,nij->nj", gap, gain))
  covariance = gaussian.covariance - np.einsum("nki,nkj->nij", cross, gain)
  unseen = ~seen[:, :, None] & ~seen[:, None, :]
  return mean, np.where(unseen, covariance, 0)


def _blocks(x: np.ndarray) -> list[slice]:
  step = max(1, BLOCK // x.shape[1] ** 2)
  return [slice(i, i + step) for i in range(0, len(x), step)]
