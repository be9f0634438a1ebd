"""One of several ranges of grey levels, and each level of a range alike."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import softmax

from vae_jax.likelihoods._base import Cumulative, Likelihood, total
from vae_jax.types import Array, Spec, UserError


def binned(spec: Spec, levels: int = 256, width: int = 16, single: int = 6) -> Likelihood:
  """P(x) = softmax(theta)_b / n_b, b the range that the level of x is in and n_b its levels.

  Black and the `single` brightest levels are ranges of their own, the others are `width` levels
  wide. Any shape of distribution is possible, as with a category for each level, at a tenth of
  the outputs; a pixel of a drawing is black or nearly white, and hardly ever sure of a level in
  between.

  theta [*shape, P]: a logit for each range.

  Args:
    spec: of the data.
    levels: how many grey levels the data has; 256 for 8-bit images.
    width: levels of a range in the middle.
    single: of the brightest levels.

  Raises:
    UserError: no such ranges.
  """
  del spec
  if width < 1 or not 0 <= single <= levels - 1:
    raise UserError(
      f"likelihood.width is {width} and likelihood.single {single}; expected 1 or more, and 0 to"
      f" {levels - 1}."
    )
  edges = [0, *range(1, levels - single, width), *range(levels - single, levels + 1)]
  edges = np.array(edges)
  sizes, centres = np.diff(edges), (edges[:-1] + edges[1:] - 1) / 2 / (levels - 1)
  of_level = np.repeat(np.arange(len(sizes)), sizes)

  def log_prob(theta: Array, x: Array) -> Array:
    place = jnp.asarray(of_level)[jnp.round(x * (levels - 1)).astype(int)]
    last = lambda row: jnp.asarray(row).reshape((1,) * (theta.ndim - 1) + (-1,))
    here = place[..., None] == last(np.arange(len(sizes)))
    # Masked and summed rather than gathered: a TPU copies what it gathers from, and its gradient,
    # into rows of 128, of which the ranges fill 23 by default.
    picked = jnp.sum(jnp.where(here, theta - last(np.log(sizes)), 0.0), -1)
    return total(picked - jax.nn.logsumexp(theta, -1))

  def sample(theta: Array, key: Array) -> Array:
    which, within = jax.random.split(key)
    place = jax.random.categorical(which, theta)
    share = jax.random.uniform(within, place.shape)
    first, size = jnp.asarray(edges)[place], jnp.asarray(sizes)[place]
    return (first + jnp.floor(share * size)) / (levels - 1)

  return Likelihood(
    "binned",
    len(sizes),
    log_prob,
    lambda theta: jax.nn.softmax(theta) @ jnp.asarray(centres, theta.dtype),
    sample,
    ("unit", "binary"),
    symbols=levels,
    below=functools.partial(_below, edges),
  )


def _below(edges: np.ndarray, theta: np.ndarray) -> Cumulative:
  """A line within each range."""
  shares = softmax(theta, -1).astype(np.float64)
  first = np.pad(np.cumsum(shares, -1), ((0, 0), (1, 0))).ravel()
  sizes = np.diff(edges)
  slope = np.pad(shares / sizes, ((0, 0), (0, 1))).ravel()
  of_level = np.append(np.repeat(np.arange(len(sizes)), sizes), len(sizes))
  rows = np.arange(len(theta)) * len(edges)

  def below(k: np.ndarray) -> np.ndarray:
    b = of_level[k]
    return first[rows + b] + slope[rows + b] * (k - edges[b])

  return below
