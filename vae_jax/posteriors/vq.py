"""Vector quantisation: each of G vectors is exchanged for the nearest entry of a codebook."""

import jax
import jax.numpy as jnp

from vae_jax.families.discrete import Entries, Quantised
from vae_jax.types import Array, Hyper, Params, Posterior, Sizes, UserError

FAMILY, SUPPORT = "discrete", "codebook"
OPTIONS = {"entries": 64, "vectors": 5}
# `commitment` is beta of van den Oord et al., `memory` gamma of their appendix A.1
HYPER = {"commitment": 0.25, "memory": 0.99}
SMALL = 1e-3  # share of an entry that is added to its count, so that no division is by 0


def state(key: Array, sizes: Sizes, entries: int = 64, vectors: int = 5) -> Params:
  """The codebook [V, D] of N(0, I), and what is counted of each entry.

  Raises:
    UserError: fewer than two entries, or latents that are no multiple of the vectors.
  """
  if entries < 2:
    raise UserError(f"posterior.entries is {entries}; it must be at least 2.")
  codebook = jax.random.normal(key, (entries, _width(sizes.latents, vectors)))
  counts = jnp.full(entries, vectors / entries)
  return {"codebook": codebook, "counts": counts, "sums": codebook * counts[:, None]}


def distribution(
  own: Params,
  q: Posterior,
  numbers: dict[str, Array],
  entries: int = 64,
  vectors: int = 5,
) -> Quantised:
  """q(z|x) is the entry nearest to each of the G = `vectors` vectors of the encoder's mean.

  van den Oord et al. (2017), eq. 1-3; the gradient passes over the exchange to the encoder.
  The commitment is charged with the rate, so that an objective's weight of the rate scales it.
  The encoder's logvar is not used.
  """
  del entries
  encoded = q.mean.reshape(vectors, _width(len(q.mean), vectors))
  return Quantised(encoded, own["codebook"], numbers.get("commitment"))


def symbols(sizes: Sizes, entries: int = 64, vectors: int = 5) -> tuple[int, int]:
  """How many vectors a code has, and how many entries each may be; raises as `state` does."""
  _width(sizes.latents, vectors)
  return vectors, entries


def support(own: Params, sizes: Sizes, entries: int = 64, vectors: int = 5) -> Entries:
  """Every entry equally likely, for each vector."""
  del entries, sizes
  return Entries(own["codebook"], vectors)


def statistics(q: Quantised) -> dict[str, Array]:
  """How often one example took each entry, [V], and the sum of what it put there, [V, D]."""
  chosen = jax.nn.one_hot(q.index(), len(q.codebook))  # [G, V]
  return {"counts": jnp.sum(chosen, axis=0), "sums": chosen.T @ q.encoded}


def update(own: Params, found: dict[str, Array], hyper: Hyper) -> Params:
  """The codebook as the moving average of what is encoded to each entry.

    n <- m n + (1 - m) counts,   s <- m s + (1 - m) sums,   entry = s / n

  van den Oord et al. (2017), eq. 6-8, with counts and sums of the mean example in the place
  of those of the batch, and with their code's smoothing of small counts.
  """
  keep = hyper["memory"]
  move = lambda name: keep * own[name] + (1.0 - keep) * found[name]
  counts, sums = move("counts"), move("sums")
  total, small = jnp.sum(counts), SMALL / len(counts)
  smooth = (counts + small) / (total + SMALL) * total
  return {"codebook": sums / smooth[:, None], "counts": counts, "sums": sums}


def _width(latents: int, vectors: int) -> int:
  if vectors < 1 or latents % vectors:
    raise UserError(
      f"config.model.latents is {latents} and config.posterior.vectors is {vectors}: the latents"
      f" are divided into that many vectors, so they must be a multiple of it."
    )
  return latents // vectors
