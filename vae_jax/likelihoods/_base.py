"""What a family is, and what several families share."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array, UserError

Cumulative = Callable[[np.ndarray], np.ndarray]  # k [n] -> P(symbol < k) [n], float64


class Likelihood(NamedTuple):
  """A family p(x | theta) over one example, theta [*shape, P]."""

  name: str
  outputs: int  # numbers per element of x that the decoder predicts
  log_prob: Callable[[Array, Array], Array]  # theta, x -> [] nats, summed over the elements
  mean: Callable[[Array], Array]  # theta -> E[x], the shape of x
  sample: Callable[[Array, Array], Array]  # theta, key -> x
  domains: tuple[str, ...]  # the Spec.domain it is defined on
  shared: tuple[float, ...] = ()  # initial values of the shared parameters
  is_density: bool = False  # True: a density over reals, which can exceed 1
  proper: bool = True  # False: sums to no 1 over x, so that no number of it is a likelihood
  terms: Callable[[Array, Array], Array] | None = None  # log_prob of each element, [*shape]
  symbols: int = 0  # values that an element of a discrete family takes; 0: not discrete
  # numpy, float64: theta [n, P] -> (k [n] -> P(symbol < k) [n]); what an entropy coder asks
  below: Callable[[np.ndarray], Cumulative] | None = None
  # theta -> log P of each symbol [*shape, V], of a family whose elements differ in kind: then
  # `below` takes these in the place of theta
  log_shares: Callable[[Array], Array] | None = None
  end: int = 0  # the symbol of a row behind which 0 alone stands and is certain; 0: none
  joint: bool = False  # True: elements depend on one another and none can be left out

  def each(self, theta: Array, x: Array) -> Array:
    """log p of each element alone, [*shape] nats: what is summed where some are missing."""
    if self.joint:
      raise UserError(
        f"The likelihood {self.name!r} is of all the elements together: on data with missing"
        f" values choose one whose elements are independent, such as gaussian or mixed."
      )
    if self.terms is not None:
      return self.terms(theta, x)
    flat = theta.reshape(-1, theta.shape[-1])
    one = jax.vmap(lambda t, v: self.log_prob(t[None], v[None]))
    return one(flat, x.reshape(-1)).reshape(x.shape)

  def mode(self, theta: Array) -> Array:
    """The likeliest x of a family over categories; of another its mean, which is drawn."""
    mean = self.mean(theta)
    return jnp.argmax(mean, -1) if self.domains == ("category",) else mean


def total(terms: Array) -> Array:
  """The sum of all terms, []; on a CPU their product with ones.

  XLA computes terms within the loop that sums them, which saves memory on an accelerator. On a
  CPU such a loop computes one term after another, with its exponentials and logarithms. The
  cross-entropy of 28 x 28 pixels took 47 microseconds in this way, and 3 with a product, which
  reads its operand from memory (docs/benchmarks.md).
  """
  if jax.default_backend() != "cpu":
    return jnp.sum(terms)
  return terms.reshape(-1) @ jnp.ones(terms.size, terms.dtype)


def stepwise(shares: np.ndarray) -> Cumulative:
  """P(symbol < k) of categories with these shares [n, V]."""
  edges = np.pad(np.cumsum(shares, -1), ((0, 0), (1, 0)))
  rows, edges = np.arange(len(edges)) * edges.shape[-1], edges.ravel()
  return lambda k: edges[rows + k]


def check_scale(family: str, scale: str, known: tuple[str, ...]) -> None:
  """Raises a UserError where `config.likelihood.scale` is none of a family's."""
  if scale not in known:
    raise UserError(f"likelihood.scale of {family} is {scale!r}; expected one of {known}.")
