"""Comparison of two codecs over their rates: the bits that one saves at equal error."""

import numpy as np
from scipy.interpolate import PchipInterpolator


def bjontegaard(
  bits: np.ndarray, psnr: np.ndarray, other_bits: np.ndarray, other_psnr: np.ndarray
) -> float:
  """The Bjøntegaard rate: the other codec's bits less this one's at equal PSNR, in per cent.

    100 (exp(mean over PSNR of log(other bits) - log(bits)) - 1)

  over the PSNRs that both reach, from monotone cubic interpolation of log bits. Negative: the
  other one needs fewer. NaN where no PSNR is reached by both, or a codec has one point alone.

  Args:
    bits: [P] of the codec that is compared with.
    psnr: [P] in dB.
    other_bits: [Q].
    other_psnr: [Q].

  Bjøntegaard (2001), VCEG-M33, with the piecewise cubics of his later note (VCEG-AI11).
  """
  first, second = _curve(psnr, bits), _curve(other_psnr, other_bits)
  if first is None or second is None:
    return np.nan
  low = max(first.x[0], second.x[0])
  high = min(first.x[-1], second.x[-1])
  if low >= high:
    return np.nan
  gap = second.integrate(low, high) - first.integrate(low, high)
  return float(100 * np.expm1(gap / (high - low)))


def bits_at(bits: np.ndarray, mse: np.ndarray, error: float) -> float:
  """The bits at which a codec has this squared error; NaN outside of what it reaches."""
  curve = _curve(-np.log(mse), bits)
  at = -np.log(error)
  if curve is None or not curve.x[0] <= at <= curve.x[-1]:
    return np.nan
  return float(np.exp(curve(at)))


def _curve(x: np.ndarray, bits: np.ndarray) -> PchipInterpolator | None:
  """log bits over growing x; of points with more bits and no less error the first alone counts.

  A point of no bits has no logarithm and is left out.
  """
  bits = np.asarray(bits, np.float64)
  y = np.log(np.where(bits > 0, bits, np.nan))
  kept: list[int] = []
  for i in np.argsort(y, kind="stable"):
    if np.isfinite([x[i], y[i]]).all() and (not kept or x[i] > x[kept[-1]]):
      kept.append(i)
  if len(kept) < 2:
    return None
  return PchipInterpolator(np.asarray(x)[kept], y[kept])
