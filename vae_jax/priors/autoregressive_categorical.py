"""An autoregressive model of discrete codes: each symbol given those before it."""

import jax.numpy as jnp
import numpy as np

from vae_jax.families import maps
from vae_jax.families.discrete import Ordered
from vae_jax.latents import About
from vae_jax.types import Array, Params, Sizes, UserError

SUPPORTS = ("one-hot", "codebook")
OPTIONS = {"hidden": 256}


def parameters(key: Array, sizes: Sizes, hidden: int = 256) -> Params:
  """A masked network from the one-hots of all G symbols to G V logits; it starts near uniform.

  Raises:
    UserError: fewer than one hidden unit.
  """
  if hidden < 1:
    raise UserError(f"prior.hidden is {hidden}; it must be at least 1.")
  groups, values = sizes.symbols
  own = maps.network(key, groups * values, hidden, groups * values)
  return own | {"w1": own["w1"] * values**0.5}  # one of V inputs is 1


def distribution(own: Params, about: About, hidden: int = 256) -> Ordered:
  """p(z) = prod_g Categorical(s_g; softmax(f_g(s_<g))) over the symbols s of a code.

  A model of the codes as van den Oord et al. (2017), section 3.3, have one, in the order of the
  code. f is a masked network (MADE, Germain et al. 2015, with V inputs for each symbol): a mass
  takes one pass, and a draw takes G of them.
  """
  groups, values = about.sizes.symbols
  first, last = maps.masks(np.repeat(np.arange(groups), values), hidden)

  def logits(symbols: Array) -> Array:
    into = symbols.reshape(-1) @ (own["w1"] * first.astype("float32")) + own["b1"]
    out = jnp.tanh(into) @ (own["w2"] * last.astype("float32")) + own["b2"]
    return out.reshape(groups, values)

  return Ordered(about.support(), logits, (groups, values))
