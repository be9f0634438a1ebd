"""What the disentanglement scores ask of codes and factors, and how they split them."""

import numpy as np

from vae_jax.types import UserError

FITTED = 2 / 3  # of the rows: 10,000 of 15,000 in Locatello et al. (2019)


def checked(codes: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Codes [N, L] as float64 and factors [N, F] as integers.

  Raises:
    UserError: shapes that do not fit, numbers that are not finite, too few rows, or a factor
      that takes one value only.
  """
  codes, factors = np.asarray(codes, np.float64), np.asarray(factors)
  if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
    raise UserError(
      f"Codes are {codes.shape} and factors {factors.shape}; expected [N, L] and [N, F]."
    )
  if factors.dtype.kind not in "iu" or (factors < 0).any():
    raise UserError(f"Factors are {factors.dtype}; expected indices, integers from 0.")
  if not np.isfinite(codes).all():
    raise UserError("Codes hold a NaN or an infinity; leave that model out.")
  if codes.shape[1] < 1 or factors.shape[1] < 2 or len(codes) < 10:
    raise UserError(
      f"Codes are {codes.shape} and factors {factors.shape}; expected at least ten rows, "
      "one latent and two factors."
    )
  still = [f for f in range(factors.shape[1]) if len(np.unique(factors[:, f])) < 2]
  if still:
    raise UserError(
      f"Factor {still[0]} takes one value only; leave it out, or take more rows."
    )
  return codes, factors


def classes(factors: np.ndarray) -> list[np.ndarray]:
  """Each factor's values renumbered from 0 without gaps: F arrays [N]."""
  return [np.unique(values, return_inverse=True)[1].ravel() for values in factors.T]


def holdout(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
  """Rows to fit on and rows to score, drawn."""
  order, border = rng.permutation(rows), round(FITTED * rows)
  return order[:border], order[border:]
