"""Bits back: a batch of examples on the stack for their negative ELBO, and off again.

To put x on: take z off as if it had been put there with q(z|x), put x on with p(x|z), put z on
with p(z). The bits that taking z gave are the "bits back": the net cost of x is

    -log p(x|z) - log p(z) + log q(z|x),   -ELBO on average.

Frey & Hinton (1997); Townsend, Bird & Barber (2019), section 2.3 and algorithm 1.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vae_jax.codec import tables
from vae_jax.codec.stack import Stack

MOST = 256  # examples side by side, and rows of every call of the network


class Model(NamedTuple):
  """A model as the codec needs it: the same numbers on both sides, whatever the batch holds."""

  encode: Callable[
    [np.ndarray], tuple[np.ndarray, np.ndarray]
  ]  # symbols [B, D] -> [B, L] twice
  decode: Callable[[np.ndarray], np.ndarray]  # z [B, L] -> outputs [B, D, P]
  below: Callable[
    [np.ndarray, np.ndarray], np.ndarray
  ]  # outputs [n, P], k [n] -> P(x < k) [n]
  symbols: int  # V, values of an element
  size: int  # D, elements of an example
  latents: int  # L
  batch: int  # B, rows of every call


def lanes(count: int) -> int:
  """How many examples of a file are coded side by side at most: a power of two, up to MOST.

  A lane costs some 50 bits at the end of the file, so that small files have few.
  """
  return min(MOST, 1 << max(0, (count // 40).bit_length() - 1))


def sizes(count: int) -> list[int]:
  """How many examples each step puts on: 1, 1, 1, 1, 2, 3, 4, ... up to `lanes`.

  A step takes bits off before it puts more on. Growing steps live on what is there already, so
  that hardly any random bits are needed to begin with.
  """
  found, done, most = [], 0, lanes(count)
  while done < count:
    found.append(min(max(1, done // 2), most, count - done))
    done += found[-1]
  return found


def put(stack: Stack, model: Model, x: np.ndarray) -> None:
  """Puts symbols [n, D], n at most a batch, on the stack."""
  n = len(x)
  mean, logvar = _encoded(model, x)
  bins = np.zeros((n, model.latents), np.int64)
  for i in range(model.latents):
    start = tables.posterior(mean[:, i], logvar[:, i])
    find = tables.finder(start, 1 << tables.BINS)
    bins[:, i] = stack.pop(n, find, tables.POSTERIOR)
  outputs = _decoded(model, bins)
  for i in range(model.size):
    stack.push(*tables.masses(_element(model, outputs, i), x[:, i]), tables.SYMBOL)
  for i in range(model.latents):
    stack.push(*tables.prior(bins[:, i]), tables.BINS)


def take(stack: Stack, model: Model, count: int) -> np.ndarray:
  """Takes the symbols [count, D] off that were put on last."""
  bins = np.zeros((count, model.latents), np.int64)
  for i in reversed(range(model.latents)):
    bins[:, i] = stack.pop(count, tables.prior_find, tables.BINS)
  outputs = _decoded(model, bins)
  x = np.zeros((count, model.size), np.int64)
  for i in reversed(range(model.size)):
    find = tables.finder(_element(model, outputs, i), model.symbols)
    x[:, i] = stack.pop(count, find, tables.SYMBOL)
  mean, logvar = _encoded(model, x)
  for i in reversed(range(model.latents)):
    start = tables.posterior(mean[:, i], logvar[:, i])
    stack.push(*tables.masses(start, bins[:, i]), tables.POSTERIOR)
  return x


def _element(model: Model, outputs: np.ndarray, i: int) -> tables.Cumulative:
  below = lambda k: model.below(outputs[:, i], k)
  return tables.integers(below, model.symbols, tables.SYMBOL)


def _encoded(model: Model, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  full = np.zeros((model.batch, model.size), np.int64)
  full[: len(x)] = x
  return tuple(tables.on_grid(part)[: len(x)] for part in model.encode(full))


def _decoded(model: Model, bins: np.ndarray) -> np.ndarray:
  z = np.zeros((model.batch, model.latents))
  z[: len(bins)] = tables.centres(bins)
  return tables.on_grid(model.decode(z))[: len(bins)]
