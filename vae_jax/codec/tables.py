"""Probabilities as integers: what is coded must be the same number on both sides.

A cumulative function F of V symbols becomes F'(k) = floor(F(k) (2^p - V)) + k, so that every
symbol has a mass of at least 1 and costs at most p bits. All of it is float64 on the host. A
network's outputs are rounded to a grid before.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, ndtri

from vae_jax.codec.stack import Find

GRID = 2.0**-14  # of the network's outputs; small against any scale that matters
BINS = 16  # log2 of the bins of equal mass that stand for a latent
POSTERIOR = 30  # precision of q(z|x) over these bins
SYMBOL = 24  # precision of p(x|z)
Cumulative = Callable[[np.ndarray], np.ndarray]  # k [n] -> P(symbol < k) [n], float64


def on_grid(values: np.ndarray) -> np.ndarray:
  """The nearest multiples of GRID, float64: differences in the last bits of a sum are gone."""
  return np.round(np.asarray(values, np.float64) / GRID) * GRID


def integers(below: Cumulative, symbols: int, precision: int) -> Cumulative:
  """k -> floor(F(k) (2^p - V)) + k as int64, with F(0) = 0 and F(V) = 1 whatever `below` says."""
  room = float((1 << precision) - symbols)

  def start(k: np.ndarray) -> np.ndarray:
    share = np.clip(below(k), 0.0, 1.0)
    share = np.where(k <= 0, 0.0, np.where(k >= symbols, 1.0, share))
    return np.floor(share * room).astype(np.int64) + k

  return start


def masses(start: Cumulative, symbol: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Where a symbol [n] begins and how much it takes, [n] each."""
  first = start(symbol)
  return first, start(symbol + 1) - first


def finder(start: Cumulative, symbols: int) -> Find:
  """Places -> the symbols that take them, by bisection: F' grows strictly."""

  def find(place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low = np.zeros(len(place), np.int64)
    high = np.full(len(place), symbols, np.int64)
    for _ in range(int(symbols).bit_length()):
      middle = (low + high) // 2
      right = start(middle) <= place
      low, high = np.where(right, middle, low), np.where(right, high, middle)
    return low, *masses(start, low)

  return find


def even(symbols: int) -> Cumulative:
  """F' of symbols that are all alike."""
  return integers(lambda k: k / symbols, symbols, SYMBOL)


def categories(shares: np.ndarray) -> Cumulative:
  """F' of categories with these shares, [n, V] or [1, V] of all."""
  edges = np.pad(np.cumsum(shares, -1), ((0, 0), (1, 0)))
  rows = lambda k: np.arange(len(k)) if len(edges) > 1 else np.zeros(len(k), int)
  return integers(lambda k: edges[rows(k), k], shares.shape[-1], SYMBOL)


EDGES = ndtri(np.arange((1 << BINS) + 1) / (1 << BINS))  # of bins of equal mass of N(0, 1)


def centres(bins: np.ndarray) -> np.ndarray:
  """The median of N(0, 1) within each bin: the z that a bin stands for."""
  return ndtri((bins + 0.5) / (1 << BINS))


def posterior(mean: np.ndarray, logvar: np.ndarray) -> Cumulative:
  """F' of N(mean, exp(logvar)) over the bins, for a latent of n examples, [n] each."""
  scale = np.exp(-0.5 * logvar)
  return integers(lambda k: ndtr((EDGES[k] - mean) * scale), 1 << BINS, POSTERIOR)


def prior(bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Starts and masses of bins under the prior: all alike, by construction."""
  return bins, np.ones_like(bins)


def prior_find(place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The bins at these places under the prior."""
  return place, *prior(place)
